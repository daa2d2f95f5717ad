//! One account at the pool, without sockets and clocks: what happens comes in with the time, what is to be done goes out
//! as [`Act`]s.

mod commit;
mod endpoint;
mod person;
mod registration;
mod subscribe;
mod talk;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use trunkline_core::port::{Inlet, LineState, Person};
use trunkline_sip::{
    Method, Request, Response, Uri, name,
    registration::{self as sip_registration, Endpoint, Registration},
    transaction::{Outcome, Patience, ServerId},
};

pub(crate) use self::{
    commit::Commit,
    endpoint::{AGENT, Place, endpoint},
    person::{Changed, Read, not_listed},
    registration::server,
    subscribe::SubscriptionId,
};
use self::{commit::Commits, person::Contacts, subscribe::Subscriptions, talk::Talks};
use crate::{
    address::Target,
    chat::{self, SendId},
    exchange::{LineId, Opening},
    people::ServeId,
    random,
};

/// The methods that the relay takes.
pub(crate) const ALLOW: &str = "INVITE, BYE, ACK, CANCEL, INFO, MESSAGE, UPDATE, OPTIONS, NOTIFY, BENOTIFY";

/// What the handle of a line and its account both see.
pub(crate) struct Shared {
    pub(crate) person: Person,
    state: Mutex<LineState>,
}

