use trunkline_core::port::Outcome;
use trunkline_sip::Method;
use trunkline_sip::failure::{Failure, Retry, judge, judge_parts};
use trunkline_sip::transaction::Refusal;

/// Why no answer is waited for any longer.
pub(super) const NO_ANSWER: &str = "the contact did not answer in time (no_answer)";

/// What the refusal of an INVITE or a MESSAGE means for the message.
pub(super) fn refused(method: &Method, refusal: &Refusal) -> Outcome {
    let failure = judge(method, refusal.status, &refusal.response);
    let why: Vec<u32> = refusal.diagnostics.iter().map(|why| why.id).collect();
    Outcome::Refused { permanent: is_permanent(failure), reason: reason(failure, refusal.status, &why) }
}

/// When a request may go once more by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// At once, and once: the servers look the contact up anew.
    AtOnce,
    /// After a while, and a few times; the server may say after how many seconds.
    Later(Option<u32>),
}

/// Longer than this nobody waits for a server.
const LONGEST: u32 = 30;
/// The diagnostics of servers that failed, or are starting or ending.
const TROUBLES: [u32; 6] = [4000, 5000, 5003, 5004, 1006, 1007];
/// The diagnostics of a server that does not have the contact, whose home is elsewhere.
const NOT_IN_POOL: u32 = 4006;

/// Whether a request that was refused may go once more: only where a server said for itself that it reached nobody.
pub(super) fn again(refusal: &Refusal) -> Option<Again> {
    let said = |ids: &[u32]| refusal.diagnostics.iter().any(|why| ids.contains(&why.id));
    let after = refusal.response.retry_after().ok().flatten().map(|after| after.seconds);
    let is_soon = after.is_none_or(|seconds| seconds <= LONGEST);
    match refusal.status {
        404 if said(&[NOT_IN_POOL]) => Some(Again::AtOnce),
        500 | 503 | 504 if is_soon && said(&TROUBLES) => Some(Again::Later(after)),
        503 if is_soon && after.is_some() => Some(Again::Later(after)),
        _ => None,
    }
}

/// What a report says that comes after the message was confirmed.
pub(super) fn reported(status: u16) -> (bool, String) {
    let failure = judge_parts(&Method::INVITE, status, &[], &[]);
    (is_permanent(failure), reason(failure, status, &[]))
}

pub(super) fn temporary(reason: impl Into<String>) -> Outcome {
    Outcome::Refused { permanent: false, reason: reason.into() }
}

fn is_permanent(failure: &Failure) -> bool {
    failure.retry == Retry::Permanent
}

/// Words, the key for clients that have words of their own, and what the servers said for whoever looks for the cause.
fn reason(failure: &Failure, status: u16, diagnostics: &[u32]) -> String {
    let key = failure.text.unwrap_or("not_delivered");
    let mut said = format!("SIP {status}");
    for id in diagnostics {
        said.push_str(&format!(", ms-diagnostics {id}"));
    }
    format!("{} ({key}; {said})", words(key).unwrap_or(failure.meaning))
}

/// The text of a key of the table of failures.
fn words(key: &str) -> Option<&'static str> {
    Some(match key {
        "account_not_enabled" => "this account is not enabled for it on the IM system",
        "blocked_by_policy" => "a policy of the IM system blocks the content",
        "contact_dnd" => "the contact does not want to be disturbed",
        "contact_not_allowed" => "the IM system does not allow messages to this contact",
        "contact_not_found" => "the IM system knows nobody of this address",
        "contact_unavailable" => "the contact cannot be reached just now",
        "declined" => "the contact declined",
        "internal_error" => "the IM system did not understand the relay",
        "maybe_not_delivered" => "the message may not have arrived",
        "message_too_long" => "the message is too long for the IM system",
        "not_delivered" => "the message was not delivered",
        "not_delivered_offline" => "the contact is offline",
        "not_supported_by_contact" => "the contact's client does not take messages of this kind",
        "not_supported_for_contact" => "messages of this kind do not reach this contact",
        "partner_unreachable" => "the contact's organisation cannot be reached just now",
        "service_unavailable" => "the IM system is not available just now",
        "try_again" => "the IM system did not manage it in time: try again",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use trunkline_sip::failure::ROWS;

    use super::words;

    #[test]
    fn every_key_that_a_message_may_fail_with_has_words() {
        let keys = ROWS.iter().filter_map(|row| row.text).filter(|key| *key != "sign_in_again");
        keys.for_each(|key| assert!(words(key).is_some(), "{key}"));
    }
}
