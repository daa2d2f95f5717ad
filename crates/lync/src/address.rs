//! Which server is dialled, at which of its addresses, and when again.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::SocketAddr,
    time::Duration,
};

use tokio::{net::lookup_host, time::Instant};

/// A server to connect to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The FQDN of a pool or a Front End, which its certificate should bear.
    pub name: String,
    /// What is looked up, a name or an IP address, when it is not the name; several are parted by blanks.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
}

impl Target {
    /// What is looked up.
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or(&self.name)
    }

    /// The names and addresses that are looked up, one or several.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.host().split_whitespace()
    }

    /// All its addresses; the last failure when there is none.
    pub(crate) async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let (mut all, mut failure) = (Vec::new(), None);
        for host in self.hosts() {
            match lookup_host((host, self.port)).await {
                Ok(found) => all.extend(found),
                Err(error) => failure = Some(error),
            }
        }
        failure.filter(|_| all.is_empty()).map_or(Ok(all), Err)
    }
}

/// Addresses of one target beyond these are not tried.
const MOST: usize = 32;

/// The way to a target: the addresses that DNS has for it, tried one after the other in rounds with rests between. Owns
/// no clock and no chance: moments and numbers in 0..1 are given to it.
#[derive(Debug, Default)]
pub struct Route {
    untried: VecDeque<SocketAddr>,
    /// What DNS said last, for when it says nothing.
    known: Vec<SocketAddr>,
    /// How often each known address has failed in a row.
    failures: BTreeMap<SocketAddr, u32>,
    /// Addresses whose server takes nobody in, and until when they are not gone to.
    shunned: BTreeMap<SocketAddr, Instant>,
    back_off: BackOff,
    rest_until: Option<Instant>,
}

impl Route {
    /// Until when nothing may be tried; None when a round may begin.
    pub fn resting(&self, now: Instant) -> Option<Instant> {
        self.rest_until.filter(|until| *until > now)
    }

    /// Begins a round with what DNS has said; with nothing, the addresses that it said before are tried again. Those
    /// that failed last come last, the others in an order of chance, so that load spreads over the Front Ends. Those that
    /// are shunned are left out, unless there are no others.
    pub fn begin(&mut self, found: &[SocketAddr], now: Instant, mut draw: impl FnMut() -> f64) {
        if !found.is_empty() {
            self.known.clear();
            for address in found.iter().take(MOST) {
                if !self.known.contains(address) {
                    self.known.push(*address);
                }
            }
            self.failures.retain(|address, _| self.known.contains(address));
        }
        self.shunned.retain(|address, until| *until > now && self.known.contains(address));
        let is_out = |address: &&SocketAddr| self.shunned.contains_key(address);
        let are_all_out = self.known.iter().all(|address| is_out(&address));
        let rank = |address: &SocketAddr| self.failures.get(address).copied().unwrap_or(0);
        let open = self.known.iter().filter(|address| are_all_out || !is_out(address));
        let mut order: Vec<_> = open.map(|address| (rank(address), draw(), *address)).collect();
        order.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
        self.untried = order.into_iter().map(|(_, _, address)| address).collect();
    }

    /// The next address of this round; None when the round is over.
    pub fn next_address(&mut self) -> Option<SocketAddr> {
        self.untried.pop_front()
    }

    /// An address did not lead to a connection.
    pub fn failed(&mut self, address: SocketAddr) {
        let failures = self.failures.entry(address).or_default();
        *failures = failures.saturating_add(1);
    }

    /// The server at an address takes nobody in until then, and is to be left for another address. False when there is no
    /// other to go to: then it is stayed with.
    pub fn shun(&mut self, address: SocketAddr, until: Instant, now: Instant) -> bool {
        let is_out = |other: &SocketAddr| self.shunned.get(other).is_some_and(|until| *until > now);
        let is_any = self.known.iter().any(|other| *other != address && !is_out(other));
        if is_any {
            self.shunned.insert(address, until);
        }
        is_any
    }

    /// The round came to nothing: rests, longer with each round.
    pub fn give_up(&mut self, now: Instant, draw: f64) -> Instant {
        let until = now + self.back_off.next(draw);
        self.rest_until = Some(until);
        until
    }

    /// An address led to a connection.
    pub fn connected(&mut self, address: SocketAddr) {
        self.failures.remove(&address);
        self.untried.clear();
        self.rest_until = None;
    }

    /// The connection to an address ended that had lived so long. The next may be tried at once after a long one; a
    /// short one counts as a failure of the address.
    pub fn ended(&mut self, address: SocketAddr, lived: Duration, now: Instant, draw: f64) {
        if lived < BackOff::GOOD {
            self.failed(address);
        }
        self.rest_until = self.back_off.ended(lived, draw).map(|rest| now + rest);
    }
}

/// Exponential back-off with jitter: a random time up to a ceiling that doubles with each failure, and at least half of
/// the floor.
#[derive(Debug, Default)]
struct BackOff {
    failures: u32,
    short_links: u32,
}

