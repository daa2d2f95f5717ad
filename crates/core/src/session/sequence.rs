//! The two counters of a session: `sequence` on the phone's wire, and how it maps to the mailbox.

use std::collections::VecDeque;

use trunkline_model::{Seq, Timestamp};

/// How many sequences are reserved in the store at a time.
pub(crate) const BLOCK: i64 = 10_000;
/// Most runs of marks that a session remembers; older ones are replayed under new sequences.
const MAX_RUNS: usize = 256;

/// Gives out `sequence` numbers: session start in seconds × 1 000 000 + n, n only from blocks that the store has reserved.
#[derive(Debug)]
pub(crate) struct Sequences {
    base: i64,
    first: i64,
    next: i64,
    reserved: i64,
    earlier: u64,
}

impl Sequences {
    /// `used` is the highest n that may have been given out before.
    pub(crate) fn new(started_at: Timestamp, used: i64, reserved: i64) -> Self {
        let base = started_at.as_secs() * 1_000_000;
        let earlier = used.saturating_sub(Self::origin(started_at));
        Self {
            base,
            first: base + used + 1,
            next: used + 1,
            reserved,
            earlier: earlier.try_into().unwrap_or_default(),
        }
    }

    /// Where n begins: behind whatever an earlier session in the same second can have given out.
    pub(crate) fn origin(started_at: Timestamp) -> i64 {
        started_at.0 - started_at.as_secs() * 1_000_000
    }

    /// How many may have been given out in earlier lives of the process.
    pub(crate) fn earlier(&self) -> u64 {
        self.earlier
    }

    /// The next number; `None` when the reserved block is used up.
    pub(crate) fn take(&mut self) -> Option<i64> {
        if self.next > self.reserved {
            return None;
        }
        let sequence = self.base + self.next;
        self.next += 1;
        Some(sequence)
    }

    /// How many are left of what is reserved.
    pub(crate) fn left(&self) -> i64 {
        self.reserved - self.next + 1
    }

    /// The n up to which to reserve next, when it is time to do so.
    pub(crate) fn wants(&self) -> Option<i64> {
        (self.next + BLOCK / 2 > self.reserved).then_some(self.reserved + BLOCK)
    }

    /// The store holds a reservation up to this n.
    pub(crate) fn granted(&mut self, reserved: i64) {
        self.reserved = self.reserved.max(reserved);
    }

    /// Whether this session gave out `sequence`.
    pub(crate) fn gave(&self, sequence: i64) -> bool {
        sequence >= self.first && sequence < self.base + self.next
    }
}

/// Under which sequence and event number each mailbox entry was sent, as runs of consecutive ones.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    runs: VecDeque<Run>,
}

/// `length` entries from `seq` on were sent under consecutive sequences and event numbers.
#[derive(Debug)]
struct Run {
    seq: i64,
    sequence: i64,
    event: u64,
    length: i64,
}

impl Run {
    fn end(&self) -> i64 {
        self.seq + self.length
    }
}

impl Marks {
    /// Notes that the entry at `seq` was sent as event number `event` under `sequence`.
    pub(crate) fn add(&mut self, seq: Seq, sequence: i64, event: u64) {
        if let Some(last) = self.runs.back_mut()
            && last.end() == seq.0
            && last.sequence + last.length == sequence
            && last.event + last.length.unsigned_abs() == event
        {
            last.length += 1;
            return;
        }
        if self.runs.len() == MAX_RUNS {
            self.runs.pop_front();
        }
        self.runs.push_back(Run { seq: seq.0, sequence, event, length: 1 });
    }

    /// The highest entry that was sent under a sequence of at most `sequence`; `None` when no mark tells.
    pub(crate) fn seq_at(&self, sequence: i64) -> Option<Seq> {
        let run = self.runs.iter().rev().find(|run| run.sequence <= sequence)?;
        Some(Seq(run.seq + (sequence - run.sequence).min(run.length - 1)))
    }

    /// Sequence and event number of the entry at `seq`, if it was sent before.
    pub(crate) fn of(&self, seq: Seq) -> Option<(i64, u64)> {
        let at = self.runs.partition_point(|run| run.end() <= seq.0);
        let run = self.runs.get(at).filter(|run| run.seq <= seq.0)?;
        let offset = seq.0 - run.seq;
        Some((run.sequence + offset, run.event + offset.unsigned_abs()))
    }

    /// The highest entry that was ever sent.
    pub(crate) fn last(&self) -> Seq {
        Seq(self.runs.back().map_or(0, |run| run.end() - 1))
    }

    /// Forgets what lies wholly at or before `seq`.
    pub(crate) fn forget(&mut self, seq: Seq) {
        while self.runs.front().is_some_and(|run| run.end() <= seq.0 + 1) {
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::{Seq, Timestamp};

    use super::{BLOCK, Marks, Sequences};

    #[test]
    fn sequences_stay_within_what_is_reserved() {
        let mut all = Sequences::new(Timestamp(7_000_000), 0, 2);
        assert_eq!((all.take(), all.take(), all.take()), (Some(7_000_001), Some(7_000_002), None));
        assert_eq!(all.wants(), Some(2 + BLOCK));
        all.granted(2 + BLOCK);
        assert_eq!(all.take(), Some(7_000_003));
        assert!(all.gave(7_000_003) && !all.gave(7_000_004) && !all.gave(6_000_001));
    }

    #[test]
    fn marks_map_both_ways() {
        let mut marks = Marks::default();
        for (seq, sequence, event) in [(5, 10, 1), (6, 11, 2), (7, 13, 3), (9, 14, 5)] {
            marks.add(Seq(seq), sequence, event);
        }
        assert_eq!(marks.seq_at(9), None);
        for (sequence, seq) in [(10, 5), (11, 6), (12, 6), (13, 7), (14, 9), (99, 9)] {
            assert_eq!(marks.seq_at(sequence), Some(Seq(seq)), "{sequence}");
        }
        assert_eq!(marks.of(Seq(6)), Some((11, 2)));
        assert_eq!(marks.of(Seq(8)), None);
        assert_eq!(marks.last(), Seq(9));
        marks.forget(Seq(6));
        assert_eq!((marks.of(Seq(6)), marks.of(Seq(7))), (None, Some((13, 3))));
    }
}
