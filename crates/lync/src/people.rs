//! Roster, presence of others and own presence of one account, as a pure state machine: what happens comes in as
//! [`Event`]s with the time, what is to be done goes out as [`Action`]s.
//!
//! The server's documents are the truth: a change of the roster shows when the server's notification says so, and what
//! the person publishes is tried until the server has it.

mod access;
mod block;
mod change;
pub mod event;
mod known;
mod list;
mod out;
mod own;
mod plan;
mod published;
mod shown;
mod watch;

use std::{collections::BTreeSet, fmt, time::Duration};

use trunkline_core::port::{LineError, Roster};
use trunkline_model::{Address, Contact};
use trunkline_sip::body::{
    contact,
    provisioning::ProvisionGroupList,
    rlmi::{Document, Notification},
};

pub use event::{
    Action, Answer, Body, ChangeId, Event, Me, OwnState, Package, Place, Provisions, ServeId, Settings,
    WatchId, Words,
};
pub use shown::Detail;

use change::Changes;
use known::Known;
use list::{Difference, List, Most, Taken};
use out::Out;
use own::Own;
use watch::Watches;

use crate::flat::Flat;

/// How long the answer to a subscription of the person's own is waited for before it is asked again, and how long after
/// a refusal.
const AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(600));

/// Everybody whom one account knows, and the account itself.
pub struct People {
    settings: Settings,
    me: Me,
    uri: String,
    out: Out,
    linked: bool,
    list: List,
    changes: Changes,
    watches: Watches,
    watched: BTreeSet<Address>,
    known: Flat<Address, Known>,
    own: Own,
    provisions: Provisions,
    /// Which documents are waited for, and until when.
    awaited: Flat<Package, Duration>,
    /// The list came since the registration.
    listed: bool,
}

impl People {
    /// Nobody is known yet, and the endpoint is not registered.
    pub fn new(settings: Settings, me: Me) -> Self {
        Self {
            uri: me.address.uri(),
            own: Own::new(&me),
            settings,
            me,
            out: Out::default(),
            linked: false,
            list: List::default(),
            changes: Changes::default(),
            watches: Watches::default(),
            watched: BTreeSet::new(),
            known: Flat::default(),
            provisions: Provisions::default(),
            awaited: Flat::default(),
            listed: false,
        }
    }

