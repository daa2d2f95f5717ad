use std::{collections::BTreeMap, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{DialError, Outcome, RoundError};
use crate::{
    address::{Route, Target},
    connection::{CloseReason, Connection},
    fraction,
};

/// Targets that are known at once: a server redirects to others, and could name ever new ones.
const MOST: usize = 64;

/// What is known of each target.
#[derive(Default)]
pub(super) struct Slots(BTreeMap<Target, Slot>);

#[derive(Default)]
pub(super) struct Slot {
    /// The last that was dialled, while it lasts.
    pub(super) connection: Option<Connection>,
    /// The dial that is under way; the route is with it.
    pub(super) dialling: Option<watch::Receiver<Outcome>>,
    pub(super) route: Route,
    /// What the last round came to.
    pub(super) last: Option<RoundError>,
}

impl Slot {
    /// A dial is over. Its connection may be ending already, which is told as always.
    pub(super) fn dialled(&mut self, route: Route, result: &Result<Connection, DialError>) {
        self.dialling = None;
        self.route = route;
        match result {
            Ok(connection) => match connection.end() {
                None => self.connection = Some(connection.clone()),
                Some(reason) => self.over(connection, reason, Duration::ZERO),
            },
            Err(DialError::Failed { last, .. }) => self.last = Some(last.clone()),
            Err(_) => {}
        }
    }

    /// A connection is over that lived so long; another may have taken its place.
    pub(super) fn ended(&mut self, connection: &Connection, reason: CloseReason, lived: Duration) {
        if self.connection.as_ref() == Some(connection) {
            self.connection = None;
            self.over(connection, reason, lived);
        }
    }

    fn over(&mut self, connection: &Connection, reason: CloseReason, lived: Duration) {
        let address = connection.peer().address;
        self.last = Some(RoundError::Ended { address, reason });
        self.route.ended(address, lived, Instant::now(), fraction());
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.connection.is_none() && self.dialling.is_none() && self.route.resting(now).is_none()
    }
}

impl Slots {
    pub(super) fn find(&mut self, target: &Target) -> Option<&mut Slot> {
        self.0.get_mut(target)
    }

    /// The target's, made when there is room; targets without anything to remember make room.
    pub(super) fn get(&mut self, target: &Target, now: Instant) -> Option<&mut Slot> {
        if self.0.len() >= MOST && !self.0.contains_key(target) {
            self.0.retain(|_, slot| !slot.is_idle(now));
        }
        let room = self.0.len() < MOST || self.0.contains_key(target);
        room.then(|| self.0.entry(target.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_to_ever_new_servers_are_bounded() {
        let (mut slots, now) = (Slots::default(), Instant::now());
        let target = |n: usize| Target { name: format!("fe{n}.contoso.test"), host: None, port: 5061 };
        for n in 0..MOST {
            slots.get(&target(n), now).expect("room").route.give_up(now, 0.0);
        }
        assert!(slots.get(&target(MOST), now).is_none() && slots.get(&target(0), now).is_some());
        assert!(
            slots.get(&target(MOST), now + Duration::from_secs(60)).is_some(),
            "rests that are over make room"
        );
        assert_eq!(slots.0.len(), 1);
    }
}
