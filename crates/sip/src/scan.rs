//! Reading texts from left to right: what header values share.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, ErrorCode};

/// All that is white space in SIP; other characters that look like it belong to names.
pub(crate) const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether the byte may stand in a token (RFC 3261 section 25.1).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Whether the text is a token.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// A place in a text; offsets in errors count from the text's beginning.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(crate) fn skip_space(&mut self) -> &mut Self {
        while self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self
    }

    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    /// What comes up to the first byte that the set does not have.
    pub(crate) fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(&belongs) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn token(&mut self, expected: &'static str) -> Result<&'a str, Error> {
        match self.take(is_token_byte) {
            "" => Err(self.error(ErrorCode::Syntax, expected)),
            token => Ok(token),
        }
    }

    pub(crate) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Error> {
        if self.eat(byte) { Ok(()) } else { Err(self.error(ErrorCode::Syntax, expected)) }
    }

    /// A quoted string that begins here, with its quotation marks.
    pub(crate) fn quoted(&mut self) -> Result<&'a str, Error> {
        let start = self.at;
        self.at = closing(self.text.as_bytes(), start)? + 1;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// A number up to `most`, with leading zeros or without.
    pub(crate) fn number(&mut self, most: u32, expected: &'static str) -> Result<u32, Error> {
        let start = self.at;
        let digits = self.take(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Err(Error::text(ErrorCode::Syntax, start, expected));
        }
        let number = digits.parse().ok().filter(|number| *number <= most);
        number.ok_or_else(|| Error::text(ErrorCode::Range, start, expected))
    }

    /// A number of seconds; more than fits is as many as fit (RFC 4475 section 3.1.2.4).
    pub(crate) fn seconds(&mut self) -> Result<u32, Error> {
        let digits = self.take(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.error(ErrorCode::Syntax, "a number of seconds"));
        }
        Ok(digits.parse().unwrap_or(u32::MAX))
    }

    pub(crate) fn done(&self, expected: &'static str) -> Result<(), Error> {
        if self.is_done() { Ok(()) } else { Err(self.error(ErrorCode::Syntax, expected)) }
    }

    pub(crate) fn error(&self, code: ErrorCode, expected: &'static str) -> Error {
        Error::text(code, self.at, expected)
    }
}

/// The elements of a comma list, trimmed, each with its offset; commas in quotes and in angle brackets part nothing.
pub(crate) fn elements(text: &str) -> Result<Vec<(usize, &str)>, Error> {
    let ranges = parted(text.as_bytes())?;
    Ok(ranges.into_iter().map(|range| (range.start, text.get(range).unwrap_or_default())).collect())
}

/// Where the elements of a comma list stand.
pub(crate) fn parted(bytes: &[u8]) -> Result<Vec<Range<usize>>, Error> {
    let mut ranges = Vec::new();
    let (mut at, mut start, mut open) = (0, 0, None);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' if open.is_none() => at = closing(bytes, at)?,
            b'<' if open.is_none() => open = Some(at),
            b'>' => open = None,
            b',' if open.is_none() => {
                ranges.push(trimmed(bytes, start..at));
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if let Some(at) = open {
        return Err(Error::text(ErrorCode::Unbalanced, at, "a closing angle bracket"));
    }
    ranges.push(trimmed(bytes, start..bytes.len()));
    Ok(ranges)
}

/// Where the quotation mark is that closes the one at `start`.
fn closing(bytes: &[u8], start: usize) -> Result<usize, Error> {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at),
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return Err(Error::text(ErrorCode::Unbalanced, start, "a closing quotation mark")),
        }
    }
}

/// The range without the white space at its ends; where nothing else is, its beginning.
pub(crate) fn trimmed(bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let whole = bytes.get(range.clone()).unwrap_or_default();
    let Some(first) = whole.iter().position(|byte| !is_space(byte)) else { return range.start..range.start };
    let after = whole.iter().rev().take_while(|byte| is_space(byte)).count();
    range.start + first..range.end - after
}

/// The text that a quoted string stands for; anything else as it is.
pub(crate) fn unquoted(raw: &str) -> Cow<'_, str> {
    let Some(inner) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(raw);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let (mut text, mut characters) = (String::with_capacity(inner.len()), inner.chars());
    while let Some(character) = characters.next() {
        text.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    Cow::Owned(text)
}

/// The text as a quoted string; line ends and other controls become spaces.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            character if character.is_control() => quoted.push(' '),
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
