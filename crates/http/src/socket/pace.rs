use std::time::Duration;

use tokio::time::Instant;

/// After this long without a write nothing can have waited: the phone has caught up.
const PAUSE: Duration = Duration::from_secs(1);

/// How slowly a phone may take what waits for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaceLimit {
    /// How long it may stay behind the rate.
    pub(crate) patience: Duration,
    /// Bytes a second that even a phone on a weak link takes.
    pub(crate) rate: u32,
}

/// How far a phone is behind the rate at which it should take what waits for it.
#[derive(Debug)]
pub(super) struct Pace {
    behind: Duration,
    last: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { behind: Duration::ZERO, last: now }
    }

    /// How long a write may take that begins now.
    pub(super) fn allows(&mut self, limit: PaceLimit, now: Instant) -> Duration {
        if now.saturating_duration_since(self.last) > PAUSE {
            *self = Self::new(now);
        }
        limit.patience.saturating_sub(self.behind)
    }

    /// So many bytes were taken by a write that began then. What was taken quickly is no credit for later: a good part
    /// of it may lie in buffers on the way.
    pub(super) fn took(&mut self, limit: PaceLimit, bytes: usize, begun: Instant, now: Instant) {
        let due =
            u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000) / u64::from(limit.rate.max(1));
        self.behind += now.saturating_duration_since(begun);
        self.behind = self.behind.saturating_sub(Duration::from_millis(due));
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: PaceLimit = PaceLimit { patience: Duration::from_secs(20), rate: 2_000 };

    /// Whether a phone that takes so many bytes a second is given up when something always waits for it.
    fn given_up(rate: u32) -> bool {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        (0..1_000).any(|_| {
            let takes = Duration::from_secs_f64(10_000.0 / f64::from(rate));
            let allowed = pace.allows(LIMIT, now);
            pace.took(LIMIT, 10_000, now, now + takes);
            now += takes;
            takes > allowed
        })
    }

    #[test]
    fn only_who_is_slower_than_the_rate_is_given_up() {
        assert!(given_up(100) && given_up(1_000));
        assert!(!given_up(2_500) && !given_up(1_000_000));
    }

    #[test]
    fn who_caught_up_has_all_patience_again() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.took(LIMIT, 0, start, start + Duration::from_secs(15));
        let later = start + Duration::from_secs(15);
        assert_eq!(pace.allows(LIMIT, later), Duration::from_secs(5));
        pace.took(LIMIT, 4_000, later, later);
        assert_eq!(pace.allows(LIMIT, later), Duration::from_secs(7));
        assert_eq!(pace.allows(LIMIT, later + Duration::from_secs(2)), LIMIT.patience);
    }
}
