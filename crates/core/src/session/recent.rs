use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

use tokio::sync::watch;

/// How many settled request ids a session remembers for `dependencies`.
const MAX_SETTLED: usize = 1_000;

/// The requests of a session by id: those under way, and how the last ones ended.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    hasher: RandomState,
    running: HashMap<u64, Running>,
    /// Hashes of ids; the lowest bit says whether the request succeeded.
    settled: VecDeque<u64>,
}

/// A request that has not ended.
#[derive(Debug)]
struct Running {
    ended: watch::Sender<Option<bool>>,
    /// False while it is only expected, later in the same batch.
    begun: bool,
}

/// What is known of a request that another one depends on.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// Still under way.
    Running(watch::Receiver<Option<bool>>),
    /// Ended; true when it succeeded.
    Settled(bool),
    /// Never heard of.
    Unknown,
}

impl Recent {
    /// Notes that a request begins; false when one with this id is under way.
    pub(crate) fn begin(&mut self, key: &str) -> bool {
        let hash = self.hash(key);
        let running = self.running.entry(hash).or_insert_with(Running::expected);
        !std::mem::replace(&mut running.begun, true)
    }

    /// Notes how a request ended and tells those who wait for it.
    pub(crate) fn settle(&mut self, key: &str, succeeded: bool) {
        let hash = self.hash(key);
        if let Some(running) = self.running.remove(&hash) {
            running.ended.send_replace(Some(succeeded));
        }
        if self.settled.len() == MAX_SETTLED {
            self.settled.pop_front();
        }
        self.settled.push_back(hash | u64::from(succeeded));
    }

    /// Notes that a request failed before it began; one with the same id that is under way is another one.
    pub(crate) fn refuse(&mut self, key: &str) {
        if !self.running.get(&self.hash(key)).is_some_and(|running| running.begun) {
            self.settle(key, false);
        }
    }

    /// The session is over: whoever waits for a request is told that it did not succeed.
    pub(crate) fn abandon(&mut self) {
        self.running.clear();
    }

    /// What is known of the request with this id.
    pub(crate) fn find(&self, key: &str) -> Known {
        let hash = self.hash(key);
        if let Some(running) = self.running.get(&hash) {
            return Known::Running(running.ended.subscribe());
        }
        match self.settled.iter().rev().find(|one| *one & !1 == hash) {
            Some(one) => Known::Settled(one & 1 == 1),
            None => Known::Unknown,
        }
    }

    /// Like [`Recent::find`]; a request that the same batch still holds counts as running.
    pub(crate) fn find_or_expect(&mut self, key: &str, expected: bool) -> Known {
        match self.find(key) {
            Known::Unknown if expected => {
                let hash = self.hash(key);
                Known::Running(self.running.entry(hash).or_insert_with(Running::expected).ended.subscribe())
            }
            known => known,
        }
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key) & !1
    }
}

impl Running {
    fn expected() -> Self {
        Self { ended: watch::Sender::new(None), begun: false }
    }
}

#[cfg(test)]
mod tests {
    use super::{Known, Recent};

    #[test]
    fn a_request_is_known_while_it_runs_and_for_long_after() {
        let mut recent = Recent::default();
        assert!(matches!(recent.find("c1"), Known::Unknown));
        assert!(recent.begin("c1"));
        assert!(!recent.begin("c1"));
        let Known::Running(watch) = recent.find("c1") else { panic!("runs") };
        recent.refuse("c1");
        assert_eq!(*watch.borrow(), None);
        recent.settle("c1", true);
        assert_eq!(*watch.borrow(), Some(true));
        let Known::Running(watch) = recent.find_or_expect("c2", true) else { panic!("is expected") };
        recent.refuse("c2");
        assert_eq!(*watch.borrow(), Some(false));
        assert!(matches!(recent.find("c1"), Known::Settled(true)));
        for other in 0..1_000 {
            recent.settle(&format!("x{other}"), false);
        }
        assert!(matches!(recent.find("c1"), Known::Unknown));
        assert!(matches!(recent.find("x999"), Known::Settled(false)));
    }
}
