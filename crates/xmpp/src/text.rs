use aws_lc_rs::digest;

/// The text as XML 1.0 can carry it: characters that it cannot are replaced by U+FFFD. Sending one would break the
/// library's writer in the middle of a stanza.
pub(crate) fn xml_safe(text: &str) -> String {
    let bad = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.replace(bad, "\u{fffd}")
}

/// At most `limit` characters of a text, with a mark where it was cut.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// SHA-256 over the parts, each preceded by its length, in lower-case hex.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{cut, fingerprint, xml_safe};

    #[test]
    fn only_what_xml_cannot_carry_is_replaced() {
        assert_eq!(xml_safe("a\u{1}b\tc\r\n\u{fffe}ü😀"), "a\u{fffd}b\tc\r\n\u{fffd}ü😀");
    }

    #[test]
    fn cutting_keeps_the_limit_and_says_so() {
        assert_eq!(cut("üüü", 3), "üüü");
        assert_eq!(cut("üüüü", 3), "üü…");
    }

    #[test]
    fn fingerprints_tell_part_borders_apart() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_eq!(fingerprint(&["a"]).len(), 64);
    }
}
