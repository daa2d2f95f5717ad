/// Deepest nesting that passes, the stream header included; elements below are left out. The XML library frees
/// elements recursively, so a deep one would end the process.
const MAX_DEPTH: usize = 64;
/// Longest name that passes, in bytes; the rest of a longer one is left out, at both ends of the element. In its place
/// an attribute's name gets its number in the tag: two of the same name would be malformed.
const MAX_NAME: usize = 1_024;
/// Longest attribute value that passes, in bytes. The XML library gives the stream up at 8,192 of either.
const MAX_VALUE: usize = 4_096;
/// Most bytes in one stanza: a roster of ten thousand contacts fits.
const MAX_STANZA: usize = 4 << 20;

/// The server sent more than a stanza may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a stanza of more than {MAX_STANZA} bytes")]
pub(super) struct TooLong;

/// What came through a [`Filter`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) bytes: Vec<u8>,
    /// Before which of the bytes a stanza has just begun or ended, in turn.
    pub(super) borders: Vec<usize>,
}

/// Cuts what is too deep or too long out of the XML subset that XMPP allows (RFC 6120 section 11.1), byte by byte.
/// Whatever is malformed passes: it is the parser's to refuse.
#[derive(Debug, Default)]
pub(super) struct Filter {
    at: At,
    depth: usize,
    stanza: usize,
    /// Bytes of the present name or value.
    run: usize,
    /// Names begun in the present start tag: the element's, then those of the attributes.
    names: usize,
    /// The rest of the present name or value is left out.
    cutting: bool,
    /// Inside an entity reference, which must not be cut apart.
    entity: bool,
    /// An element of this depth is left out.
    skipping: Option<usize>,
    /// The present child of the stream is a stanza, by its name.
    stanza_named: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    /// After a `<` that is held back until it is clear what it begins.
    Open,
    Start {
        slash: bool,
    },
    Quoted(u8),
    End,
    Other,
    Bang,
    Cdata {
        brackets: u8,
    },
}

