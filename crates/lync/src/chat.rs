//! The chats of one account with one person each, as a pure state machine: what happens comes in as [`Event`]s with the
//! time, what is to be done goes out as [`Action`]s.
//!
//! A message of a peer's is answered with 200 only when the core has it, and a message of the person's has exactly one
//! outcome. There is one dialog with a peer, and one MESSAGE at a time in it.

mod clock;
pub mod event;
mod failure;
mod incoming;
mod invitation;
mod letter;
mod outcome;
mod outgoing;
mod ring;
mod state;
#[cfg(test)]
mod tests;
mod typing;
mod write;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use trunkline_core::port::Outcome;
use trunkline_model::{Address, MessageKey};
use trunkline_sip::dialog::{DialogId, Owner};
use trunkline_sip::transaction::{Patience, ServerId};
use trunkline_sip::{Request, Response};

pub(crate) use invitation::sender;

pub use event::{Accept, Action, Decline, Event, Identity, Received, SendId, Settings, Token};

use state::{Call, Chat, Commit, Purpose, Talk};

/// Whose dialogs: those of different accounts are never in one place.
pub(crate) const OWNER: Owner = Owner(0);
/// How many confirmed messages may still come back.
const REPORTS: usize = 256;

/// Gives random numbers, for tags and Call-IDs that nobody guesses.
pub type Random = Box<dyn FnMut() -> u128 + Send>;

/// All chats of one account.
pub struct Chats {
    settings: Settings,
    me: Identity,
    random: Random,
    now: Duration,
    out: Vec<Action>,
    chats: BTreeMap<Address, Chat>,
    talks: HashMap<DialogId, Talk>,
    calls: BTreeMap<SendId, Call>,
    sends: BTreeMap<SendId, Purpose>,
    commits: BTreeMap<Token, Commit>,
    /// What the answers to confirmed messages called them.
    reports: VecDeque<(String, MessageKey)>,
    last: u64,
    others: Option<usize>,
    linked: bool,
    closing: bool,
}

impl Chats {
    /// No chats yet, over a link that is up; whether the person has other endpoints is not known.
    pub fn new(settings: Settings, me: Identity, random: Random) -> Self {
        Self {
            settings,
            me,
            random,
            now: Duration::ZERO,
            out: Vec::new(),
            chats: BTreeMap::new(),
            talks: HashMap::new(),
            calls: BTreeMap::new(),
            sends: BTreeMap::new(),
            commits: BTreeMap::new(),
            reports: VecDeque::new(),
            last: 0,
            others: None,
            linked: true,
            closing: false,
        }
    }

    /// Takes what happened at `now`, which never goes back.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        self.now = self.now.max(now);
        match event {
            Event::Request { id, request, trusted } => self.requested(id, request, trusted),
            Event::Unanswered(request) => self.noticed(&request),
            Event::Cancelled { invite, request } => self.cancelled(invite, &request),
            Event::Progress(id, response) => self.progress(id, &response),
            Event::Ended(id, outcome) => self.ended(id, outcome),
            Event::Late(id, response) => self.late(id, &response),
            Event::Committed(token) => self.committed(token, Ok(())),
            Event::NotCommitted(token) => self.committed(token, Err(500)),
            Event::Unwanted(token) => self.committed(token, Err(480)),
            Event::LinkLost => self.link_lost(),
            Event::LinkUp => self.linked = true,
            Event::EndpointsChanged(others) => self.endpoints_changed(others),
            Event::ContactChanged(contact) => self.me.contact = contact,
            Event::PersonSends { key, text, peer } => self.person_sends(key, &text, &peer),
            Event::PersonTypes { peer, composing } => self.person_types(&peer, composing),
            Event::PersonAccepts(peer) => self.accept(&peer),
            Event::PersonDeclines(peer) => self.person_declines(&peer),
            Event::PersonBlocks(peer) => self.person_blocks(&peer),
            Event::PersonEnds(peer) => self.person_ends(&peer),
            Event::Timer => {}
            Event::Shutdown => self.shutdown(),
        }
        self.expire();
        std::mem::take(&mut self.out)
    }

    /// Whether a request or an ACK belongs to one of these dialogs.
    pub fn knows(&self, request: &Request) -> bool {
        self.dialog_of(request).is_some()
    }

    /// How many dialogs are open.
    pub fn dialogs(&self) -> usize {
        self.talks.len()
    }

    /// Whether nothing goes on: no dialog, no invitation, no message on its way.
    pub fn is_idle(&self) -> bool {
        self.talks.is_empty() && self.chats.is_empty() && self.commits.is_empty()
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn tag(&mut self) -> String {
        format!("{:016x}", (self.random)() >> 64)
    }

    fn send(&mut self, purpose: Purpose, request: Request, patience: Patience) -> SendId {
        let id = SendId(self.number());
        self.sends.insert(id, purpose);
        self.out.push(Action::Send { id, request, patience });
        id
    }

    fn answer(&mut self, id: ServerId, response: Response) {
        self.out.push(Action::Answer { id, response });
    }

    /// Answers a request with a status and nothing else.
    fn reply(&mut self, id: ServerId, request: &Request, status: u16) {
        let tag = self.tag();
        self.answer(id, write::refusal(request, status, &tag));
    }

    fn report(&mut self, key: MessageKey, outcome: Outcome) {
        self.out.push(Action::Outcome { key, outcome });
    }

    /// Forgets a chat in which nothing goes on.
    fn tidy(&mut self, peer: &Address) {
        if self.chats.get(peer).is_some_and(Chat::is_empty) {
            self.chats.remove(peer);
        }
    }
}

impl fmt::Debug for Chats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chats({}, {} chats, {} dialogs)", self.me.uri, self.chats.len(), self.talks.len())
    }
}
