use std::time::Duration;

use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};
use uuid::Uuid;

/// Paces the sign-ins of all lines of a backend: a token bucket of one second's worth, refilled at `rate` a second.
pub(crate) struct Pace {
    interval: Duration,
    burst: Duration,
    /// When the bucket would be full again ("theoretical arrival time" of the generic cell rate algorithm). Whoever is
    /// next in line holds the lock; tokio's is fair.
    full_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// `rate` sign-ins per second; 0 counts as 1.
    pub(crate) fn new(rate: u32) -> Self {
        let rate = rate.max(1);
        let interval = Duration::from_secs(1) / rate;
        Self { interval, burst: interval * (rate - 1), full_at: Mutex::new(None) }
    }

    /// Waits for a token. A caller that gives up while waiting leaves the line and takes none.
    pub(crate) async fn turn(&self) {
        let mut full_at = self.full_at.lock().await;
        if let Some(turn) = full_at.and_then(|full_at| full_at.checked_sub(self.burst)) {
            sleep_until(turn).await;
        }
        let now = Instant::now();
        *full_at = Some(full_at.map_or(now, |full_at| full_at.max(now)) + self.interval);
    }
}

/// Exponential back-off with full jitter: a random moment up to a ceiling that doubles with each failure.
#[derive(Debug, Default)]
pub(crate) struct BackOff {
    failures: u32,
    short_links: u32,
}

impl BackOff {
    const BASE: Duration = Duration::from_secs(1);
    const CAP: Duration = Duration::from_secs(60);
    /// A link that held so long counts as good.
    const GOOD_LINK: Duration = Duration::from_secs(60);

    /// How long to wait after one more failure, at least `floor`.
    pub(crate) fn next(&mut self, floor: Duration) -> Duration {
        let wait = floor + self.ceiling().mul_f64(fraction());
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// A link ended that had been signed in for `lived`: failures before it are forgotten, but short links in a row
    /// slow the next ones down.
    pub(crate) fn link_ended(&mut self, lived: Duration) {
        if lived >= Self::GOOD_LINK {
            self.short_links = 0;
        }
        self.failures = self.short_links;
        self.short_links = self.short_links.saturating_add(1);
    }

    fn ceiling(&self) -> Duration {
        Self::BASE.saturating_mul(1 << self.failures.min(16)).min(Self::CAP)
    }
}

/// A random number in 0..1.
fn fraction() -> f64 {
    let bits = (Uuid::new_v4().as_u128() >> 96) as u32;
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use tokio::time::{Instant, timeout};

    use super::{BackOff, Pace, fraction};

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_is_spread() {
        let (pace, start) = (Pace::new(4), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..8 {
            pace.turn().await;
            waits.push(start.elapsed().as_millis());
        }
        assert_eq!(waits, [0, 0, 0, 0, 250, 500, 750, 1000]);
        tokio::time::advance(Duration::from_secs(60)).await;
        let later = Instant::now();
        pace.turn().await;
        assert_eq!(later.elapsed(), Duration::ZERO, "an idle bucket is full again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_line() {
        let (pace, start) = (Pace::new(1), Instant::now());
        pace.turn().await;
        let hurried = (0..100).map(|_| timeout(Duration::from_millis(500), pace.turn()));
        let patient = async {
            pace.turn().await;
            start.elapsed().as_millis()
        };
        let (given_up, waited) = tokio::join!(join_all(hurried), patient);
        assert!(given_up.iter().all(Result::is_err));
        assert_eq!(waited, 1_000);
    }

    #[test]
    fn waits_grow_to_the_cap_and_are_spread() {
        let mut back_off = BackOff::default();
        let ceilings: Vec<u64> = (0..8)
            .map(|_| {
                let ceiling = back_off.ceiling();
                assert!(back_off.next(Duration::ZERO) < ceiling);
                ceiling.as_secs()
            })
            .collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 60, 60]);
        let after = |back_off: &mut BackOff, lived| {
            back_off.link_ended(Duration::from_secs(lived));
            back_off.ceiling().as_secs()
        };
        assert_eq!([5, 5, 5, 600].map(|lived| after(&mut back_off, lived)), [1, 2, 4, 1]);
        assert!(back_off.next(Duration::from_secs(30)) >= Duration::from_secs(30));
        let drawn: Vec<f64> = (0..64).map(|_| fraction()).collect();
        assert!(drawn.iter().any(|f| *f < 0.4) && drawn.iter().any(|f| *f > 0.6), "no jitter");
    }
}
