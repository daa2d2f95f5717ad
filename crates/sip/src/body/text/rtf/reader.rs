use encoding_rs::{Encoding, WINDOWS_1252};

use super::{MAX_GROUPS, charset};
use crate::body::{BodyCode, BodyError, multipart::hex};

/// Most fonts whose characters are told apart.
const MAX_FONTS: usize = 256;
/// Destinations whose text is not part of the document.
const HIDDEN: [&str; 20] = [
    "fonttbl",
    "colortbl",
    "stylesheet",
    "info",
    "pict",
    "object",
    "fldinst",
    "header",
    "headerl",
    "headerr",
    "headerf",
    "footer",
    "footerl",
    "footerr",
    "footerf",
    "footnote",
    "listtable",
    "listoverridetable",
    "revtbl",
    "filetbl",
];

pub(super) enum Token<'a> {
    Open,
    Close,
    /// A word and its number.
    Word(&'a str, Option<i32>),
    /// A character of a document's or font's code page.
    Byte(u8),
    /// A control symbol.
    Symbol(u8),
}

#[derive(Clone, Copy)]
struct Group {
    hidden: bool,
    in_fonts: bool,
    /// Hidden text, which can be shown again within its group.
    invisible: bool,
    /// How many characters stand in for one that old readers do not know.
    stand_ins: usize,
    encoding: &'static Encoding,
}

impl Group {
    const fn shows(&self) -> bool {
        !self.hidden && !self.invisible
    }
}

