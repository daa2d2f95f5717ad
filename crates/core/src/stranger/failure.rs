use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use super::table::{Place, Record, Table};

/// The time over which failures are counted.
const WINDOW: Duration = Duration::from_secs(3_600);

/// Counts the failures of each key over an hour.
#[derive(Debug)]
pub(crate) struct Failures<K> {
    known: Mutex<Table<K, Count>>,
    ended: Notify,
}

/// What one key has done within the hour.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// When the first failure began.
    since: Option<Instant>,
    failures: u32,
    /// Attempts that have not ended: together with the failures never more than the limit.
    under_way: u32,
}

impl Count {
    /// How long the failures still count; `None` when there are none.
    fn left(&self, now: Instant) -> Option<Duration> {
        let age = now.saturating_duration_since(self.since?);
        (self.failures > 0 && age < WINDOW).then(|| WINDOW.saturating_sub(age))
    }
}

impl Record for Count {
    fn is_over(&self, now: Instant) -> bool {
        self.under_way == 0 && self.left(now).is_none()
    }
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Now(Place),
    /// When one of those under way has ended.
    Later,
    /// After this long.
    Refused(Duration),
}

/// One attempt; it counts as a failure unless [`Attempt::forgive`] is called, even when its caller goes away.
#[derive(Debug)]
pub(crate) struct Attempt<'f, K: Eq + Hash + Clone> {
    failures: &'f Failures<K>,
    key: K,
    place: Place,
    failed: bool,
}

impl<K: Eq + Hash + Clone> Attempt<'_, K> {
    /// It was no wrong guess.
    pub(crate) fn forgive(mut self) {
        self.failed = false;
    }
}

impl<K: Eq + Hash + Clone> Drop for Attempt<'_, K> {
    fn drop(&mut self) {
        self.failures.end(&self.key, self.place, self.failed);
    }
}

impl<K> Default for Failures<K> {
    fn default() -> Self {
        Self { known: Mutex::default(), ended: Notify::new() }
    }
}

