//! Which parts of a file must not be shown.
//!
//! A diagnostic quotes the line that it is about, and that line may hold a password, most of all when
//! it is malformed. So this scanner trusts nothing: whatever it cannot prove to be harmless is masked.
//! It is lexical, and independent of the XML reader, which has no answer for a file that is not XML.

use crate::{backend, directory, key, lookup::Reference, source::Span};

/// Whether names of keys, elements and attributes have this character.
pub(crate) fn in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')
}

/// The parts of `text` that are replaced by `***` when they are shown, in rising order.
pub(crate) fn masks(text: &str) -> Vec<Span> {
    let mut scanner = Scanner { text, at: 0, masks: Vec::new() };
    while scanner.at < text.len() {
        scanner.outside();
        if scanner.rest().starts_with("<!--") {
            scanner.comment();
        } else if scanner.rest().starts_with('<') {
            scanner.tag();
        }
    }
    scanner.masks
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    masks: Vec<Span>,
}

struct Attribute<'a> {
    name: &'a str,
    value: &'a str,
    start: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Masks text up to the next tag.
    fn outside(&mut self) {
        let end = self.at + self.rest().find('<').unwrap_or(self.rest().len());
        self.mask_to(end);
    }

    /// Masks from here to `end` but for white space around, and goes there.
    fn mask_to(&mut self, end: usize) {
        let run = &self.text[self.at..end];
        let start = self.at + (run.len() - run.trim_start().len());
        let stop = start + run.trim().len();
        if stop > start {
            self.masks.push(Span { start, end: stop });
        }
        self.at = end;
    }

    fn comment(&mut self) {
        self.at += "<!--".len();
        let end = self.rest().find("-->").map(|len| self.at + len);
        self.mask_to(end.unwrap_or(self.text.len()));
        self.at = end.map_or(self.text.len(), |end| end + "-->".len());
    }

    fn tag(&mut self) {
        self.at += '<'.len_utf8();
        if self.rest().starts_with('!') {
            return self.irregular();
        }
        self.skip(|c| matches!(c, '/' | '?'));
        let start = self.at;
        let name = self.name();
        if !self.rest().is_empty()
            && !self.rest().starts_with(|c: char| c.is_whitespace() || "/?>".contains(c))
        {
            // What looks like a name may be the middle of a value.
            self.at = start;
            return self.irregular();
        }
        let mut attributes = Vec::new();
        let first_mask = self.masks.len();
        loop {
            let spaces = self.skip(char::is_whitespace);
            self.skip(|c| matches!(c, '/' | '?'));
            if self.rest().is_empty() || self.rest().starts_with(['<', '>']) {
                self.at += usize::from(self.rest().starts_with('>'));
                break;
            }
            match if spaces { self.attribute() } else { None } {
                Some(attribute) => attributes.push(attribute),
                None => {
                    self.irregular();
                    break;
                }
            }
        }
        self.mask_values(name, &attributes);
        self.masks[first_mask..].sort_by_key(|mask| mask.start);
    }

    /// Reads `name = "value"`, or reads nothing and says None.
    fn attribute(&mut self) -> Option<Attribute<'a>> {
        let before = self.at;
        let name = self.name();
        self.skip(char::is_whitespace);
        let equals = self.skip(|c| c == '=');
        self.skip(char::is_whitespace);
        let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = quote.and_then(|quote| {
            let value = self.rest()[1..].split([quote, '<']).next()?;
            self.rest()[1 + value.len()..].starts_with(quote).then_some(value)
        });
        match value {
            Some(value) if equals && !name.is_empty() => {
                let start = self.at + 1;
                self.at = start + value.len() + 1;
                Some(Attribute { name, value, start })
            }
            _ => {
                self.at = before;
                None
            }
        }
    }

    /// Masks the rest of a tag that is not well formed: to the next tag, and at least to the end of the line,
    /// since a `<` there may be part of an unescaped secret.
    fn irregular(&mut self) {
        let line = self.rest().find('\n').unwrap_or(self.rest().len());
        let tag = self.rest()[line..].find('<').unwrap_or(self.rest().len() - line);
        self.mask_to(self.at + line + tag);
    }

    fn mask_values(&mut self, tag: &str, attributes: &[Attribute<'a>]) {
        let mut keys = attributes.iter().filter(|attribute| attribute.name == "key");
        let key = match (keys.next(), keys.next()) {
            (Some(key), None) => key::find(key.value),
            _ => None,
        };
        for attribute in attributes {
            let shown = match (tag, attribute.name) {
                ("xml", _) => true,
                ("add", "key") => attribute.value.chars().all(in_name),
                ("add", "value") => {
                    key.is_some_and(|key| !key.secret || Reference::parse(attribute.value).is_some())
                }
                ("backend", name) => backend::is_attribute(name),
                ("directory", name) => directory::is_attribute(name),
                _ => false,
            };
            if !shown && !attribute.value.is_empty() {
                let span = Span { start: attribute.start, end: attribute.start + attribute.value.len() };
                self.masks.push(span);
            }
        }
    }

    fn name(&mut self) -> &'a str {
        let start = self.at;
        self.skip(in_name);
        &self.text[start..self.at]
    }

    fn skip(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let rest = self.rest();
        let skipped = rest.len() - rest.trim_start_matches(wanted).len();
        self.at += skipped;
        skipped > 0
    }
}