    /// Takes what happened at `now`, which never goes back.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        self.out.now = self.out.now.max(now);
        match event {
            Event::SignedIn => self.signed_in(),
            Event::SignedOut => self.signed_out(),
            Event::Contacts(roster) => self.contacts(roster),
            Event::Own(data) => {
                self.awaited.remove(&Package::Own);
                self.own.hear(*data, &mut self.out);
            }
            Event::Provisioned(list) => self.provisioned(&list),
            Event::Refused { package, status } => self.refused(package, status),
            Event::Presence { place, notification } => self.presence(&place, &notification),
            Event::Watched(id, answer) => self.watches.watched(id, &answer, self.out.now),
            Event::Again(place) => self.watches.again(&place),
            Event::Served(id, answer) => self.served(id, &answer),
            Event::Change(id, change) => self.change(id, change),
            Event::Block(id, who, blocked) => {
                self.own.block(id, who, blocked, self.settings.changes, &mut self.out);
                if !self.linked {
                    // It waits, and nobody waits for it.
                    self.own.lose(&mut self.out);
                }
            }
            Event::Watch(address, watch) => self.watch(&address, watch),
            Event::Choose(choice) => self.own.choose(choice),
            Event::Note(note) => self.own.write(&note.0),
            Event::Publish(own) => self.own.publish_presence(&own),
            Event::Timer => {}
        }
        self.pump();
        self.out.take()
    }

    /// When to say [`Event::Timer`] at the latest.
    pub fn next_deadline(&self) -> Option<Duration> {
        if !self.linked {
            return self.changes.next_deadline();
        }
        let awaited = self.awaited.values().min().copied();
        let all =
            [awaited, self.changes.next_deadline(), self.watches.next_deadline(), self.own.next_deadline()];
        all.into_iter().flatten().min()
    }

    /// Whether the list has come since the last registration.
    pub fn is_listed(&self) -> bool {
        self.listed
    }

    /// Whether the list is kept in Exchange and can only be read.
    pub fn is_read_only(&self) -> bool {
        self.list.is_elsewhere()
    }

    /// Everybody on the list, and all groups that a phone sees.
    pub fn roster(&self) -> Roster {
        let contacts = self.list.addresses().filter_map(|address| self.contact(address)).collect();
        Roster { contacts, groups: self.list.shown_groups().collect() }
    }

    /// Somebody on the list, or watched.
    pub fn contact(&self, address: &Address) -> Option<Contact> {
        let entry = self.list.entry(address);
        if entry.is_none() && !self.watched.contains(address) {
            return None;
        }
        let nothing = Known::default();
        let known = self.known.get(address).unwrap_or(&nothing);
        Some(Contact {
            address: address.clone(),
            profile: known.profile(entry.map(|entry| entry.name.as_str()).unwrap_or_default()),
            presence: known.presence(),
            groups: entry.map(|entry| self.list.groups_of(entry)).unwrap_or_default(),
            photo_hash: known.photo_hash(),
            in_roster: entry.is_some(),
        })
    }

    /// What else is known of somebody on the list or watched.
    pub fn detail(&self, address: &Address) -> Option<Detail> {
        self.known.get(address).map(Known::detail)
    }

    /// What the server shows of the person; `None` before it was told.
    pub fn own(&self) -> Option<&OwnState> {
        self.own.shown()
    }

    /// How many other endpoints of the person's are signed in; `None` while the server has not said so.
    pub fn others(&self) -> Option<usize> {
        self.own.others()
    }

    /// Whether the person blocks somebody, at any endpoint.
    pub fn blocks(&self, who: &Address) -> bool {
        self.own.blocks(who)
    }

    /// Whether somebody outside the list can be watched, or why not.
    pub fn has_room_for(&self, address: &Address) -> Result<(), LineError> {
        let most = self.settings.watched;
        if self.watched.len() < most || self.watched.contains(address) {
            return Ok(());
        }
        let words = format!("too-many: {most} people outside the contact list are watched at this account");
        Err(LineError::Conflict(words))
    }

    /// What the server tells clients to use.
    pub fn provisions(&self) -> &Provisions {
        &self.provisions
    }

    fn signed_in(&mut self) {
        self.signed_out();
        self.linked = true;
        self.known.values_mut().for_each(Known::fade);
        self.own.open(&self.me, &mut self.out);
        for package in [Package::Contacts, Package::Provisioning, Package::Own] {
            self.subscribe(package);
        }
    }

    fn signed_out(&mut self) {
        self.linked = false;
        self.listed = false;
        self.awaited.clear();
        self.list.lose();
        self.changes.lose(&mut self.out);
        self.watches.lose();
        self.own.lose(&mut self.out);
    }

    fn subscribe(&mut self, package: Package) {
        self.awaited.insert(package, self.out.now + AGAIN.0);
        self.out.push(Action::Subscribe(package));
    }

    fn contacts(&mut self, roster: contact::Roster) {
        let most = Most { contacts: self.settings.contacts, groups: self.settings.groups };
        let (taken, whole) = match roster {
            contact::Roster::List(list) => {
                self.awaited.remove(&Package::Contacts);
                (self.list.load(list, most), true)
            }
            contact::Roster::Delta(delta) => (self.list.apply(delta, most), false),
        };
        if let Taken::In(difference) = taken {
            self.differs(difference, whole);
        }
    }

    /// Tells what has become different, and watches who is new.
    fn differs(&mut self, difference: Difference, whole: bool) {
        let first = whole && !self.listed;
        self.listed |= whole;
        let changed = !difference.contacts.is_empty();
        for address in difference.contacts {
            let fresh = self.changes.adds() == Some(&address);
            self.place(&address, fresh);
            if !whole {
                let contact = self.contact(&address).unwrap_or_else(|| Contact::unknown(address));
                self.out.push(Action::ContactChanged(Box::new(contact)));
            }
        }
        if difference.groups || first || (whole && changed) {
            self.out.push(Action::RosterChanged);
        }
        self.watches.open();
    }

    /// Watches somebody, or no longer, as list and wishes have it.
    fn place(&mut self, address: &Address, fresh: bool) {
        let entry = self.list.entry(address);
        let listed = entry.is_some();
        let watched = self.watched.contains(address);
        let wanted = (watched || entry.is_some_and(|entry| entry.subscribed)) && *address != self.me.address;
        if listed || watched {
            self.known.provide(address.clone(), Known::default);
        } else {
            self.known.remove(address);
        }
        if wanted {
            self.watches.add(address, fresh);
        } else {
            self.watches.remove(address);
        }
    }

    fn provisioned(&mut self, list: &ProvisionGroupList) {
        self.awaited.remove(&Package::Provisioning);
        let rooms = list.persistent_chat().filter(|rooms| rooms.enabled).and_then(|rooms| rooms.pool);
        self.provisions = Provisions { focus_factory: list.focus_factory().map(str::to_owned), rooms };
        self.out.push(Action::Provisioned(Box::new(self.provisions.clone())));
    }

    fn refused(&mut self, package: Package, status: u16) {
        self.awaited.insert(package, self.out.now + AGAIN.1);
        match (package, status) {
            (Package::Contacts, 488) => {
                self.awaited.remove(&Package::Contacts);
                let difference = self.list.move_elsewhere();
                self.differs(difference, true);
            }
            (Package::Contacts, _) => self.watches.open(),
            (Package::Provisioning, _) => drop(self.awaited.remove(&Package::Provisioning)),
            (Package::Own, _) => {}
        }
    }

    fn presence(&mut self, place: &Place, notification: &Notification) {
        if let Some(list) = &notification.list {
            self.watches.listed(place, list, self.out.now);
        }
        for document in &notification.documents {
            let Ok(address) = document.uri().parse::<Address>() else { continue };
            let Some(before) = self.contact(&address) else { continue };
            let Some(known) = self.known.get_mut(&address) else { continue };
            match document {
                Document::Categories(categories) => known.hear(categories),
                Document::Pidf(pidf) => known.hear_door(pidf),
                Document::Unreadable(error) => tracing::debug!(%error, "presence cannot be read"),
            }
            if let Some(contact) = self.contact(&address).filter(|contact| *contact != before) {
                self.out.push(Action::ContactChanged(Box::new(contact)));
            }
        }
    }

    fn served(&mut self, id: ServeId, answer: &Answer) {
        let _ = self.changes.served(id, answer, &mut self.list, &self.settings, &mut self.out)
            || self.own.served(id, answer, &mut self.out);
    }

    fn change(&mut self, id: ChangeId, change: trunkline_core::port::RosterChange) {
        if self.linked {
            self.changes.ask(id, change, &self.settings, &mut self.out);
        } else {
            let error = LineError::NotConnected("not signed in to the IM system".into());
            self.out.push(Action::Changed(id, Err(error)));
        }
    }

    fn watch(&mut self, address: &Address, watch: bool) {
        if !watch {
            self.watched.remove(address);
        } else if self.has_room_for(address).is_ok() {
            self.watched.insert(address.clone());
        }
        self.place(address, false);
    }

    fn pump(&mut self) {
        self.changes.pump(&mut self.list, &self.settings, &mut self.out);
        if !self.linked {
            return;
        }
        self.watches.pump(&self.uri, &self.settings, &mut self.out);
        self.own.pump(&self.me, &mut self.out);
        let now = self.out.now;
        self.awaited.retain(|package, until| *until > now || *package == Package::Provisioning);
        let provisioning = self.awaited.get(&Package::Provisioning).is_some_and(|until| *until <= now);
        for (wanted, package) in
            [(!self.list.is_ready(), Package::Contacts), (!self.own.is_loaded(), Package::Own)]
        {
            if wanted && !self.awaited.contains_key(&package) {
                self.subscribe(package);
            }
        }
        if provisioning {
            self.subscribe(Package::Provisioning);
        }
    }
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "People({}, {} known)", self.uri, self.known.len())
    }
}

#[cfg(test)]
mod tests;
