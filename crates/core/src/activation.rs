//! Activation: an access key becomes a device with a token.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// The time over which failures of a source are counted.
const WINDOW: Duration = Duration::from_secs(3_600);
/// Sources remembered; beyond, those whose time is over are forgotten, then the one with the fewest failures.
const MAX_SOURCES: usize = 20_000;

/// Why an activation did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivationError {
    /// Unknown address, or a wrong, used or expired key: which of them is not told.
    #[error("the address and the access key do not belong together, or the key was used or has expired")]
    Refused,
    /// Too many failures from this source.
    #[error("too many failed attempts from this network address")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// A member of the request is missing or too long; says which.
    #[error("{0}")]
    Invalid(String),
    /// The store could not be asked.
    #[error("activation is not possible at the moment")]
    Unavailable,
}

/// Counts the failed activations of each source.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    sources: Mutex<HashMap<IpAddr, Source>>,
    ended: Notify,
}

/// What one source has done within the window.
#[derive(Debug, Clone, Copy)]
struct Source {
    since: Instant,
    failures: u32,
    /// Attempts that have not ended: together with the failures never more than the limit.
    under_way: u32,
}

/// Whether an attempt may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    Now,
    /// When one of those under way has ended.
    Later,
    /// After this long.
    Refused(Duration),
}

/// One attempt; it counts as a failure unless [`Attempt::forgive`] is called, even when its caller goes away.
#[derive(Debug)]
pub(crate) struct Attempt<'f> {
    failures: &'f Failures,
    source: IpAddr,
    failed: bool,
}

impl Attempt<'_> {
    /// It was no wrong guess.
    pub(crate) fn forgive(mut self) {
        self.failed = false;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.failures.end(self.source, self.failed);
    }
}

impl Failures {
    /// Waits until the source may try; an error says for how long it may not. `limit` is how many failures are too
    /// many.
    pub(crate) async fn begin(&self, source: IpAddr, limit: u32) -> Result<Attempt<'_>, Duration> {
        loop {
            let ended = self.ended.notified();
            match self.admit(source, limit, Instant::now()) {
                Admission::Now => return Ok(Attempt { failures: self, source, failed: true }),
                Admission::Later => ended.await,
                Admission::Refused(wait) => return Err(wait),
            }
        }
    }

    fn admit(&self, source: IpAddr, limit: u32, now: Instant) -> Admission {
        let mut sources = self.sources();
        if sources.len() >= MAX_SOURCES {
            forget(&mut sources, now);
        }
        let fresh = Source { since: now, failures: 0, under_way: 0 };
        let known = sources.entry(network(source)).or_insert(fresh);
        let age = now.saturating_duration_since(known.since);
        if known.failures == 0 || age >= WINDOW {
            (known.since, known.failures) = (now, 0);
        }
        if known.failures >= limit {
            return Admission::Refused(WINDOW.saturating_sub(age));
        }
        if known.failures + known.under_way >= limit {
            return Admission::Later;
        }
        known.under_way += 1;
        Admission::Now
    }

    /// Forgets the failures of the source and lets it try at once; false when there were none.
    pub(crate) fn forgive(&self, source: IpAddr) -> bool {
        let mut sources = self.sources();
        let failures = sources.get_mut(&network(source)).map(|known| std::mem::take(&mut known.failures));
        drop(sources);
        self.ended.notify_waiters();
        failures.is_some_and(|failures| failures > 0)
    }

    /// An attempt of the source has ended.
    fn end(&self, source: IpAddr, failed: bool) {
        if let Some(known) = self.sources().get_mut(&network(source)) {
            known.under_way = known.under_way.saturating_sub(1);
            known.failures += u32::from(failed);
        }
        self.ended.notify_waiters();
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<IpAddr, Source>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room: those whose time is over go, else the one with the fewest failures.
fn forget(sources: &mut HashMap<IpAddr, Source>, now: Instant) {
    let over = |known: &Source| known.failures == 0 || now.saturating_duration_since(known.since) >= WINDOW;
    sources.retain(|_, known| known.under_way > 0 || !over(known));
    if sources.len() < MAX_SOURCES {
        return;
    }
    let idle = sources.iter().filter(|(_, known)| known.under_way == 0);
    if let Some(fewest) = idle.min_by_key(|(_, known)| known.failures).map(|(source, _)| *source) {
        sources.remove(&fewest);
    }
}

/// What counts as one source: an IPv4 address, or the /64 of an IPv6 address, of which anybody has 2^64.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            segments[4..].fill(0);
            IpAddr::V6(segments.into())
        }
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::IpAddr,
        time::{Duration, Instant},
    };

    use super::{Admission, Failures};

    fn fail(failures: &Failures, source: IpAddr, limit: u32, now: Instant) {
        assert_eq!(failures.admit(source, limit, now), Admission::Now);
        failures.end(source, true);
    }

    #[test]
    fn only_failures_count_and_an_hour_forgives() {
        let (failures, start) = (Failures::default(), Instant::now());
        let source = "192.0.2.1".parse().unwrap();
        for _ in 0..5 {
            assert_eq!(failures.admit(source, 2, start), Admission::Now);
            failures.end(source, false);
        }
        fail(&failures, source, 2, start);
        fail(&failures, "::ffff:192.0.2.1".parse().unwrap(), 2, start);
        assert_eq!(failures.admit(source, 2, start), Admission::Refused(Duration::from_secs(3_600)));
        assert_eq!(failures.admit(source, 3, start), Admission::Now, "a reload allows more");
        failures.end(source, false);
        assert_eq!(failures.admit("192.0.2.2".parse().unwrap(), 2, start), Admission::Now);
        assert_eq!(failures.admit(source, 2, start + Duration::from_secs(3_600)), Admission::Now);
    }

    #[test]
    fn a_forgiven_source_may_try_again_and_counts_anew() {
        let (failures, now) = (Failures::default(), Instant::now());
        let source = "192.0.2.1".parse().unwrap();
        assert!(!failures.forgive(source), "nothing to forgive");
        fail(&failures, source, 1, now);
        assert!(failures.forgive(source));
        fail(&failures, source, 1, now);
        assert_ne!(failures.admit(source, 1, now), Admission::Now);
    }

    #[test]
    fn guesses_side_by_side_do_not_pass_the_limit() {
        let (failures, now) = (Failures::default(), Instant::now());
        let source = "192.0.2.1".parse().unwrap();
        assert_eq!(failures.admit(source, 2, now), Admission::Now);
        assert_eq!(failures.admit(source, 2, now), Admission::Now);
        assert_eq!(failures.admit(source, 2, now), Admission::Later);
        failures.end(source, true);
        assert_eq!(failures.admit(source, 2, now), Admission::Later);
        failures.end(source, false);
        assert_eq!(failures.admit(source, 2, now), Admission::Now);
    }

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let (failures, now) = (Failures::default(), Instant::now());
        fail(&failures, "2001:db8::1".parse().unwrap(), 1, now);
        assert_ne!(failures.admit("2001:db8::2".parse().unwrap(), 1, now), Admission::Now);
        assert_eq!(failures.admit("2001:db8:0:1::2".parse().unwrap(), 1, now), Admission::Now);
    }
}
