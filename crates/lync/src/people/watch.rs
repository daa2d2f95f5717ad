//! Who is watched where: which SUBSCRIBEs for presence are due.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use trunkline_model::Address;
use trunkline_sip::body::{
    rlmi::{InstanceState, List},
    subscription::{BatchAction, BatchSubscribe, Resource},
};

use super::{
    event::{Action, Answer, Place, Settings, WatchId},
    out::Out,
    plan::can_be_sent,
};
use crate::flat::Flat;

/// How long to leave somebody alone of whom the server knows nothing.
const NOBODY: Duration = Duration::from_secs(3_600);
/// The first wait after a failure, and the longest: it doubles.
const WAIT: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));
/// How often somebody may be sent on from place to place before it counts as a failure.
const HOPS: u8 = 3;
/// How long a SUBSCRIBE may be without its end before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(90);

/// The presence of others, person by person.
#[derive(Debug, Default)]
pub(super) struct Watches {
    people: Flat<Address, Person>,
    /// Whom to unsubscribe where.
    leaving: BTreeMap<Place, BTreeSet<Address>>,
    /// The SUBSCRIBE that is out at each place.
    out: Flat<Place, Asked>,
    /// Not before then.
    paced: Duration,
    /// Whether there is anybody to ask.
    open: bool,
}

#[derive(Debug)]
struct Asked {
    id: WatchId,
    people: BTreeSet<Address>,
    until: Duration,
}

#[derive(Debug)]
struct Person {
    place: Place,
    standing: Standing,
    /// On the list since a moment ago: to be told so.
    fresh: bool,
    /// Most people to be asked about together: fewer after a refusal that one of them may have caused.
    together: usize,
    failures: u32,
    hops: u8,
    hopped: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// To be asked, not before that.
    Due(Duration),
    Asked,
    Watched,
}

impl Watches {
    /// The list is known: all are to be subscribed, at home first.
    pub(super) fn open(&mut self) {
        self.open = true;
    }

    /// Nothing is subscribed any more.
    pub(super) fn lose(&mut self) {
        self.open = false;
        self.leaving.clear();
        self.out.clear();
        for person in self.people.values_mut() {
            *person = Person::new(person.fresh);
        }
    }

    /// Begins with somebody, if that has not been done.
    pub(super) fn add(&mut self, address: &Address, fresh: bool) {
        for leaving in self.leaving.values_mut() {
            leaving.remove(address);
        }
        if can_be_sent(address) {
            self.people.provide(address.clone(), || Person::new(fresh));
        }
    }

    /// Ends with somebody.
    pub(super) fn remove(&mut self, address: &Address) {
        if let Some(person) = self.people.remove(address)
            && !matches!(person.standing, Standing::Due(_))
        {
            self.leaving.entry(person.place).or_default().insert(address.clone());
        }
    }

    /// All that are subscribed at a place are to be asked for again.
    pub(super) fn again(&mut self, place: &Place) {
        let there =
            self.people.values_mut().filter(|one| one.place == *place && one.standing == Standing::Watched);
        there.for_each(|one| one.standing = Standing::Due(Duration::ZERO));
    }

    /// Takes the end of a SUBSCRIBE.
    pub(super) fn watched(&mut self, id: WatchId, answer: &Answer, now: Duration) {
        let Some(place) = self.out.iter().find(|(_, asked)| asked.id == id).map(|(place, _)| place.clone())
        else {
            return;
        };
        let Some(asked) = self.out.remove(&place) else { return };
        let many = asked.people.len();
        for address in asked.people {
            let Some(person) = self.people.get_mut(&address) else { continue };
            if person.standing != Standing::Asked || person.place != place {
                continue;
            }
            match answer {
                Answer::Accepted(_) => person.begun(),
                Answer::Refused { status: 400, .. } if many > 1 => {
                    person.together = many / 2;
                    person.standing = Standing::Due(now);
                }
                Answer::Refused { status: 400 | 403 | 404 | 480 | 488 | 489 | 604 | 606, .. } => {
                    person.standing = Standing::Due(now + NOBODY);
                }
                Answer::Refused { status: 481, .. } if person.failures == 0 => {
                    person.failures = 1;
                    person.standing = Standing::Due(now);
                }
                Answer::Refused { .. } | Answer::Lost => person.fail(now),
            }
        }
    }

    /// Takes what a notification says of subscriptions.
    pub(super) fn listed(&mut self, place: &Place, list: &List, now: Duration) {
        for resource in &list.resources {
            let Ok(address) = resource.uri.parse::<Address>() else { continue };
            let Some(person) = self.people.get_mut(&address).filter(|person| person.place == *place) else {
                continue;
            };
            let Some(instance) = resource.instances.last() else { continue };
            match &instance.state {
                InstanceState::Active | InstanceState::Pending => person.begun(),
                InstanceState::Terminated { reason } => match reason.as_deref() {
                    Some("noresource" | "rejected" | "invariant") => {
                        person.standing = Standing::Due(now + NOBODY)
                    }
                    _ => person.fail(now),
                },
                InstanceState::Resubscribe { pool } => person.send_on(&address, pool.as_deref(), now),
                InstanceState::Other(_) => {}
            }
        }
    }

