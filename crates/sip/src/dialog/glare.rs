//! What to do when both sides begin at once. Pure decisions: both sides that follow them come to the same one.

use std::time::Duration;

/// What we have with a peer when an INVITE of his arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours<'a> {
    /// Nothing.
    Nothing,
    /// An INVITE of ours without a final answer.
    Pending,
    /// A dialog, with the `Ms-Conversation-ID` that it began with.
    Open(Option<&'a str>),
    /// An INVITE or UPDATE of ours without a final answer in the very dialog that the INVITE belongs to.
    PendingInside,
    /// The very dialog that the INVITE belongs to, and nothing pending.
    Inside,
}

/// What to do with the INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it as if there were nothing else.
    Take,
    /// Take it; once ours is accepted too, [`on_second_dialog`] says which of the two stays.
    TakeBoth,
    /// Take it, and end the dialog that we have with a BYE. What was not confirmed in that goes into the new one.
    Replace,
    /// Take it, and forget the dialog that we have: the peer lost it, and began the conversation anew.
    ReplaceSilently,
    /// Answer with 491.
    Pend,
}

/// Which of two dialogs with a peer stays; the other one gets its ACK and a BYE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The one of our INVITE.
    Ours,
    /// The one of the peer's.
    Theirs,
}

/// Decides about a peer's INVITE, given its `Ms-Conversation-ID`.
pub fn on_invite(ours: Ours<'_>, conversation: Option<&str>) -> Verdict {
    match ours {
        Ours::Nothing | Ours::Inside => Verdict::Take,
        Ours::Pending => Verdict::TakeBoth,
        Ours::PendingInside => Verdict::Pend,
        Ours::Open(Some(known)) if conversation == Some(known) => Verdict::ReplaceSilently,
        Ours::Open(_) => Verdict::Replace,
    }
}

/// Decides when our INVITE is accepted after we took the peer's: if the peer has ended his meanwhile, ours stays; else
/// the one with the lower Call-ID, so that two who decide at once do not end one each.
pub fn on_second_dialog(ours: &str, theirs: &str, theirs_is_open: bool) -> Keep {
    if !theirs_is_open || ours.as_bytes() <= theirs.as_bytes() { Keep::Ours } else { Keep::Theirs }
}

/// How long to wait after a 491 (RFC 3261 section 14.1): 2.1 to 4 s for the one who began the dialog, less than 2 s for
/// the other.
pub fn retry_after_491(is_caller: bool, random: u32) -> Duration {
    let steps = |least: u32, most: u32| least + random % (most - least + 1);
    let tens = if is_caller { steps(210, 400) } else { steps(0, 200) };
    Duration::from_millis(u64::from(tens) * 10)
}
