//! Fragments of HTML as clients write them. No crate for it keeps to their rules and small: line breaks in the source are
//! spaces, `DIV` is a line.

use super::entity;

/// Elements whose content nobody reads.
const HIDDEN: [&str; 6] = ["script", "style", "title", "template", "xml", "noscript"];
/// Elements that stand on lines of their own.
const BLOCKS: [&str; 20] = [
    "div",
    "p",
    "li",
    "ul",
    "ol",
    "tr",
    "table",
    "blockquote",
    "pre",
    "hr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "center",
    "body",
    "dt",
    "dd",
];
/// Longest name of an element that matters.
const MAX_NAME: usize = 16;

/// The text of a fragment; whatever it is, something comes out.
pub(super) fn to_text(html: &str) -> String {
    let mut reader = Reader { rest: html, ..Reader::default() };
    while let Some(c) = reader.rest.chars().next() {
        match c {
            '<' => reader.markup(),
            '&' => reader.reference(),
            c => {
                reader.rest = &reader.rest[c.len_utf8()..];
                reader.character(c);
            }
        }
    }
    reader.end_link();
    reader.text.trim_matches('\n').to_owned()
}

/// Plain text with links of HTML in it: only those are HTML.
pub(in crate::body) fn links_to_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = find(rest, "<a ") {
        let Some(end) = find(&rest[start..], "</a>") else { break };
        let end = start + end + "</a>".len();
        shown.push_str(&rest[..start]);
        shown.push_str(&to_text(&rest[start..end]));
        rest = &rest[end..];
    }
    shown.push_str(rest);
    shown
}

/// Where an ASCII text begins, in any case.
fn find(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes().windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}

#[derive(Default)]
struct Reader<'a> {
    rest: &'a str,
    text: String,
    /// Whether the line has anything that a break would have to end.
    begun: bool,
    /// A space that counts only if something follows.
    space: bool,
    /// Open elements in which white space counts.
    pre: usize,
    /// Where an open link leads, and where its text begins.
    link: Option<(String, usize)>,
}

impl Reader<'_> {
    fn character(&mut self, c: char) {
        if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
            match c {
                '\n' if self.pre > 0 => self.line(),
                '\r' if self.pre > 0 => {}
                _ if self.pre > 0 => self.visible(c),
                _ => self.space = true,
            }
        } else {
            self.visible(c);
        }
    }

    fn visible(&mut self, c: char) {
        if std::mem::take(&mut self.space) && self.begun {
            self.text.push(' ');
        }
        self.text.push(if c == '\u{a0}' { ' ' } else { c });
        self.begun = true;
    }

    fn line(&mut self) {
        let end = self.text.trim_end_matches(' ').len();
        self.text.truncate(end);
        self.text.push('\n');
        self.begun = false;
        self.space = false;
    }

    fn block(&mut self) {
        if self.begun {
            self.line();
        }
    }

    fn reference(&mut self) {
        let (text, len) = entity::resolve(self.rest);
        self.rest = &self.rest[len..];
        text.chars().for_each(|c| self.visible(c));
    }

    fn markup(&mut self) {
        let after = &self.rest[1..];
        if after.starts_with("!--") {
            self.skip_past("-->");
        } else if after.starts_with(['!', '?']) {
            self.skip_past(">");
        } else {
            let (closing, name) = after.strip_prefix('/').map_or((false, after), |name| (true, name));
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                self.tag(closing, name);
            } else {
                self.rest = after;
                self.visible('<');
            }
        }
    }

    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.find(end).map_or("", |at| &self.rest[at + end.len()..]);
    }

    fn tag(&mut self, closing: bool, inside: &str) {
        let len = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != ':').unwrap_or(inside.len());
        let end = tag_end(inside);
        let attributes = inside.get(len..end).unwrap_or_default().to_owned();
        let name: String = inside[..len].chars().take(MAX_NAME).map(|c| c.to_ascii_lowercase()).collect();
        let skipped = self.rest.len() - inside.len();
        self.rest = self.rest.get(skipped + end + 1..).unwrap_or_default();
        if HIDDEN.contains(&name.as_str()) {
            if !closing && !attributes.ends_with('/') {
                self.skip_element(&name);
            }
            return;
        }
        self.structure(closing, &name, &attributes);
    }

    fn structure(&mut self, closing: bool, name: &str, attributes: &str) {
        match name {
            "br" => self.line(),
            "td" | "th" => self.space = true,
            "a" => {
                self.end_link();
                let href = (!closing).then(|| attribute(attributes, "href")).flatten();
                self.link = href.map(|href| (href, self.text.len()));
            }
            name if BLOCKS.contains(&name) => {
                self.block();
                match (name, closing) {
                    ("pre", false) => self.pre += 1,
                    ("pre", true) => self.pre = self.pre.saturating_sub(1),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Names the place that a link leads to, unless its text does.
    fn end_link(&mut self) {
        let Some((href, from)) = self.link.take() else { return };
        let shown = self.text.get(from..).unwrap_or_default().trim();
        let bare = |text: &str| text.trim_end_matches('/').trim_start_matches("mailto:").to_ascii_lowercase();
        let leads = ["http://", "https://"]
            .iter()
            .any(|scheme| href.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)));
        if leads && !shown.is_empty() && !bare(&href).contains(&bare(shown)) {
            let place = format!(" ({href})");
            self.text.push_str(&place);
            self.begun = true;
        }
    }

    fn skip_element(&mut self, name: &str) {
        let at = find(self.rest, &format!("</{name}"));
        self.rest = at.map_or("", |at| &self.rest[at..]);
    }
}

/// Bytes to the `>` that ends a tag, or to the end. A quote opens only where a value begins.
fn tag_end(inside: &str) -> usize {
    let (mut quote, mut before) = (None, b' ');
    let end = inside.bytes().position(|byte| {
        match quote {
            None if before == b'=' && matches!(byte, b'"' | b'\'') => quote = Some(byte),
            Some(open) if open == byte => quote = None,
            None if byte == b'>' => return true,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        false
    });
    end.unwrap_or(inside.len())
}

/// The value of an attribute, with its references resolved and in one line.
fn attribute(attributes: &str, name: &str) -> Option<String> {
    let lower = attributes.to_ascii_lowercase();
    let begins = |at: &usize| lower[..*at].ends_with(|c: char| c.is_whitespace() || matches!(c, '"' | '\''));
    let places = lower.match_indices(name).map(|(at, _)| at).filter(begins);
    let value = places
        .filter_map(|at| attributes[at + name.len()..].trim_start().strip_prefix('='))
        .next()?
        .trim_start();
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split_whitespace().next()?,
    };
    let mut resolved = String::new();
    let mut rest = value;
    while let Some(c) = rest.chars().next() {
        if c == '&' {
            let (text, len) = entity::resolve(rest);
            resolved.push_str(&text);
            rest = &rest[len..];
        } else {
            resolved.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    resolved.retain(|c| !c.is_control());
    Some(resolved.trim().to_owned())
}
