use trunkline_model::Seq;
use trunkline_wire::EventData;

use super::{Outbound, completion::Keep};

/// A phone without a socket fetches what waits for it by one poll after the other. Between two of them everything goes on
/// waiting, and what a poll was given waits until the phone says that it has it.
impl Outbound {
    /// A new poll of a phone that has seen everything up to the sequence `seen`. Returns up to where the mailbox is thereby
    /// acknowledged, if that is news.
    pub(crate) fn poll(&mut self, seen: Option<i64>) -> Option<Seq> {
        if let Some(sequence) = seen.filter(|sequence| self.sequences.gave(*sequence)) {
            self.completions.forget(sequence);
        }
        if self.goes_on(seen) {
            return self.go_on();
        }
        self.polled = true;
        self.reopen(seen, Some(0))
    }

    /// Whether the phone has all that the last poll was given, so that the next one begins where that ended.
    pub(crate) fn goes_on(&self, seen: Option<i64>) -> bool {
        self.open && self.polled && seen.is_some() && seen == self.given
    }

    fn go_on(&mut self) -> Option<Seq> {
        let seq = self.given.and_then(|sequence| self.marks.seq_at(sequence));
        let seq = seq.filter(|seq| *seq > self.acknowledged)?;
        self.acknowledge(seq);
        Some(seq)
    }

    /// A request came without a socket, so that its completion will be polled for.
    pub(crate) fn expect_poll(&mut self) {
        if !self.open {
            self.polled = true;
        }
    }

    /// Whether frames that are of use only now still find somebody.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the phone last asked for what waits for it by polls.
    pub(crate) fn is_polled(&self) -> bool {
        self.polled
    }

    /// The last event of a session; what else is kept of it is dropped when `alone`.
    pub(crate) fn last_word(&mut self, data: &EventData, alone: bool) {
        if alone {
            self.completions.forget(i64::MAX);
        }
        let Some(sequence) = self.sequences.take() else { return };
        self.events += 1;
        let text = trunkline_wire::event(self.events, sequence, data);
        if self.polled {
            self.completions.keep(sequence, &text, self.keep());
        }
        self.wait_for_reader(Some(sequence), text);
    }

    pub(super) fn keep(&self) -> Keep {
        if self.polled { Keep::Unfetched(self.fetched()) } else { Keep::Last }
    }

    pub(super) fn unfetched_bytes(&self) -> usize {
        if self.polled { self.completions.bytes_after(self.fetched()) } else { 0 }
    }

    /// The last sequence that a poll was given; 0 when there was none.
    fn fetched(&self) -> i64 {
        self.given.unwrap_or(0)
    }
}
