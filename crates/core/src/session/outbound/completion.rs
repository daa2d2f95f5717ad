use std::collections::VecDeque;

use super::ready::Numbered;

/// Most bytes of completions that a session keeps for a phone that comes back.
const MAX_BYTES: usize = 64 * 1024;
/// As much of what polls have fetched and nobody has acknowledged.
const MAX_FETCHED_BYTES: usize = 1024 * 1024;

/// How requests ended: what waits for a sequence, and what a phone that comes back may have missed.
#[derive(Default)]
pub(super) struct Completions {
    kept: VecDeque<Completion>,
    kept_bytes: usize,
    deferred: VecDeque<Deferred>,
    /// The highest sequence of those that are not kept any more.
    dropped: i64,
    /// What the present reader is to be told again.
    replay: VecDeque<Completion>,
}

/// Which completions are kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// The last small ones: a socket gets each as soon as it is there.
    Last,
    /// All that no poll has fetched, that is, those after this sequence; and many that one has.
    Unfetched(i64),
}

#[derive(Clone)]
struct Completion {
    sequence: i64,
    text: String,
}

impl Completion {
    fn weight(&self) -> usize {
        self.text.len() + size_of::<Self>()
    }
}

/// Writes a completion that has no sequence yet.
type Deferred = Box<dyn FnOnce(i64) -> String + Send>;

impl Completions {
    /// One more that needs a sequence.
    pub(super) fn defer(&mut self, write: Deferred) {
        self.deferred.push_back(write);
    }

    /// Whether some still need a sequence.
    pub(super) fn are_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// Writes the oldest of those that need a sequence.
    pub(super) fn write(&mut self, sequence: i64) -> Option<String> {
        self.deferred.pop_front().map(|write| write(sequence))
    }

    /// Keeps a frame for a phone that comes back; in [`Keep::Last`], one that would drive out all others is not kept.
    pub(super) fn keep(&mut self, sequence: i64, text: &str, keep: Keep) {
        if matches!(keep, Keep::Last) && text.len() > MAX_BYTES / 4 {
            self.dropped = sequence;
            return;
        }
        self.kept_bytes += text.len();
        self.kept.push_back(Completion { sequence, text: text.to_owned() });
        let (most, droppable) = match keep {
            Keep::Last => (MAX_BYTES, i64::MAX),
            Keep::Unfetched(after) => (MAX_FETCHED_BYTES, after),
        };
        while self.kept_bytes > most && self.kept.front().is_some_and(|one| one.sequence <= droppable) {
            self.drop_oldest();
        }
    }

    /// The phone has everything up to this sequence.
    pub(super) fn forget(&mut self, up_to: i64) {
        while self.kept.front().is_some_and(|one| one.sequence <= up_to) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.kept.pop_front() {
            self.kept_bytes -= oldest.text.len();
            self.dropped = self.dropped.max(oldest.sequence);
        }
    }

    /// The session is over: what has no sequence by now never gets one.
    pub(super) fn part(&mut self) {
        self.deferred = VecDeque::new();
    }

    /// The memory that they take, and that their repetition takes once a reader asks for it.
    pub(super) fn weight(&self) -> usize {
        2 * self.kept.iter().map(Completion::weight).sum::<usize>()
            + self.replay.iter().map(Completion::weight).sum::<usize>()
    }

    /// Bytes of those after this sequence.
    pub(super) fn bytes_after(&self, sequence: i64) -> usize {
        let later = self.kept.iter().rev().take_while(|one| one.sequence > sequence);
        later.map(|one| one.text.len()).sum()
    }

    /// The present reader is to be told again what came after this sequence; false when that is not all kept.
    pub(super) fn repeat(&mut self, after: i64) -> bool {
        self.replay.extend(self.kept.iter().filter(|one| one.sequence > after).cloned());
        self.dropped <= after
    }

    /// The reader is gone.
    pub(super) fn stop(&mut self) {
        self.replay = VecDeque::new();
    }

    /// The next one to tell again.
    pub(super) fn take(&mut self) -> Option<Numbered> {
        self.replay.pop_front().map(|one| Numbered { sequence: Some(one.sequence), text: one.text })
    }

    /// The next one to tell again, if it has a lower sequence than this.
    pub(super) fn take_before(&mut self, sequence: i64) -> Option<Numbered> {
        let first = self.replay.front()?;
        if first.sequence < sequence { self.take() } else { None }
    }

    /// Whether there is something to tell again.
    pub(super) fn are_repeated(&self) -> bool {
        !self.replay.is_empty()
    }
}