    /// Asks for whom it is time, at most one SUBSCRIBE at a place and not too fast.
    pub(super) fn pump(&mut self, me: &str, settings: &Settings, out: &mut Out) {
        let late: Vec<WatchId> =
            self.out.values().filter(|one| one.until <= out.now).map(|one| one.id).collect();
        for id in late {
            self.watched(id, &Answer::Lost, out.now);
        }
        while self.open && self.paced <= out.now {
            if !(self.leave_next(me, settings, out) || self.ask_next(me, settings, out)) {
                break;
            }
            self.paced = out.now + settings.pace;
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        if !self.open {
            return None;
        }
        let due = self.people.values().filter(|person| !self.out.contains_key(&person.place));
        let due = due.filter_map(|person| match person.standing {
            Standing::Due(at) => Some(at.max(self.paced)),
            _ => None,
        });
        let leaving =
            self.leaving.iter().filter(|(place, all)| !all.is_empty() && !self.out.contains_key(place));
        let leaving = leaving.map(|_| self.paced);
        due.chain(leaving).chain(self.out.values().map(|one| one.until)).min()
    }

    fn leave_next(&mut self, me: &str, settings: &Settings, out: &mut Out) -> bool {
        self.leaving.retain(|_, all| !all.is_empty());
        let free = self.leaving.keys().find(|place| !self.out.contains_key(*place)).cloned();
        let Some(place) = free else { return false };
        let Some(mut all) = self.leaving.remove(&place) else { return false };
        if matches!(place, Place::Person(_)) || !self.people.values().any(|person| person.place == place) {
            out.push(Action::Unwatch(place));
            return true;
        }
        let rest: BTreeSet<Address> = all.iter().skip(settings.batch.max(1)).cloned().collect();
        all.retain(|address| !rest.contains(address));
        if !rest.is_empty() {
            self.leaving.insert(place.clone(), rest);
        }
        let resources = all.iter().map(|address| Resource { uri: address.uri(), fresh: false }).collect();
        self.send(place, false, resources, BTreeSet::new(), me, out);
        true
    }

    fn ask_next(&mut self, me: &str, settings: &Settings, out: &mut Out) -> bool {
        let now = out.now;
        let due = |person: &Person| matches!(person.standing, Standing::Due(at) if at <= now);
        let free = |person: &&Person| due(person) && !self.out.contains_key(&person.place);
        let place = self.people.values().filter(free).map(|person| &person.place).min().cloned();
        let Some(place) = place else { return false };
        let mut most = settings.batch.max(1);
        let mut taken = BTreeSet::new();
        let mut resources = Vec::new();
        let here = self.people.iter_mut().filter(|(_, person)| person.place == place && due(person));
        for (address, person) in here {
            if resources.len() >= most.min(person.together) {
                continue;
            }
            most = most.min(person.together);
            person.standing = Standing::Asked;
            resources.push(Resource { uri: address.uri(), fresh: person.fresh });
            taken.insert(address.clone());
        }
        self.send(place, true, resources, taken, me, out);
        true
    }

    fn send(
        &mut self,
        place: Place,
        subscribe: bool,
        resources: Vec<Resource>,
        people: BTreeSet<Address>,
        me: &str,
        out: &mut Out,
    ) {
        let number = out.number();
        let id = WatchId(number);
        let categories = BatchAction::USUAL.map(str::to_owned).to_vec();
        let action = BatchAction { subscribe, id: number.to_string(), resources, categories };
        let batch = BatchSubscribe { uri: me.to_owned(), actions: vec![action] };
        self.out.insert(place.clone(), Asked { id, people, until: out.now + PATIENCE });
        out.push(Action::Watch { id, place, batch });
    }
}

impl Person {
    fn new(fresh: bool) -> Self {
        Self {
            place: Place::Home,
            standing: Standing::Due(Duration::ZERO),
            fresh,
            together: usize::MAX,
            failures: 0,
            hops: 0,
            hopped: Duration::ZERO,
        }
    }

    fn begun(&mut self) {
        self.standing = Standing::Watched;
        self.fresh = false;
        self.together = usize::MAX;
        self.failures = 0;
    }

    fn fail(&mut self, now: Duration) {
        let wait = WAIT.0.saturating_mul(1 << self.failures.min(8)).min(WAIT.1);
        self.failures = self.failures.saturating_add(1);
        self.standing = Standing::Due(now + wait);
    }

    /// The server says where else to ask.
    fn send_on(&mut self, address: &Address, pool: Option<&str>, now: Duration) {
        let place = pool.map_or_else(|| Place::Person(address.clone()), |pool| Place::Pool(pool.to_owned()));
        if now.saturating_sub(self.hopped) > NOBODY {
            self.hops = 0;
        }
        self.hopped = now;
        self.hops = self.hops.saturating_add(1);
        if self.place == place || self.hops > HOPS {
            self.place = Place::Home;
            return self.fail(now);
        }
        self.place = place;
        self.standing = Standing::Due(now);
    }
}
