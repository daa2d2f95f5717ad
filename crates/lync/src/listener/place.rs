use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Limits;

/// Who is there, counted as a whole and by address.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: Count,
    /// Strangers' handshakes.
    strange: usize,
    by_address: BTreeMap<IpAddr, Count>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Count {
    connections: usize,
    handshakes: usize,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    shaking: bool,
    strange: bool,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self { limits: *limits, taken: Mutex::default() })
    }

    /// A place for a connection that shakes hands; None when there is none.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, strange: bool) -> Option<Place> {
        let (address, limits) = (neighbourhood(address), &self.limits);
        let mut taken = self.taken();
        let own = taken.by_address.get(&address).copied().unwrap_or_default();
        let room = taken.all.connections < limits.connections
            && taken.all.handshakes < limits.handshakes
            && (!strange || taken.strange < limits.handshakes.saturating_sub(limits.reserved_handshakes))
            && own.connections < limits.per_address
            && own.handshakes < limits.handshakes_per_address;
        if !room {
            return None;
        }
        taken.change(address, |count| {
            count.connections += 1;
            count.handshakes += 1;
        });
        taken.strange += usize::from(strange);
        Some(Place { places: Arc::clone(self), address, shaking: true, strange })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn change(&mut self, address: IpAddr, change: impl Fn(&mut Count)) {
        change(&mut self.all);
        let own = self.by_address.entry(address).or_default();
        change(own);
        if own.connections == 0 {
            self.by_address.remove(&address);
        }
    }
}

impl Place {
    /// The handshake is over.
    pub(super) fn shaken(&mut self) {
        if std::mem::take(&mut self.shaking) {
            let mut taken = self.places.taken();
            taken.change(self.address, |count| count.handshakes -= 1);
            taken.strange -= usize::from(self.strange);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shaken();
        self.places.taken().change(self.address, |count| count.connections -= 1);
    }
}

/// One host can have every address of a /64.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_address_cannot_take_the_places_of_others() {
        let limits = Limits {
            connections: 4,
            handshakes: 3,
            per_address: 2,
            handshakes_per_address: 1,
            ..Limits::default()
        };
        let places = Places::new(&limits);
        let mut first = places.take(ip("192.0.2.1"), false).expect("room");
        assert!(places.take(ip("::ffff:192.0.2.1"), false).is_none(), "it shakes hands already");
        first.shaken();
        first.shaken();
        let second = places.take(ip("192.0.2.1"), false).expect("room");
        assert!(places.take(ip("192.0.2.1"), false).is_none(), "it has two");
        let third = places.take(ip("2001:db8::1"), false).expect("room");
        assert!(places.take(ip("2001:db8::2"), false).is_none(), "the same /64");
        let _fourth = places.take(ip("2001:db8:0:1::1"), false).expect("room");
        assert!(places.take(ip("192.0.2.9"), false).is_none(), "it is full");
        drop((first, second, third));
        assert!(places.take(ip("192.0.2.9"), false).is_some());
        assert_eq!(places.taken().by_address.len(), 1, "who has gone is forgotten");
    }
    #[test]
    fn strangers_leave_places_for_the_servers() {
        let limits = Limits { handshakes: 3, reserved_handshakes: 1, ..Limits::default() };
        let places = Places::new(&limits);
        let mut first = places.take(ip("198.51.100.1"), true).expect("room");
        let second = places.take(ip("198.51.100.2"), true).expect("room");
        assert!(places.take(ip("198.51.100.3"), true).is_none(), "the last is for others");
        let front_end = places.take(ip("192.0.2.1"), false).expect("its own place");
        assert!(places.take(ip("192.0.2.2"), false).is_none(), "it is full");
        first.shaken();
        let third = places.take(ip("198.51.100.3"), true).expect("who has shaken hands is no stranger");
        drop((first, second, third, front_end));
        assert_eq!(places.taken().strange, 0);
    }
}
