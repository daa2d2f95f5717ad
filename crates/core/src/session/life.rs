use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{Duration, Instant},
};

use trunkline_model::Timestamp;

/// When a phone was last heard of, by two clocks: by the system's for what is written down, and by one that never jumps
/// for how long ago that is. A system clock that is set an hour ahead must not end every session.
#[derive(Debug)]
pub(crate) struct Life {
    last: AtomicI64,
    begun: Instant,
    /// Milliseconds behind `begun`; negative when it was in an earlier life of the process.
    heard: AtomicI64,
}

impl Life {
    pub(crate) fn new(last: Timestamp) -> Self {
        let silent = Timestamp::now().0.saturating_sub(last.0).max(0) / 1_000;
        Self { last: AtomicI64::new(last.0), begun: Instant::now(), heard: AtomicI64::new(-silent) }
    }

    /// The phone was heard of.
    pub(crate) fn touch(&self, now: Timestamp) {
        self.last.fetch_max(now.0, Ordering::Relaxed);
        self.heard.fetch_max(self.age(), Ordering::Relaxed);
    }

    /// By the system's clock.
    pub(crate) fn last(&self) -> Timestamp {
        Timestamp(self.last.load(Ordering::Relaxed))
    }

    /// How long nothing was heard of the phone.
    pub(crate) fn silence(&self) -> Duration {
        let silent = self.age().saturating_sub(self.heard.load(Ordering::Relaxed));
        Duration::from_millis(u64::try_from(silent).unwrap_or(0))
    }

    fn age(&self) -> i64 {
        i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline_model::Timestamp;

    use super::Life;

    #[test]
    fn a_clock_that_jumps_makes_nobody_silent() {
        let (hour, now) = (Duration::from_secs(3_600), Timestamp::now());
        let restored = Life::new(now.minus(hour));
        assert!(restored.silence() >= hour, "the time in which no relay ran counts");
        restored.touch(now.minus(hour));
        assert!(restored.silence() < hour, "heard of, whatever the time");
        assert!(Life::new(now.plus(hour)).silence() < hour);
        restored.touch(now.plus(hour));
        restored.touch(now);
        assert_eq!(restored.last(), now.plus(hour));
    }
}
