use std::collections::VecDeque;

/// Most bytes of completions that a session keeps for a phone that comes back.
const MAX_BYTES: usize = 64 * 1024;

/// How requests ended: what waits for a sequence, and what a phone that comes back may have missed.
#[derive(Default)]
pub(super) struct Completions {
    kept: VecDeque<Completion>,
    kept_bytes: usize,
    deferred: VecDeque<Deferred>,
    /// The highest sequence of those that are not kept any more.
    dropped: i64,
    /// What the present socket is to be told again.
    replay: VecDeque<Completion>,
}

#[derive(Clone)]
struct Completion {
    sequence: i64,
    text: String,
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
        let text = self.deferred.pop_front()?(sequence);
        self.keep(sequence, &text);
        Some(text)
    }

    /// Keeps a completion for a phone that comes back; one that would drive out all others is not kept.
    fn keep(&mut self, sequence: i64, text: &str) {
        if text.len() > MAX_BYTES / 4 {
            self.dropped = sequence;
            return;
        }
        self.kept_bytes += text.len();
        self.kept.push_back(Completion { sequence, text: text.to_owned() });
        while self.kept_bytes > MAX_BYTES {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.text.len();
            self.dropped = self.dropped.max(oldest.sequence);
        }
    }

    /// The present socket is to be told again what came after this sequence; false when that is not all kept.
    pub(super) fn repeat(&mut self, after: i64) -> bool {
        self.replay.extend(self.kept.iter().filter(|one| one.sequence > after).cloned());
        self.dropped <= after
    }

    /// The socket is gone.
    pub(super) fn stop(&mut self) {
        self.replay = VecDeque::new();
    }

    /// The next one to tell again.
    pub(super) fn take(&mut self) -> Option<String> {
        self.replay.pop_front().map(|one| one.text)
    }

    /// The next one to tell again, if it has a lower sequence than this.
    pub(super) fn take_before(&mut self, sequence: i64) -> Option<String> {
        let first = self.replay.front()?;
        if first.sequence < sequence { self.take() } else { None }
    }

    /// Whether there is something to tell again.
    pub(super) fn are_repeated(&self) -> bool {
        !self.replay.is_empty()
    }
}
