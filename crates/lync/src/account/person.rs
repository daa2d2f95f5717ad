//! The account's roster and presence: what the person does, and what there is to see.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use trunkline_core::port::{LineError, OwnPresence, Person, Roster, RosterChange};
use trunkline_model::{Address, Contact, GroupId};
use trunkline_sip::{
    Method, Request, header::name, registration::Endpoint, registration::Registered, transaction::Outcome,
    transaction::Patience,
};

use super::{Account, Act, Purpose, subscribe::heard};
use crate::{
    chat,
    people::{self, Action, Body, ChangeId, Event, Me, People, ServeId},
    random,
};

/// How the endpoint is called among the person's devices.
const MACHINE: &str = "Phone";

/// Roster and presence, and who waits for what.
pub(super) struct Contacts {
    people: People,
    /// Who waits for a change of the roster.
    changes: BTreeMap<ChangeId, Changed>,
    last: u64,
    /// Our Contact since the registration, in angle brackets.
    gruu: Option<Arc<str>>,
    /// Whether the list has ever come: it is shown while the next one is waited for.
    is_listed: bool,
    /// Who waits for the first list.
    readers: Vec<Read>,
}

/// Where the roster goes.
pub(crate) type Read = oneshot::Sender<Result<Roster, LineError>>;

/// Where the end of a change of the roster goes.
pub(crate) type Changed = oneshot::Sender<Result<Option<GroupId>, LineError>>;

/// How many may wait for the first list.
const MAX_READERS: usize = 64;

pub(crate) fn not_listed() -> LineError {
    LineError::NotConnected("the pool has not sent the contact list yet".into())
}

impl Contacts {
    pub(super) fn new(person: &Person, endpoint: &Endpoint) -> Self {
        let me =
            Me { address: person.address.clone(), epid: endpoint.epid.clone(), machine: MACHINE.to_owned() };
        let people = People::new(people::Settings::default(), me);
        Self { people, changes: BTreeMap::new(), last: 0, gruu: None, is_listed: false, readers: Vec::new() }
    }

    fn waits(&mut self, reply: Changed) -> ChangeId {
        self.last += 1;
        let id = ChangeId(self.last);
        self.changes.insert(id, reply);
        id
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.people.next_deadline()
    }

    fn roster(&self) -> Result<Roster, LineError> {
        if self.is_listed { Ok(self.people.roster()) } else { Err(not_listed()) }
    }

    fn answer_readers(&mut self) {
        for reader in std::mem::take(&mut self.readers) {
            let _ = reader.send(self.roster());
        }
    }
}

impl Account {
    /// Gives the roster, once it has come; a line that has just come up may wait for it.
    pub(crate) fn roster(&mut self, waits: bool, reply: Read) {
        let readers = &mut self.contacts.readers;
        readers.retain(|reader| !reader.is_closed());
        if waits && !self.contacts.is_listed && readers.len() < MAX_READERS {
            return readers.push(reply);
        }
        // Who does not wait any more need not hear it.
        let _ = reply.send(self.contacts.roster());
    }

    /// Somebody in the roster or watched.
    pub(crate) fn known(&self, address: &Address) -> Option<Contact> {
        self.contacts.people.contact(address)
    }

    /// The person changes the roster.
    pub(crate) fn change(
        &mut self,
        now: Duration,
        change: RosterChange,
        reply: Changed,
        acts: &mut Vec<Act>,
    ) {
        let id = self.contacts.waits(reply);
        self.person(now, Event::Change(id, change), acts);
    }

    /// The person blocks somebody, or no longer.
    pub(crate) fn block(
        &mut self,
        now: Duration,
        who: Address,
        blocked: bool,
        reply: Changed,
        acts: &mut Vec<Act>,
    ) {
        let id = self.contacts.waits(reply);
        if blocked {
            self.chat(now, chat::Event::PersonBlocks(who.clone()), acts);
        }
        self.person(now, Event::Block(id, who, blocked), acts);
    }

    /// Whether a request comes from somebody whom the person blocks. He is to learn nothing by the answer that he could not
    /// know of somebody who is offline.
    pub(super) fn is_unwanted(&self, request: &Request) -> bool {
        let begins = *request.method() == Method::INVITE && request.to().is_ok_and(|to| to.tag().is_none());
        (begins || *request.method() == Method::MESSAGE)
            && chat::sender(request, true).is_some_and(|(who, _)| self.contacts.people.blocks(&who))
    }

