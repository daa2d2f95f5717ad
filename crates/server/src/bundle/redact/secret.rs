use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{HIDDEN, shape};

/// Shorter secrets would blot out ordinary words, and are hidden where they stand alone.
const SHORTEST_PART: usize = 6;
/// What may stand in a URL as it is (RFC 3986 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What must not be shown, in all the ways in which it may be written.
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    pub(super) fn new(secrets: &[String]) -> Self {
        let mut written: Vec<_> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        written.retain(|secret| !secret.is_empty());
        written.sort_unstable();
        written.dedup();
        Self(written)
    }

    /// The text with one [`HIDDEN`] for each stretch that holds secrets.
    pub(super) fn hide(&self, text: &str) -> String {
        let text = text.replace(HIDDEN, "\u{fffd}");
        let mut spans: Vec<_> = self.0.iter().flat_map(|secret| places(&text, secret)).collect();
        spans.extend(shape::places(&text));
        spans.sort_unstable();
        let (mut out, mut shown) = (String::with_capacity(text.len()), 0);
        for (start, end) in spans {
            if start >= shown {
                out.push_str(&text[shown..start]);
                out.push(HIDDEN);
            }
            shown = shown.max(end);
        }
        out + &text[shown..]
    }
}

/// As it is, as it stands in a URL, and as JSON, XML and Rust's `Debug` write it.
fn forms(secret: &str) -> Vec<String> {
    let decoded = percent_decode_str(secret).decode_utf8().ok().map(Cow::into_owned);
    let mut forms = Vec::new();
    for plain in [Some(secret.to_owned()), decoded].into_iter().flatten() {
        forms.extend([ENCODED, NON_ALPHANUMERIC].map(|set| utf8_percent_encode(&plain, set).to_string()));
        let debug = format!("{plain:?}");
        // A string is always JSON.
        let json = serde_json::to_string(&plain).unwrap_or_default();
        forms.extend(
            [debug, json]
                .iter()
                .filter_map(|quoted| quoted.get(1..quoted.len().checked_sub(1)?))
                .map(str::to_owned),
        );
        let xml = plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        forms.extend([xml.replace('"', "&quot;").replace('\'', "&apos;"), xml, plain]);
    }
    forms
}

/// Where a secret stands, also where two of it overlap.
fn places(text: &str, secret: &str) -> Vec<(usize, usize)> {
    let (mut places, mut from) = (Vec::new(), 0);
    while let Some(at) = text[from..].find(secret).map(|at| from + at) {
        let end = at + secret.len();
        if secret.chars().count() >= SHORTEST_PART || stands_alone(&text[..at], secret, &text[end..]) {
            places.push((at, end));
        }
        from = at + text[at..].chars().next().map_or(1, char::len_utf8);
    }
    places
}

fn stands_alone(before: &str, secret: &str, after: &str) -> bool {
    let alphanumeric = char::is_alphanumeric;
    let goes_on_before = secret.starts_with(alphanumeric) && before.ends_with(alphanumeric);
    let goes_on_after = secret.ends_with(alphanumeric) && after.starts_with(alphanumeric);
    !goes_on_before && !goes_on_after
}