impl Filter {
    pub(super) fn pass(&mut self, bytes: &[u8], passed: &mut Passed) -> Result<(), TooLong> {
        for &byte in bytes {
            self.stanza += 1;
            let (before, was_inside) = (self.at, self.inside());
            self.at = self.next(byte);
            if before == At::Open && matches!(self.at, At::Start { .. }) {
                self.begin(byte);
            }
            if self.skipping.is_some() {
                self.end_skip();
            } else if self.at != At::Open {
                passed.bytes.extend((before == At::Open).then_some(b'<'));
                self.pass_byte(before, byte, &mut passed.bytes);
            }
            passed.borders.extend((self.inside() != was_inside).then_some(passed.bytes.len()));
            if self.depth <= 1 && self.at == At::Text {
                self.stanza = 0;
            }
            if self.stanza > MAX_STANZA {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// A start tag begins.
    fn begin(&mut self, first: u8) {
        self.names = 0;
        if self.depth == 1 {
            // Message, presence, iq; what else servers send (r, a, error, features) begins otherwise.
            self.stanza_named = b"mpi".contains(&first);
        }
        if self.depth >= MAX_DEPTH {
            self.skipping.get_or_insert(self.depth);
        }
    }

    /// Between the first letter of a stanza's name and its last `>`.
    fn inside(&self) -> bool {
        let begun = self.depth > 1 || matches!(self.at, At::Start { .. } | At::Quoted(_));
        begun && self.depth > 0 && self.stanza_named
    }

    fn end_skip(&mut self) {
        if self.at == At::Text && self.skipping == Some(self.depth) {
            self.skipping = None;
        }
    }

    fn pass_byte(&mut self, before: At, byte: u8, passed: &mut Vec<u8>) {
        let uncut = !self.cutting;
        if !self.cut(before, byte) {
            passed.push(byte);
        } else if uncut && self.names > 1 && matches!(self.at, At::Start { .. }) {
            passed.extend(format!("_{}", self.names - 1).bytes());
        }
    }

    /// Whether a byte of a name or value is one too many; characters and entities stay whole.
    fn cut(&mut self, before: At, byte: u8) -> bool {
        let (inside, limit) = match (before, self.at) {
            (At::Quoted(_), At::Quoted(_)) => (true, MAX_VALUE),
            (_, At::Start { .. } | At::End) => (!b" \t\r\n=/'\"".contains(&byte), MAX_NAME),
            _ => (false, 0),
        };
        if !inside {
            (self.run, self.cutting, self.entity) = (0, false, false);
            return false;
        }
        self.names += usize::from(self.run == 0 && matches!(self.at, At::Start { .. }));
        self.run += 1;
        let continued = byte & 0xc0 == 0x80;
        self.cutting |= self.run > limit && !continued && !self.entity;
        self.entity = byte == b'&' || (self.entity && byte != b';');
        self.cutting
    }

    fn next(&mut self, byte: u8) -> At {
        match (self.at, byte) {
            (At::Text, b'<') => At::Open,
            (At::Text, _) => At::Text,
            (At::Open, b'/') => At::End,
            (At::Open, b'?') => At::Other,
            (At::Open, b'!') => At::Bang,
            (At::Open, _) => At::Start { slash: false },
            (At::Start { .. }, b'"' | b'\'') => At::Quoted(byte),
            (At::Start { slash }, b'>') => {
                self.depth += usize::from(!slash);
                At::Text
            }
            (At::Start { .. }, _) => At::Start { slash: byte == b'/' },
            (At::Quoted(quote), _) if quote == byte => At::Start { slash: false },
            (At::Quoted(quote), _) => At::Quoted(quote),
            (At::End, b'>') => {
                self.depth = self.depth.saturating_sub(1);
                At::Text
            }
            (At::End, _) => At::End,
            (At::Bang, b'[') => At::Cdata { brackets: 0 },
            (At::Bang | At::Other, b'>') => At::Text,
            (At::Bang | At::Other, _) => At::Other,
            (At::Cdata { brackets: 2 }, b'>') => At::Text,
            (At::Cdata { brackets }, b']') => At::Cdata { brackets: (brackets + 1).min(2) },
            (At::Cdata { .. }, _) => At::Cdata { brackets: 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Filter, MAX_DEPTH, MAX_NAME, MAX_STANZA, MAX_VALUE, Passed, TooLong};

    const HEADER: &str = "<?xml version='1.0'?><stream:stream from='a>b' xmlns=\"jabber:client\">";

    fn passed(filter: &mut Filter, xml: &str) -> String {
        let mut passed = Passed::default();
        filter.pass(xml.as_bytes(), &mut passed).unwrap();
        String::from_utf8(passed.bytes).unwrap()
    }

    #[test]
    fn ordinary_stanzas_pass_untouched() {
        let mut filter = Filter::default();
        assert_eq!(passed(&mut filter, HEADER), HEADER);
        let stanza =
            "<message to='a>b/'><body>ü&amp;<![CDATA[<a><b>]]]></body><x/><y z='/' w=\"'\" /></message> ";
        assert_eq!(passed(&mut filter, &stanza.repeat(3)), stanza.repeat(3));
        assert_eq!((filter.depth, filter.stanza), (1, 0));
    }

    #[test]
    fn what_is_too_deep_is_left_out() {
        let mut filter = Filter::default();
        passed(&mut filter, HEADER);
        let deep = |levels: usize| format!("{}x{}", "<a b='>'>".repeat(levels), "</a>".repeat(levels));
        assert_eq!(passed(&mut filter, &deep(MAX_DEPTH - 1)), deep(MAX_DEPTH - 1));
        let cut = passed(&mut filter, &deep(MAX_DEPTH + 500));
        assert_eq!(cut, deep(MAX_DEPTH - 1).replace('x', ""));
        let ordinary = "<message><body>hello</body></message>";
        assert_eq!(passed(&mut filter, ordinary), ordinary);
    }

    #[test]
    fn long_names_and_values_are_cut_at_whole_characters_and_entities() {
        let mut filter = Filter::default();
        passed(&mut filter, HEADER);
        let name = "n".repeat(MAX_NAME);
        let long = format!("<{name}more a='0' {name}x='1' {name}y='2'></{name}more>");
        let cut = format!("<{name} a='0' {name}_2='1' {name}_3='2'></{name}>");
        assert_eq!(passed(&mut filter, &long), cut, "attributes stay distinct");
        for (whole, rest) in [("ü", "üü"), ("&lt;", "&gt;x"), ("&#xfc;", "x")] {
            let value = format!("{}{whole}", "v".repeat(MAX_VALUE - 1));
            let cut = passed(&mut filter, &format!("<a b='{value}{rest}' c='d'/>"));
            assert_eq!(cut, format!("<a b='{value}' c='d'/>"));
        }
    }

    #[test]
    fn an_endless_stanza_is_stopped_and_many_small_ones_are_not() {
        let mut filter = Filter::default();
        passed(&mut filter, HEADER);
        let body = format!("<message><body>{}</body></message>", "x".repeat(MAX_STANZA / 2));
        for _ in 0..5 {
            assert_eq!(passed(&mut filter, &body), body);
        }
        passed(&mut filter, "<message><body>");
        let more = "x".repeat(MAX_STANZA);
        assert_eq!(filter.pass(more.as_bytes(), &mut Passed::default()), Err(TooLong));
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_parted_makes_no_difference(
            xml in "(<[abm]( c='[<>&d]{0,3}')?/?>|</[abm]>|[ex]|<!\\[CDATA\\[[<>\\]]{0,3}\\]\\]>){0,200}",
            parts in 1..9usize,
        ) {
            let (mut whole, mut parted) = (Passed::default(), Passed::default());
            Filter::default().pass(xml.as_bytes(), &mut whole).unwrap();
            let mut filter = Filter::default();
            for part in xml.as_bytes().chunks(parts) {
                filter.pass(part, &mut parted).unwrap();
            }
            prop_assert_eq!(whole, parted);
        }
    }
}
