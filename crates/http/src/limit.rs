use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tracing::warn;

/// How often it is told that a source is refused.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Counts what each source has open: an IPv4 address, or the /64 of an IPv6 address, of which anybody has 2^64.
#[derive(Debug, Default)]
pub(crate) struct AddressLimit {
    open: Mutex<HashMap<IpAddr, usize>>,
    told: Mutex<Option<Instant>>,
}

/// One place taken; free again when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    limit: Arc<AddressLimit>,
    address: IpAddr,
}

impl AddressLimit {
    /// Takes a place, or `None` when the address has `most` of them.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Place> {
        let address = network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= most {
            // With a limit of zero nothing may stay behind.
            if *count == 0 {
                open.remove(&address);
            }
            drop(open);
            self.tell(address, most);
            return None;
        }
        *count += 1;
        Some(Place { limit: Arc::clone(self), address })
    }

    /// Phones behind one gateway that stay out are a riddle to whoever is not told.
    fn tell(&self, source: IpAddr, most: usize) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            *told = Some(Instant::now());
            warn!(%source, most, "more connections from one address than SOCKETS_PER_ADDRESS allows: they are refused");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.limit.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_place_is_free_again_after_drop_and_nothing_is_remembered() {
        let limit = Arc::new(AddressLimit::default());
        let (a, b) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv4Addr::BROADCAST));
        let first = limit.take(a, 2).expect("a place");
        let second = limit.take(a, 2).expect("a place");
        assert!(limit.take(a, 2).is_none());
        let other = limit.take(b, 2).expect("another address has its own places");
        drop(first);
        assert!(limit.take(a, 2).is_some());
        drop((second, other));
        assert!(limit.open.lock().expect("no panic").is_empty());
        assert!(limit.take(a, 0).is_none());
    }

    #[test]
    fn a_whole_ipv6_network_is_one_source() {
        let limit = Arc::new(AddressLimit::default());
        let _place = limit.take("2001:db8::1".parse().expect("an address"), 1).expect("a place");
        assert!(limit.take("2001:db8::ffff:2".parse().expect("an address"), 1).is_none());
        assert!(limit.take("2001:db8:0:1::1".parse().expect("an address"), 1).is_some());
    }
}