#[cfg(test)]
mod tests {
    use super::masks;

    fn shown(text: &str) -> String {
        let mut shown = String::new();
        let mut at = 0;
        for mask in masks(text) {
            shown += &text[at..mask.start];
            shown += "***";
            at = mask.end;
        }
        shown + &text[at..]
    }

    #[test]
    fn only_what_is_known_to_be_harmless_is_shown() {
        for (text, expected) in [
            (r#"<add key="HTTP_BIND" value="v" />"#, r#"<add key="HTTP_BIND" value="v" />"#),
            (r#"<add value="v" key="HTTP_BIND" />"#, r#"<add value="v" key="HTTP_BIND" />"#),
            (r#"<add key="ADMIN_TOKEN" value="s" />"#, r#"<add key="ADMIN_TOKEN" value="***" />"#),
            (r#"<add key="ADMIN_TOKEN" value="file:f" />"#, r#"<add key="ADMIN_TOKEN" value="file:f" />"#),
            (r#"<add key="ADMIN_TOKN" value="s" />"#, r#"<add key="ADMIN_TOKN" value="***" />"#),
            (
                r#"<add key="HTTP_BIND" key="ADMIN_TOKEN" value="s"/>"#,
                r#"<add key="HTTP_BIND" key="ADMIN_TOKEN" value="***"/>"#,
            ),
            (r#"<ADMIN_TOKEN>s</ADMIN_TOKEN>"#, r#"<ADMIN_TOKEN>***</ADMIN_TOKEN>"#),
            (r#"<backend kind="xmpp" pasword="s" />"#, r#"<backend kind="xmpp" pasword="***" />"#),
            (r#"<add connectionString="s"/>"#, r#"<add connectionString="***"/>"#),
            ("<!-- <add key=\"ADMIN_TOKEN\" value=\"s\"/> --><a/>", "<!-- *** --><a/>"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn what_is_malformed_is_masked_to_the_end_of_the_line() {
        for (text, expected) in [
            ("<add key=\"ADMIN_TOKEN\" value=s />\n<a/>", "<add key=\"ADMIN_TOKEN\" ***\n<a/>"),
            (
                "<add key=\"ADMIN_TOKEN\" value=\"s />\n<a b=\"s\"/>",
                "<add key=\"ADMIN_TOKEN\" ***\n<a b=\"***\"/>",
            ),
            ("<add key=\"ADMIN_TOKEN\" value=\"a<b\" />\n<a/>", "<add key=\"ADMIN_TOKEN\" ***\n<a/>"),
            ("<add key=\"ADMIN_TOKEN value=\"s\" />", "<add key=\"***\"***"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }
}
