//! Moments and addresses as the XML of many bodies spells them.

use jiff::Timestamp;

/// A moment in UTC to the millisecond, whether its `Z` is there or not; `None` for anything else.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // Longer than any moment with nine digits of a second and an offset.
    if text.len() > 40 || !text.is_ascii() {
        return None;
    }
    let after_date = text.get(10..)?;
    let moment: Timestamp = if after_date.contains(['Z', 'z', '+', '-']) {
        text.parse().ok()?
    } else {
        format!("{text}Z").parse().ok()?
    };
    Some(to_millisecond(moment))
}

/// As documents have it: servers write milliseconds, and not every reader knows more.
pub(crate) fn to_millisecond(moment: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(moment.as_millisecond()).unwrap_or(moment)
}

/// For documents without fractions of seconds.
pub(crate) fn to_second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// With the scheme that lists and containers leave out.
pub(crate) fn with_scheme(uri: &str) -> String {
    let uri = uri.trim();
    if has_scheme(uri) { uri.to_owned() } else { format!("sip:{uri}") }
}

/// As lists and containers write it.
pub(crate) fn without_scheme(uri: &str) -> &str {
    match uri.get(..4) {
        // A scheme in other letters, or a rest that would be read otherwise, stays as it is.
        Some("sip:") if !has_scheme(&uri[4..]) && uri[4..].trim() == &uri[4..] => &uri[4..],
        _ => uri,
    }
}

fn has_scheme(uri: &str) -> bool {
    let known =
        |scheme: &str| uri.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    ["sip:", "sips:", "tel:"].into_iter().any(known)
}