pub(super) struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    groups: Vec<Group>,
    encoding: &'static Encoding,
    fonts: Vec<(i32, &'static Encoding)>,
    default_font: Option<i32>,
    defining: Option<i32>,
    /// A group may say next that whoever does not know it shall skip it.
    optional: bool,
    skip: usize,
    surrogate: Option<u16>,
    pending: Vec<u8>,
    text: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self {
            body,
            at: 0,
            groups: Vec::new(),
            encoding: WINDOWS_1252,
            fonts: Vec::new(),
            default_font: None,
            defining: None,
            optional: false,
            skip: 0,
            surrogate: None,
            pending: Vec::new(),
            text: String::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.body.get(self.at)?;
            self.at += 1;
            match byte {
                b'{' => return Some(Token::Open),
                b'}' => return Some(Token::Close),
                b'\\' => return self.control(),
                b'\r' | b'\n' | 0 => {}
                byte => return Some(Token::Byte(byte)),
            }
        }
    }

    fn control(&mut self) -> Option<Token<'a>> {
        let first = *self.body.get(self.at)?;
        if !first.is_ascii_alphabetic() {
            self.at += 1;
            if first != b'\'' {
                return Some(Token::Symbol(first));
            }
            let digit = |at: usize| self.body.get(at).copied().and_then(hex);
            let (Some(high), Some(low)) = (digit(self.at), digit(self.at + 1)) else {
                return Some(Token::Symbol(first));
            };
            self.at += 2;
            return Some(Token::Byte(high << 4 | low));
        }
        let word = self.run(u8::is_ascii_alphabetic);
        let minus = self.body.get(self.at) == Some(&b'-');
        let signed = minus && self.body.get(self.at + 1).is_some_and(u8::is_ascii_digit);
        self.at += usize::from(signed);
        let digits = self.run(u8::is_ascii_digit);
        let number = digits.parse::<i32>().ok().map(|number| if signed { -number } else { number });
        if self.body.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        Some(Token::Word(word, number))
    }

    fn run(&mut self, fits: impl Fn(&u8) -> bool) -> &'a str {
        let rest = &self.body[self.at..];
        let len = rest.iter().position(|byte| !fits(byte)).unwrap_or(rest.len());
        self.at += len;
        std::str::from_utf8(&rest[..len]).unwrap_or_default()
    }

    /// Takes a token in; says `false` after the last.
    pub(super) fn take(&mut self, token: Token<'a>) -> Result<bool, BodyError> {
        if !matches!(token, Token::Byte(_)) {
            self.skip = 0;
        }
        match token {
            Token::Open => self.open()?,
            Token::Close => {
                self.flush();
                self.groups.pop();
                self.optional = false;
                return Ok(!self.groups.is_empty());
            }
            Token::Word(word, number) => self.word(word, number),
            Token::Byte(byte) => self.byte(byte),
            Token::Symbol(symbol) => self.symbol(symbol),
        }
        Ok(true)
    }

    fn open(&mut self) -> Result<(), BodyError> {
        if self.groups.len() == MAX_GROUPS {
            return Err(BodyError::new(
                BodyCode::TooDeep,
                "rtf",
                self.at,
                "at most 256 groups in each other",
            ));
        }
        self.flush();
        let fresh =
            Group { hidden: false, in_fonts: false, invisible: false, stand_ins: 1, encoding: self.encoding };
        self.groups.push(self.groups.last().copied().unwrap_or(fresh));
        self.optional = false;
        Ok(())
    }

    fn word(&mut self, word: &str, number: Option<i32>) {
        let optional = std::mem::take(&mut self.optional);
        let Some(group) = self.groups.last_mut() else { return };
        if optional || HIDDEN.contains(&word) {
            group.hidden = true;
            group.in_fonts |= word == "fonttbl";
        }
        match (word, number) {
            ("bin", Some(count)) => {
                let count = usize::try_from(count).unwrap_or(0);
                self.at = self.at.saturating_add(count).min(self.body.len());
            }
            ("uc", count) => group.stand_ins = usize::try_from(count.unwrap_or(1)).unwrap_or(1).min(64),
            ("v", value) => group.invisible = value != Some(0),
            ("u", Some(unit)) if group.shows() => self.unit(unit),
            ("f", Some(font)) => self.font(font),
            ("plain", _) => {
                group.invisible = false;
                self.set_font(self.default_font);
            }
            ("deff", font) => self.default_font = font,
            ("fcharset", Some(set)) => self.define(set),
            ("ansicpg", Some(page)) => self.set_encoding(charset::of_code_page(page)),
            ("mac", _) => self.set_encoding(charset::of_code_page(10_000)),
            _ => {
                if let Some(text) = spelt(word) {
                    self.push(text);
                }
            }
        }
    }

    fn set_encoding(&mut self, encoding: &'static Encoding) {
        self.flush();
        self.encoding = encoding;
        self.groups.iter_mut().for_each(|group| group.encoding = encoding);
    }

    fn font(&mut self, font: i32) {
        if self.groups.last().is_some_and(|group| group.in_fonts) {
            self.defining = Some(font);
        } else {
            self.set_font(Some(font));
        }
    }

    fn set_font(&mut self, font: Option<i32>) {
        let known =
            self.fonts.iter().find(|(number, _)| Some(*number) == font).map(|(_, encoding)| *encoding);
        let encoding = known.unwrap_or(self.encoding);
        if self.groups.last().is_some_and(|group| group.encoding != encoding) {
            self.flush();
        }
        if let Some(group) = self.groups.last_mut() {
            group.encoding = encoding;
        }
    }

    fn define(&mut self, set: i32) {
        let fits = self.groups.last().is_some_and(|group| group.in_fonts) && self.fonts.len() < MAX_FONTS;
        if let (true, Some(font), Some(encoding)) = (fits, self.defining, charset::of_font(set)) {
            self.fonts.retain(|(number, _)| *number != font);
            self.fonts.push((font, encoding));
        }
    }

    /// A unit of UTF-16, written as a signed number.
    fn unit(&mut self, unit: i32) {
        self.flush_bytes();
        let unit = u16::try_from(unit & 0xffff).unwrap_or_default();
        let units: Vec<u16> = self.surrogate.take().into_iter().chain([unit]).collect();
        if units.len() == 1 && (0xd800..0xdc00).contains(&unit) {
            self.surrogate = Some(unit);
        } else {
            self.text.push_str(&String::from_utf16_lossy(&units));
        }
        self.skip = self.groups.last().map_or(0, |group| group.stand_ins);
    }

    fn byte(&mut self, byte: u8) {
        self.optional = false;
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.groups.last().is_some_and(Group::shows) {
            self.flush_surrogate();
            self.pending.push(byte);
        }
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'*' => self.optional = true,
            b'\\' | b'{' | b'}' => self.byte(symbol),
            b'~' => self.push(" "),
            b'_' => self.push("-"),
            b'\t' => self.push("\t"),
            b'\r' | b'\n' => {
                self.push("\n");
                // A break of two bytes is one.
                if symbol == b'\r' && self.body.get(self.at) == Some(&b'\n') {
                    self.at += 1;
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, text: &str) {
        if self.groups.last().is_some_and(Group::shows) {
            self.flush();
            self.text.push_str(text);
        }
    }

    fn flush(&mut self) {
        self.flush_bytes();
        self.flush_surrogate();
    }

    fn flush_bytes(&mut self) {
        if !self.pending.is_empty() {
            let encoding = self.groups.last().map_or(self.encoding, |group| group.encoding);
            self.text.push_str(&encoding.decode_without_bom_handling(&self.pending).0);
            self.pending.clear();
        }
    }

    fn flush_surrogate(&mut self) {
        if self.surrogate.take().is_some() {
            self.text.push(char::REPLACEMENT_CHARACTER);
        }
    }

    /// The text without the line breaks that editors put at its end.
    pub(super) fn finish(mut self) -> String {
        self.flush();
        self.text.trim_matches('\n').to_owned()
    }
}

/// What a word spells in text.
fn spelt(word: &str) -> Option<&'static str> {
    Some(match word {
        "par" | "line" | "sect" | "page" | "row" => "\n",
        "tab" | "cell" => "\t",
        "emdash" => "—",
        "endash" => "–",
        "lquote" => "‘",
        "rquote" => "’",
        "ldblquote" => "“",
        "rdblquote" => "”",
        "bullet" => "•",
        "emspace" | "enspace" | "qmspace" => " ",
        "zwj" => "\u{200d}",
        "zwnj" => "\u{200c}",
        _ => return None,
    })
}