    /// The person wants to see somebody, or no longer.
    pub(crate) fn look(
        &mut self,
        now: Duration,
        address: Address,
        watch: bool,
        reply: oneshot::Sender<Result<(), LineError>>,
        acts: &mut Vec<Act>,
    ) {
        let room = if watch { self.contacts.people.has_room_for(&address) } else { Ok(()) };
        let has_room = room.is_ok();
        // Who does not wait any more need not hear it.
        let _ = reply.send(room);
        if !has_room {
            return;
        }
        self.person(now, Event::Watch(address, watch), acts);
    }

    /// What others are to see.
    pub(crate) fn publish(&mut self, now: Duration, own: OwnPresence, acts: &mut Vec<Act>) {
        self.person(now, Event::Publish(Box::new(own)), acts);
    }

    /// The pool has the account signed in.
    pub(super) fn people_in(&mut self, now: Duration, registered: &Registered, acts: &mut Vec<Act>) {
        if let Some(gruu) = &registered.gruu {
            self.contacts.gruu = Some(format!("<{gruu}>").into());
        }
        self.subscriptions.reset(|event| registered.allows(event));
        self.person(now, Event::SignedIn, acts);
    }

    /// The pool has it signed in no more.
    pub(super) fn people_out(&mut self, now: Duration, acts: &mut Vec<Act>) {
        self.subscriptions.reset(|_| false);
        self.person(now, Event::SignedOut, acts);
        self.contacts.answer_readers();
    }

    /// Our Contact, in angle brackets.
    pub(super) fn contact(&self) -> Arc<str> {
        self.contacts.gruu.clone().unwrap_or_else(|| format!("<{}>", self.endpoint.contact).into())
    }

    /// A SERVICE ended.
    pub(super) fn served(&mut self, now: Duration, id: ServeId, outcome: &Outcome, acts: &mut Vec<Act>) {
        self.person(now, Event::Served(id, heard(outcome)), acts);
    }

    /// It may be time for somebody.
    pub(super) fn people_on(&mut self, now: Duration, acts: &mut Vec<Act>) {
        if self.contacts.people.next_deadline().is_some_and(|at| at <= now) {
            self.person(now, Event::Timer, acts);
        }
    }

    pub(super) fn person(&mut self, now: Duration, event: Event, acts: &mut Vec<Act>) {
        let actions = self.contacts.people.handle(now, event);
        self.contacts.is_listed |= self.contacts.people.is_listed();
        if self.contacts.is_listed {
            self.contacts.answer_readers();
        }
        for action in actions {
            self.people_act(now, action, acts);
        }
    }

    fn people_act(&mut self, now: Duration, action: Action, acts: &mut Vec<Act>) {
        match action {
            Action::Subscribe(package) => self.subscribe(now, package, acts),
            Action::Serve { id, body } => {
                let request = self.service(&body);
                let patience = Patience::of(&Method::SERVICE);
                acts.push(Act::Send { purpose: Purpose::Serve(id), request, patience });
            }
            Action::Watch { id, place, batch } => self.watch(place, id, &batch, acts),
            Action::Unwatch(place) => self.unwatch(place, acts),
            Action::Changed(id, result) => {
                if let Some(reply) = self.contacts.changes.remove(&id) {
                    // Who does not wait any more need not hear it.
                    let _ = reply.send(result);
                }
            }
            Action::ContactChanged(contact) => self.inlet.contact_changed(*contact),
            Action::RosterChanged => self.inlet.roster_changed(),
            Action::OthersChanged(others) => self.chat(now, chat::Event::EndpointsChanged(others), acts),
            Action::Blocked(all) => self.inlet.blocked_changed(all),
            Action::OwnChanged(_) | Action::Provisioned(_) => {}
        }
    }

    /// A SERVICE to oneself.
    fn service(&self, body: &Body) -> Request {
        let (user, epid) = (&self.endpoint.user, &self.endpoint.epid);
        Request::build(Method::SERVICE, user.clone())
            .header(name::MAX_FORWARDS, "70")
            .header(name::FROM, format!("<{user}>;tag={:016x};epid={epid}", random() >> 64))
            .header(name::TO, format!("<{user}>"))
            .header(name::CALL_ID, format!("{:032x}", random()))
            .cseq(1)
            .header(name::CONTACT, &*self.contact())
            .header(name::USER_AGENT, super::AGENT)
            .body(body.media, body.text.clone())
            .done()
    }
}
