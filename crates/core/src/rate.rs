use std::time::Duration;
use tokio::time::Instant;

/// A token bucket that slows down rather than refuses.
#[derive(Debug)]
pub(crate) struct Rate {
    /// What is missing to a full bucket: a socket that does nothing is full whatever the limits become.
    missing: f64,
    at: Instant,
}

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    per_second: f64,
    burst: f64,
}

impl Pace {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: f64::from(per_second.max(1)), burst: f64::from(burst.max(1)) }
    }
}

impl Rate {
    pub(crate) fn new(now: Instant) -> Self {
        Self { missing: 0.0, at: now }
    }

    /// One request came; the bucket may go below empty, which later ones make good.
    pub(crate) fn take(&mut self, pace: Pace, now: Instant) {
        self.fill(pace, now);
        self.missing += 1.0;
    }

    /// How long to wait before the next frame may be read; `None`: not at all.
    pub(crate) fn wait(&mut self, pace: Pace, now: Instant) -> Option<Duration> {
        self.fill(pace, now);
        let short = self.missing + 1.0 - pace.burst;
        (short > 0.0).then(|| Duration::from_secs_f64(short / pace.per_second))
    }

    /// Whether the bucket is full, be it filled ever so slowly.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.missing <= now.saturating_duration_since(self.at).as_secs_f64()
    }

    fn fill(&mut self, pace: Pace, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.missing = (self.missing - passed * pace.per_second).max(0.0);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Pace, Rate};

    #[test]
    fn a_burst_is_free_and_what_follows_waits() {
        let (start, pace) = (Instant::now(), Pace::new(10, 5));
        let mut rate = Rate::new(start);
        for _ in 0..5 {
            assert_eq!(rate.wait(pace, start), None);
            rate.take(pace, start);
        }
        assert_eq!(rate.wait(pace, start), Some(Duration::from_millis(100)));
        assert_eq!(rate.wait(pace, start + Duration::from_millis(101)), None);
        assert_eq!(rate.wait(Pace::new(10, 6), start), None, "a reload made it larger");
        let slower = rate.wait(Pace::new(1, 1), start).map(|wait| wait.as_secs_f64().round());
        assert_eq!(slower, Some(4.0), "a reload made it smaller");
    }
}