impl<K: Eq + Hash + Clone> Failures<K> {
    /// Waits until the key may try; an error says for how long it may not. `limit` is how many failures are too many.
    pub(crate) async fn begin(&self, key: K, limit: u32) -> Result<Attempt<'_, K>, Duration> {
        loop {
            let ended = self.ended.notified();
            match self.admit(&key, limit, Instant::now()) {
                Admission::Now(place) => return Ok(Attempt { failures: self, key, place, failed: true }),
                Admission::Later => ended.await,
                Admission::Refused(wait) => return Err(wait),
            }
        }
    }

    /// For how long the key may not try, when `limit` failures are too many; `None` when it may.
    pub(crate) fn refusal(&self, key: &K, limit: u32) -> Option<Duration> {
        let now = Instant::now();
        let mut known = self.known();
        let (_, count) = known.record(key, now);
        count.left(now).filter(|_| count.failures >= limit)
    }

    /// A failure of which nothing was known before it ended.
    pub(crate) fn fail(&self, key: &K) {
        let now = Instant::now();
        let mut known = self.known();
        let (_, count) = known.record(key, now);
        if count.left(now).is_none() {
            (count.since, count.failures) = (Some(now), 0);
        }
        count.failures = count.failures.saturating_add(1);
    }

    /// Forgets the failures of the key and lets it try at once; false when there were none.
    pub(crate) fn forget(&self, key: &K) -> bool {
        let failures = std::mem::take(&mut self.known().record(key, Instant::now()).1.failures);
        self.ended.notify_waiters();
        failures > 0
    }

    fn admit(&self, key: &K, limit: u32, now: Instant) -> Admission {
        let mut known = self.known();
        let (place, count) = known.record(key, now);
        let left = count.left(now);
        if left.is_none() {
            (count.since, count.failures) = (Some(now), 0);
        }
        if count.failures >= limit {
            return Admission::Refused(left.unwrap_or(WINDOW));
        }
        if count.failures + count.under_way >= limit {
            return Admission::Later;
        }
        count.under_way += 1;
        Admission::Now(place)
    }

    /// An attempt of the key has ended.
    fn end(&self, key: &K, place: Place, failed: bool) {
        if let Some(count) = self.known().again(key, place) {
            count.under_way = count.under_way.saturating_sub(1);
            count.failures = count.failures.saturating_add(u32::from(failed));
        }
        self.ended.notify_waiters();
    }

    fn known(&self) -> MutexGuard<'_, Table<K, Count>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv6Addr},
        time::{Duration, Instant},
    };

    use super::{Admission, Failures};
    use crate::stranger::network;

    fn fail(failures: &Failures<IpAddr>, limit: u32, source: IpAddr, now: Instant) -> bool {
        match failures.admit(&source, limit, now) {
            Admission::Now(place) => {
                failures.end(&source, place, true);
                true
            }
            _ => false,
        }
    }

    fn address(text: &str) -> IpAddr {
        network(text.parse().unwrap())
    }

    #[test]
    fn only_failures_count_and_an_hour_forgives() {
        let (failures, start) = (Failures::default(), Instant::now());
        let source = address("192.0.2.1");
        for _ in 0..5 {
            let Admission::Now(place) = failures.admit(&source, 2, start) else { panic!("it may") };
            failures.end(&source, place, false);
        }
        assert!(fail(&failures, 2, source, start));
        assert!(fail(&failures, 2, address("::ffff:192.0.2.1"), start));
        assert_eq!(failures.admit(&source, 2, start), Admission::Refused(Duration::from_secs(3_600)));
        assert!(fail(&failures, 2, address("192.0.2.2"), start));
        assert!(fail(&failures, 2, source, start + Duration::from_secs(3_600)));
    }

    #[test]
    fn guesses_side_by_side_do_not_pass_the_limit() {
        let (failures, now) = (Failures::default(), Instant::now());
        let source = address("192.0.2.1");
        let Admission::Now(place) = failures.admit(&source, 2, now) else { panic!("it may") };
        assert_eq!(failures.admit(&source, 2, now), Admission::Now(place));
        assert_eq!(failures.admit(&source, 2, now), Admission::Later);
        failures.end(&source, place, true);
        assert_eq!(failures.admit(&source, 2, now), Admission::Later);
        failures.end(&source, place, false);
        assert_eq!(failures.admit(&source, 2, now), Admission::Now(place));
    }

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let (failures, now) = (Failures::default(), Instant::now());
        assert!(fail(&failures, 1, address("2001:db8::1"), now));
        assert!(!fail(&failures, 1, address("2001:db8::2"), now));
        assert!(fail(&failures, 1, address("2001:db8:0:1::2"), now));
    }

    /// Somebody with many networks fails once from each, to push his own records out, and begins anew.
    #[test]
    fn nobody_flushes_his_own_record_by_failing_from_many_networks() {
        let (failures, now) = (Failures::default(), Instant::now());
        let source =
            |n: u32| IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | (u128::from(n) << 64)));
        let all = 60_000_u32;
        let mut guesses = 0;
        for _ in 0..4 {
            guesses += (0..all).filter(|n| fail(&failures, 2, source(*n), now)).count();
        }
        assert!(guesses <= 2 * (20_000 + 1_024), "{guesses}");
    }

    #[test]
    fn a_forgiven_source_may_try_again_and_counts_anew() {
        let (failures, now) = (Failures::default(), Instant::now());
        let source = address("192.0.2.1");
        assert!(!failures.forget(&source), "nothing to forgive");
        assert!(fail(&failures, 1, source, now));
        assert!(failures.forget(&source));
        assert!(fail(&failures, 1, source, now));
        assert!(!fail(&failures, 1, source, now));
    }

    #[tokio::test]
    async fn a_failure_that_is_told_later_counts() {
        let failures = Failures::default();
        assert_eq!(failures.refusal(&1, 2), None);
        failures.fail(&1);
        assert_eq!(failures.refusal(&1, 2), None);
        failures.fail(&1);
        assert!(failures.refusal(&1, 2).is_some());
        assert!(failures.begin(1, 2).await.is_err());
        assert_eq!(failures.refusal(&2, 2), None);
    }
}
