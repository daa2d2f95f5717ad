use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::table::{Record, Table};

/// Wrong ones in a row that cost nobody any time.
const FREE: f64 = 30.0;
/// As often one of them is forgotten.
const FORGIVES: Duration = Duration::from_secs(2);
/// Between two look-ups of somebody who has none free.
const STEP: Duration = Duration::from_millis(100);

/// Slows those who were wrong too often, and nobody else. Nobody is shut out: behind the same address sit others, whose
/// right tokens only have to wait their turn.
#[derive(Debug)]
pub(super) struct Pace<K>(Mutex<Table<K, Turn>>);

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    /// How many of the free ones are used up, at `at`.
    used: f64,
    at: Option<Instant>,
    /// The earliest moment of the next look-up.
    next: Option<Instant>,
}

impl Turn {
    fn used(&self, now: Instant) -> f64 {
        let passed = self.at.map_or(0.0, |at| now.saturating_duration_since(at).as_secs_f64());
        (self.used - passed / FORGIVES.as_secs_f64()).max(0.0)
    }
}

impl Record for Turn {
    fn is_over(&self, now: Instant) -> bool {
        self.used(now) <= 0.0 && self.next.is_none_or(|next| next <= now)
    }
}

impl<K> Default for Pace<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Clone> Pace<K> {
    /// How long to wait before the look-up; `None`, and no turn taken, when it is longer than `patience`.
    pub(super) fn reserve(&self, key: K, now: Instant, patience: Duration) -> Option<Duration> {
        let mut turns = self.turns();
        let (_, turn) = turns.record(&key, now);
        if turn.used(now) < FREE {
            return Some(Duration::ZERO);
        }
        let at = turn.next.map_or(now, |next| next.max(now));
        let wait = at.saturating_duration_since(now);
        if wait > patience {
            return None;
        }
        turn.next = Some(at + STEP);
        Some(wait)
    }

    pub(super) fn fail(&self, key: K, now: Instant) {
        let mut turns = self.turns();
        let (_, turn) = turns.record(&key, now);
        turn.used = (turn.used(now) + 1.0).min(FREE + 1.0);
        turn.at = Some(now);
    }

    fn turns(&self) -> MutexGuard<'_, Table<K, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FREE, Pace};

    #[test]
    fn who_is_wrong_too_often_waits_and_others_do_not() {
        let (pace, now) = (Pace::default(), Instant::now());
        let patience = Duration::from_secs(1);
        for _ in 0..30 {
            assert_eq!(pace.reserve("guesser", now, patience), Some(Duration::ZERO));
            pace.fail("guesser", now);
        }
        let waits: Vec<_> = (0..20).map_while(|_| pace.reserve("guesser", now, patience)).collect();
        assert_eq!(waits.last(), Some(&patience));
        assert_eq!(waits.len(), 11, "ten a second, and nobody waits longer than he would");
        assert_eq!(pace.reserve("another", now, patience), Some(Duration::ZERO));
        let later = now + Duration::from_secs(2 * FREE as u64);
        assert_eq!(pace.reserve("guesser", later, patience), Some(Duration::ZERO));
    }
}