impl Shared {
    pub(crate) fn new(person: Person) -> Self {
        Self { person, state: Mutex::new(LineState::Connecting { reason: String::new() }) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an account wants done.
#[derive(Debug)]
pub(crate) enum Act {
    /// Send a request in a transaction, after its Via was put on top.
    Send { purpose: Purpose, request: Request, patience: Patience },
    /// Send an ACK without a transaction, after its Via was put on top.
    Write(Request),
    /// Cancel an INVITE.
    Cancel(SendId),
    /// Answer a request.
    Answer { id: ServerId, response: Response },
    /// Have the core take something, and say what came of it by [`Account::committed`].
    Commit(Box<Commit>),
    /// Stand in line for a REGISTER; urgent when a registration would run out.
    Turn { urgent: bool },
    /// See to a connection to [`Account::target`].
    Link,
    /// Forget the account.
    Over,
}

/// What a request was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Register,
    Chat(SendId),
    Subscribe(SubscriptionId),
    Serve(ServeId),
}

/// One account.
pub(crate) struct Account {
    shared: Arc<Shared>,
    inlet: Arc<dyn Inlet>,
    place: Arc<Place>,
    endpoint: Arc<Endpoint>,
    target: Target,
    /// Whether there is a connection to the target.
    linked: bool,
    /// None before there was one.
    registration: Option<Registration>,
    /// A server that the pool sent it to and that let it wait, and until when. Boxed, as hardly any account has one.
    rest: Option<Box<(Target, Duration)>>,
    in_line: bool,
    leaving: bool,
    closed: Vec<oneshot::Sender<()>>,
    talks: Talks,
    contacts: Contacts,
    subscriptions: Subscriptions,
    commits: Commits,
}

impl Account {
    /// Not signed in; wants a [`Act::Link`] first.
    pub(crate) fn new(
        shared: Arc<Shared>,
        inlet: Arc<dyn Inlet>,
        place: Arc<Place>,
        endpoint: Endpoint,
    ) -> Self {
        let (talks, contacts) = (Talks::new(&place, &endpoint), Contacts::new(&shared.person, &endpoint));
        Self {
            target: place.pool.clone(),
            shared,
            inlet,
            place,
            endpoint: Arc::new(endpoint),
            linked: false,
            registration: None,
            rest: None,
            in_line: false,
            leaving: false,
            closed: Vec::new(),
            talks,
            contacts,
            subscriptions: Subscriptions::default(),
            commits: Commits::default(),
        }
    }

    /// The server that it is signed in at, or is to be.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Whether it signs out.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Who it is to the pool.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// When [`Account::timer`] is due.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let registration = self.registration.as_ref().filter(|_| self.linked);
        let registration = registration.and_then(|registration| match self.in_line {
            true => registration.runs_out_at(),
            false => self.sign_in_at(registration),
        });
        let others = [
            self.talks.deadline(),
            self.contacts.deadline(),
            self.subscriptions.deadline(),
            self.commits.deadline(),
        ];
        others.into_iter().chain([registration]).flatten().min()
    }

    /// It is time.
    pub(crate) fn timer(&mut self, now: Duration, acts: &mut Vec<Act>) {
        self.run_out(now, acts);
        self.line_up(now, acts);
        self.commit_on(now, acts);
        self.talk_on(now, acts);
        self.subscribe_on(now, acts);
        self.people_on(now, acts);
    }

    /// There is a connection to the target.
    pub(crate) fn linked(&mut self, now: Duration, acts: &mut Vec<Act>) {
        self.linked = true;
        if self.registration.is_none() && !self.leaving {
            let (call_id, tag) = (format!("{:032x}", random()), format!("{:016x}", random() >> 64));
            // The domain of an address that was registered before is one that can be read.
            self.registration = Registration::new(self.endpoint.clone(), &call_id, &tag).ok();
        }
        self.timer(now, acts);
    }

    /// There is no connection to the target, or none any more.
    pub(crate) fn unlinked(&mut self, now: Duration, reason: &str, acts: &mut Vec<Act>) {
        self.online(now, false, acts);
        let over = self.registration.take().is_some_and(|registration| registration.is_stopped());
        (self.linked, self.in_line) = (false, false);
        if self.leaving {
            return acts.push(Act::Over);
        }
        if over {
            // Refused until a new connection brings another answer.
            return;
        }
        if self.target != self.place.pool {
            self.target = self.place.pool.clone();
            acts.push(Act::Link);
        }
        self.tell(LineState::Connecting { reason: reason.to_owned() });
    }

    /// A request of its own ended.
    pub(crate) fn ended(&mut self, now: Duration, purpose: Purpose, outcome: Outcome, acts: &mut Vec<Act>) {
        let outcome = self.believed(now, purpose, outcome, acts);
        match purpose {
            Purpose::Register => self.register_ended(now, &outcome, acts),
            Purpose::Chat(id) => self.chat(now, chat::Event::Ended(id, outcome), acts),
            Purpose::Subscribe(id) => self.subscribed(now, id, outcome, acts),
            Purpose::Serve(id) => self.served(now, id, &outcome, acts),
        }
    }

    /// A peer asks for something and waits for the answer.
    pub(crate) fn requested(
        &mut self,
        now: Duration,
        id: ServerId,
        mut request: Request,
        acts: &mut Vec<Act>,
    ) {
        if sip_registration::is_notification(&request) {
            self.deregistered(now, &request, acts);
            return acts.push(Act::Answer { id, response: answer(&request, 200) });
        }
        if self.takes_notification(now, Some(id), &request, acts) {
            return;
        }
        if self.is_unwanted(&request) {
            return acts.push(Act::Answer { id, response: answer(&request, 480) });
        }
        let brings = [Method::INVITE, Method::MESSAGE, Method::NOTIFY].contains(request.method());
        if brings && self.commits.is_crowded() {
            return acts.push(Act::Answer { id, response: answer(&request, 503) });
        }
        self.sign(&mut request);
        // Nobody but servers that prove who they are gets as far as here.
        self.chat(now, chat::Event::Request { id, request, trusted: true }, acts);
    }

    /// Says in To which of the user's endpoints this is, so that answers and the dialogs that they make say so too: servers
    /// know an endpoint by that.
    fn sign(&self, request: &mut Request) {
        let is_open = request.to().is_ok_and(|to| to.tag().is_none() && to.epid().is_none());
        if let Some(position) = request.position(name::TO).filter(|_| is_open)
            && let Some(to) = request.remove_at(position)
        {
            let semicolon = if to.value().ends_with(b";") { "" } else { ";" };
            request.insert(position, to.appended(&format!("{semicolon}epid={}", self.endpoint.epid)));
        }
    }

    /// A peer says something and wants no answer.
    pub(crate) fn told(&mut self, now: Duration, request: Request, acts: &mut Vec<Act>) {
        if sip_registration::is_notification(&request) {
            return self.deregistered(now, &request, acts);
        }
        if !self.takes_notification(now, None, &request, acts) {
            self.chat(now, chat::Event::Unanswered(request), acts);
        }
    }

    /// Signs out; `closed` hears when that is over.
    pub(crate) fn close(&mut self, now: Duration, closed: Option<oneshot::Sender<()>>, acts: &mut Vec<Act>) {
        self.closed.extend(closed);
        if std::mem::replace(&mut self.leaving, true) {
            return;
        }
        self.chat(now, chat::Event::Shutdown, acts);
        // Whoever has signed out asks for nothing more.
        self.people_out(now, acts);
        match self.registration.as_mut().and_then(Registration::leave) {
            Some(request) => acts.push(register(request)),
            None => acts.push(Act::Over),
        }
    }

    /// What it takes to begin anew, from a sign-in on; nothing if it was leaving.
    pub(crate) fn begin_anew(self, line: LineId) -> Option<Opening> {
        if self.leaving {
            self.over();
            return None;
        }
        self.tell(LineState::Connecting { reason: "a fault in the relay: it signs in anew".into() });
        let Self { shared, inlet, endpoint, .. } = self;
        Some(Opening { line, shared, inlet, endpoint: Arc::unwrap_or_clone(endpoint) })
    }

    /// Is forgotten now.
    pub(crate) fn over(self) {
        self.tell(LineState::Closed);
        for closed in self.closed {
            // Who does not wait any more need not hear it.
            let _ = closed.send(());
        }
    }

    /// The state, when it is another than before.
    fn tell(&self, state: LineState) {
        let changed = {
            let mut current = self.shared.state();
            let changed = *current != state;
            current.clone_from(&state);
            changed
        };
        if changed {
            self.inlet.state_changed(state);
        }
    }
}

/// An answer that says nothing but its status.
pub(crate) fn answer(request: &Request, status: u16) -> Response {
    let build = Response::build(request, status).to_tag(&format!("{:016x}", random() >> 64));
    match status {
        200 | 405 => build.header(name::ALLOW, ALLOW),
        _ => build,
    }
    .done()
}

/// A random number over the whole range.
fn draw() -> u32 {
    (random() >> 96) as u32
}

fn register(request: Request) -> Act {
    Act::Send { purpose: Purpose::Register, patience: Patience::of(&Method::REGISTER), request }
}

/// Whether a URI leads to another endpoint of the account's user.
pub(crate) fn is_of_another(uri: &Uri, endpoint: &Endpoint) -> bool {
    trunkline_sip::identity::instance_of(uri).is_some_and(|instance| instance != endpoint.epid.instance())
}
