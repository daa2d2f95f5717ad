use std::time::Duration;
use tokio::time::Instant;

/// A token bucket that slows down rather than refuses.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: f64,
    burst: f64,
    tokens: f64,
    at: Instant,
}

impl Rate {
    pub(super) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_second: f64::from(per_second.max(1)), burst, tokens: burst, at: now }
    }

    /// One request came; the bucket may go below empty, which later ones make good.
    pub(super) fn take(&mut self, now: Instant) {
        self.fill(now);
        self.tokens -= 1.0;
    }

    /// How long to wait before the next frame may be read; `None`: not at all.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.fill(now);
        (self.tokens < 1.0).then(|| Duration::from_secs_f64((1.0 - self.tokens) / self.per_second))
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Rate;

    #[test]
    fn a_burst_is_free_and_what_follows_waits() {
        let start = Instant::now();
        let mut rate = Rate::new(10, 5, start);
        for _ in 0..5 {
            assert_eq!(rate.wait(start), None);
            rate.take(start);
        }
        assert_eq!(rate.wait(start), Some(Duration::from_millis(100)));
        assert_eq!(rate.wait(start + Duration::from_millis(101)), None);
    }
}
