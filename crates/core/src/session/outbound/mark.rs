use trunkline_model::{Address, MessageId, MessageKey, Seq, Timestamp};

use super::{Failure, Outbound};

/// What the phone has, as far as this process knows.
impl Outbound {
    /// The device has everything up to `seq`.
    pub(crate) fn acknowledge(&mut self, seq: Seq) {
        if seq <= self.acknowledged {
            return;
        }
        self.acknowledged = seq;
        // What the present socket is still being told again keeps its sequences, else they would not rise.
        self.marks.forget(seq.min(self.sent));
        self.unacknowledged.acknowledge(seq, self.sent);
        self.failures.acknowledge(seq);
    }

    /// The phone's socket saw everything up to `seq`, as far as that was written to it.
    pub(crate) fn saw(&mut self, seq: Seq) {
        self.seen = self.seen.max(seq.min(self.sent));
    }

    /// The highest entry that is with the phone, acknowledged or not: no need to wake it for that.
    pub(crate) fn seen(&self) -> Seq {
        self.seen.max(self.acknowledged)
    }

    /// The phone was shown everything up to `seq`, by whichever way.
    pub(crate) fn show(&mut self, seq: Seq) {
        self.shown = self.shown.max(seq);
    }

    /// The highest entry that this life of the process showed the phone.
    pub(crate) fn shown(&self) -> Seq {
        self.shown
    }

    /// Whether an earlier life of the process may have shown the phone the entry at `seq`.
    pub(crate) fn may_have_shown(&self, seq: Seq) -> bool {
        self.shown_before.is_some_and(|before| seq <= before)
    }

    /// The mailbox reaches up to here, read as a socket comes. The first time for a session of an earlier life of the
    /// process: its phone can have no more than this.
    pub(crate) fn caught_up(&mut self, head: Seq) {
        self.heard(head);
        self.shown_before.get_or_insert(head);
    }

    /// The answer to the phone's SendMessage, begun then, will tell of this message if it fails.
    pub(crate) fn expect_answer(&mut self, id: MessageId, since: Timestamp) {
        self.failures.expect(id, since);
    }

    /// The answer is there, and `tells` of a failure or does not. Gives a failure that the phone was not told because
    /// of this answer.
    pub(crate) fn answered(&mut self, id: &MessageId, since: Timestamp, tells: bool) -> Option<Failure> {
        self.failures.answer(id, since, tells, self.head)
    }

    /// Everything up to here is acknowledged, as far as this process knows.
    pub(crate) fn acknowledged(&self) -> Seq {
        self.acknowledged
    }

    /// Where the messages with this id stand that the phone was sent and has not acknowledged; `None` when the
    /// session does not remember them all.
    pub(crate) fn unacknowledged(
        &self,
        id: &MessageId,
        peer: Option<&Address>,
    ) -> Option<Vec<(Seq, MessageKey)>> {
        self.unacknowledged.find(id, peer)
    }
}