impl BackOff {
    const BASE: Duration = Duration::from_secs(1);
    const CAP: Duration = Duration::from_secs(60);
    /// A connection that held so long was a good one.
    const GOOD: Duration = Duration::from_secs(60);

    fn next(&mut self, draw: f64) -> Duration {
        let rest = Self::BASE / 2 + self.ceiling().mul_f64(draw.clamp(0.0, 1.0));
        self.failures = self.failures.saturating_add(1);
        rest
    }

    fn ended(&mut self, lived: Duration, draw: f64) -> Option<Duration> {
        if lived >= Self::GOOD {
            self.short_links = 0;
            self.failures = 0;
            return None;
        }
        self.failures = self.short_links;
        self.short_links = self.short_links.saturating_add(1);
        Some(self.next(draw))
    }

    fn ceiling(&self) -> Duration {
        Self::BASE.saturating_mul(1 << self.failures.min(16)).min(Self::CAP)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 5061))
    }

    fn round(route: &mut Route) -> Vec<SocketAddr> {
        std::iter::from_fn(|| route.next_address()).collect()
    }

    #[test]
    fn all_front_ends_are_tried_and_those_that_failed_come_last() {
        let (mut route, now) = (Route::default(), Instant::now());
        let found = [address(1), address(2), address(1), address(3)];
        let mut draws = [0.9, 0.1, 0.5].into_iter();
        route.begin(&found, now, || draws.next().unwrap());
        assert_eq!(
            round(&mut route),
            [address(2), address(3), address(1)],
            "in an order of chance, none twice"
        );
        route.failed(address(2));
        route.begin(&found, now, || 0.5);
        assert_eq!(round(&mut route), [address(1), address(3), address(2)]);
        route.begin(&[], now, || 0.5);
        assert_eq!(round(&mut route).len(), 3, "without DNS, what it said before holds");
        route.begin(&[address(9)], now, || 0.5);
        assert_eq!(round(&mut route), [address(9)], "what DNS does not say any more is forgotten");
    }

    #[test]
    fn a_server_that_takes_nobody_in_is_left_only_for_another_and_gone_back_to_when_it_said() {
        let (mut route, now) = (Route::default(), Instant::now());
        let later = |seconds| now + Duration::from_secs(seconds);
        route.begin(&[address(1)], now, || 0.5);
        assert!(!route.shun(address(1), later(600), now), "there is no other");
        route.begin(&[address(1), address(2)], now, || 0.5);
        assert!(route.shun(address(1), later(600), now));
        route.begin(&[], later(599), || 0.5);
        assert_eq!(round(&mut route), [address(2)], "also when the other does not answer");
        assert!(!route.shun(address(2), later(900), later(599)), "both take nobody in");
        assert!(route.shun(address(2), later(900), later(600)));
        route.begin(&[], later(600), || 0.5);
        assert_eq!(round(&mut route), [address(1)]);
        route.begin(&[address(2)], later(600), || 0.5);
        assert_eq!(round(&mut route), [address(2)], "better than nothing");
    }

    #[test]
    fn rests_grow_to_a_minute_and_a_good_connection_ends_them() {
        let (mut route, mut now) = (Route::default(), Instant::now());
        let mut rests = Vec::new();
        for _ in 0..8 {
            assert_eq!(route.resting(now), None);
            let until = route.give_up(now, 1.0);
            assert_eq!(route.resting(now), Some(until));
            rests.push((until - now).as_millis());
            now = until;
        }
        assert_eq!(rests, [1_500, 2_500, 4_500, 8_500, 16_500, 32_500, 60_500, 60_500]);
        route.connected(address(1));
        route.ended(address(1), Duration::from_secs(3600), now, 1.0);
        assert_eq!(route.resting(now), None, "a connection that held is replaced at once");
        let short: Vec<u128> = (0..3)
            .map(|_| {
                route.connected(address(1));
                route.ended(address(1), Duration::from_secs(1), now, 1.0);
                (route.resting(now).unwrap() - now).as_millis()
            })
            .collect();
        assert_eq!(short, [1_500, 2_500, 4_500], "one that is dropped again and again is not hammered at");
        route.begin(&[address(1), address(2)], now, || 0.5);
        assert_eq!(route.next_address(), Some(address(2)), "a Front End that drops connections comes last");
    }

    proptest! {
        #[test]
        fn a_round_ends_and_a_rest_is_bounded(
            found in proptest::collection::vec(any::<u8>(), 0..80),
            failed in proptest::collection::vec(any::<u8>(), 0..80),
            draw in 0.0..1.0_f64,
        ) {
            let (mut route, now) = (Route::default(), Instant::now());
            failed.iter().for_each(|last| route.failed(address(*last)));
            route.begin(&found.iter().map(|last| address(*last)).collect::<Vec<_>>(), now, || draw);
            prop_assert!(round(&mut route).len() <= MOST);
            prop_assert!(route.give_up(now, draw) <= now + Duration::from_secs(61));
        }
    }
}
