//! Activation: an access key becomes a device with a token.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

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
#[derive(Debug)]
pub(crate) struct Failures {
    limit: u32,
    sources: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Failures {
    pub(crate) fn new(limit: u32) -> Self {
        Self { limit, sources: Mutex::default() }
    }

    /// The source tries at `now`, which counts as a failure until [`Failures::forgive`]; an error says how long to wait.
    pub(crate) fn begin(&self, source: IpAddr, now: Instant) -> Result<(), Duration> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let age = |since: &Instant| now.saturating_duration_since(*since);
        if sources.len() >= MAX_SOURCES {
            sources.retain(|_, (since, count)| *count > 0 && age(since) < WINDOW);
        }
        if sources.len() >= MAX_SOURCES
            && let Some(fewest) =
                sources.iter().min_by_key(|(_, (_, count))| *count).map(|(source, _)| *source)
        {
            sources.remove(&fewest);
        }
        let (since, count) = sources.entry(network(source)).or_insert((now, 0));
        if *count == 0 || age(since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        if *count >= self.limit {
            return Err(WINDOW.saturating_sub(age(since)));
        }
        *count += 1;
        Ok(())
    }

    /// The last try of the source was no failure after all.
    pub(crate) fn forgive(&self, source: IpAddr) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = sources.get_mut(&network(source)) {
            *count = count.saturating_sub(1);
        }
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
    use std::time::{Duration, Instant};

    use super::Failures;

    #[test]
    fn only_failures_count_and_an_hour_forgives() {
        let (failures, start) = (Failures::new(2), Instant::now());
        let source = "192.0.2.1".parse().unwrap();
        for _ in 0..5 {
            assert_eq!(failures.begin(source, start), Ok(()));
            failures.forgive(source);
        }
        assert_eq!(failures.begin(source, start), Ok(()));
        assert_eq!(failures.begin("::ffff:192.0.2.1".parse().unwrap(), start), Ok(()));
        assert_eq!(failures.begin(source, start), Err(Duration::from_secs(3_600)));
        assert!(failures.begin("192.0.2.2".parse().unwrap(), start).is_ok());
        assert!(failures.begin(source, start + Duration::from_secs(3_600)).is_ok());
    }

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let (failures, now) = (Failures::new(1), Instant::now());
        assert!(failures.begin("2001:db8::1".parse().unwrap(), now).is_ok());
        assert!(failures.begin("2001:db8::2".parse().unwrap(), now).is_err());
        assert!(failures.begin("2001:db8:0:1::2".parse().unwrap(), now).is_ok());
    }
}
