use std::collections::VecDeque;

use trunkline_model::{Entry, EntryBody, MessageId, Seq, Timestamp};

/// Failures remembered of each kind; one that is forgotten is told twice.
const MAX: usize = 128;

/// Which failures of the phone's own messages the answers to its SendMessage tell, so that MessageFailed need not.
#[derive(Debug, Default)]
pub(super) struct Failures {
    awaited: Vec<Awaited>,
    /// Told by an answer; their entries are yet to come by.
    told: VecDeque<Told>,
    /// Entries that the phone is not told, because an answer tells them.
    passed: VecDeque<Seq>,
}

/// A send whose answer is yet to come.
#[derive(Debug)]
struct Awaited {
    id: MessageId,
    since: Timestamp,
    failure: Option<Failure>,
}

/// A failure whose entry stands at `up_to` in the mailbox or before, unless it came by for another answer.
#[derive(Debug)]
struct Told {
    id: MessageId,
    since: Timestamp,
    up_to: Seq,
}

/// What an entry said that came by before the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: i64,
    pub(crate) reason: String,
    pub(crate) unknown: bool,
}

impl Failures {
    /// An answer will tell of this message if it fails.
    pub(super) fn expect(&mut self, id: MessageId, since: Timestamp) {
        self.awaited.push(Awaited { id, since, failure: None });
    }

    /// The answer is there, and `tells` of a failure or does not. Gives the failure when its entry came by: then the
    /// answer must tell it. The mailbox reaches up to `head`.
    pub(super) fn answer(
        &mut self,
        id: &MessageId,
        since: Timestamp,
        tells: bool,
        head: Seq,
    ) -> Option<Failure> {
        let at = self.awaited.iter().position(|one| one.id == *id && one.since == since)?;
        let awaited = self.awaited.swap_remove(at);
        if tells && awaited.failure.is_none() {
            keep(&mut self.told, Told { id: awaited.id, since, up_to: head });
        }
        awaited.failure
    }

    /// Whether the phone need not be told this entry; false for everything but a failure.
    pub(super) fn pass(&mut self, entry: &Entry) -> bool {
        let EntryBody::MessageFailed { id, code, reason, unknown, .. } = &entry.body else { return false };
        if self.passed.contains(&entry.seq) {
            return true;
        }
        self.told.retain(|told| told.up_to >= entry.seq);
        let told = self.told.iter().position(|told| told.id == *id && told.since <= entry.at);
        if let Some(at) = told {
            self.told.remove(at);
        } else {
            let fits = |one: &&mut Awaited| one.id == *id && one.since <= entry.at && one.failure.is_none();
            let Some(awaited) = self.awaited.iter_mut().find(fits) else { return false };
            awaited.failure = Some(Failure { code: *code, reason: reason.clone(), unknown: *unknown });
        }
        keep(&mut self.passed, entry.seq);
        true
    }

    /// The phone has everything up to here.
    pub(super) fn acknowledge(&mut self, seq: Seq) {
        self.passed.retain(|one| *one > seq);
    }

    /// The answers may be lost: the phone is told by the entries.
    pub(super) fn forget_told(&mut self) {
        self.told.clear();
        self.passed.clear();
    }
}

fn keep<T>(list: &mut VecDeque<T>, one: T) {
    if list.len() == MAX {
        list.pop_front();
    }
    list.push_back(one);
}

#[cfg(test)]
mod tests {
    use trunkline_model::{ChatId, Entry, EntryBody, Seq, Timestamp};

    use super::Failures;

    fn entry(seq: i64, at: i64) -> Entry {
        let body = EntryBody::MessageFailed {
            chat: ChatId::fresh(),
            peer: "bo@example.test".parse().unwrap(),
            id: "m-1".parse().unwrap(),
            code: 1018,
            reason: "no".to_owned(),
            unknown: false,
        };
        Entry { seq: Seq(seq), at: Timestamp(at), origin: None, body }
    }

    #[test]
    fn whichever_comes_first_a_failure_is_told_once() {
        let (mut failures, id) = (Failures::default(), "m-1".parse().unwrap());
        failures.expect("m-1".parse().unwrap(), Timestamp(5));
        assert!(!failures.pass(&entry(1, 4)), "that was an earlier attempt");
        assert!(failures.pass(&entry(2, 6)) && failures.pass(&entry(2, 6)), "also when it is replayed");
        assert_eq!(failures.answer(&id, Timestamp(5), false, Seq(2)).map(|failure| failure.code), Some(1018));
        failures.expect("m-1".parse().unwrap(), Timestamp(7));
        assert_eq!(failures.answer(&id, Timestamp(7), true, Seq(3)), None);
        assert!(failures.pass(&entry(3, 8)) && !failures.pass(&entry(4, 9)), "one answer stands for one");
        failures.expect("m-1".parse().unwrap(), Timestamp(10));
        assert_eq!(failures.answer(&id, Timestamp(10), true, Seq(5)), None);
        assert!(!failures.pass(&entry(6, 12)), "that is a later attempt");
        failures.forget_told();
        assert!(!failures.pass(&entry(3, 8)), "the answer may be lost");
    }
}
