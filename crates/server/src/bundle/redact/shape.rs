//! What nobody has told of and is hidden for its looks: none of the sources holds it, and should one ever do so, it ends here.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

/// Fields whose values are nobody's business.
const FIELDS: &str =
    "password|passwd|access_?key|session_?id|token|secret|display_?name|work_?phone|mobile_?phone|email";
/// A value: quoted, quoted within quotes, or without a space.
const VALUE: &str = r#""(?:[^"\\]|\\.)*"|\\"(?:[^"\\]|\\\\(?:\\.|[^\\]))*\\"|[^\s"&,;}\])]+"#;
/// Headers that admit whoever has their value.
const HEADERS: &str = r"(?:proxy-)?authorization|(?:set-)?cookie";

/// The looks of secrets and of people's names; they are what the test below tries.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let shapes = [
        // An access key, as people are given it.
        r"(?i)\b([0-9a-z]{5}-[0-9a-z]{5}-[0-9a-z]{5})\b".to_owned(),
        format!(r#"(?i)(?:\b|_)(?:{FIELDS})\\?["']?\s*[=:]\s*({VALUE})"#),
        format!(r#"(?i)\b(?:{HEADERS})\\?["']?\s*[=:]\s*(\\?"[^"]*"|[^\r\n"]+)"#),
        r"(?i)\bbearer\s+([0-9a-z._~+/=-]+)".to_owned(),
    ];
    shapes.iter().filter_map(|shape| Regex::new(shape).ok()).collect()
});

/// Where something of such looks stands.
pub(super) fn places(text: &str) -> Vec<(usize, usize)> {
    let found = SHAPES.iter().flat_map(|shape| shape.captures_iter(text));
    let found = found.filter_map(|found| found.get(1)).map(|hidden| hidden.range());
    found.filter(|range| !range.is_empty()).map(|Range { start, end }| (start, end)).collect()
}

#[cfg(test)]
mod tests {
    use crate::bundle::redact::Redactor;

    #[test]
    fn what_looks_like_a_secret_is_hidden() {
        for (text, told) in [
            ("key 34679-ACDEF-GHJKM.", "key <hidden>."),
            ("uri=/x?password=a%20b&c=d", "uri=/x?password=<hidden>&c=d"),
            (r#"password="two words" next"#, "password=<hidden> next"),
            ("Authorization: Bearer abc.def-1", "Authorization: <hidden>"),
            ("with bearer abc.def== twice", "with bearer <hidden> twice"),
            ("sessionId=abc-def, session_id: 7", "sessionId=<hidden>, session_id: <hidden>"),
            (r#"{"displayName":"Al \"Ace\" B","a":1}"#, r#"{"displayName":<hidden>,"a":1}"#),
            (
                r#"body="{\"displayName\":\"Al \\\"Ace\\\" B\",\"a\":1}""#,
                r#"body="{\"displayName\":<hidden>,\"a\":1}""#,
            ),
            (r#"{"who":"alice\u0040corp.test"}"#, r#"{"who":"user-1\u0040corp.test"}"#),
            ("password authentication failed for 3 tokens", "password authentication failed for 3 tokens"),
            ("id 0192f0c1-aaaa-7bbb-8ccc-0123456789ab", "id 0192f0c1-aaaa-7bbb-8ccc-0123456789ab"),
        ] {
            assert_eq!(Redactor::new(&[]).redact(text), told);
        }
    }
}
