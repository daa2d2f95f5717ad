//! The account's chats: what the person says to peers, and what they say to the person.

use std::{collections::HashMap, time::Duration};

use tokio::sync::oneshot;
use tracing::{debug, info};
use trunkline_core::port::{CallAnswer, Outcome, OutgoingMessage};
use trunkline_model::{Address, CallEnd, MessageKey, Profile, Timestamp};
use trunkline_sip::{Request, Response, registration::Endpoint, transaction::ServerId};

use super::{Account, Act, Commit, Place, Purpose};
use crate::{
    chat::{self, Action, Chats, Event, Identity, Received, SendId},
    random,
};

/// Who waits for the outcome of a message.
struct Waiting {
    turn: u64,
    reply: oneshot::Sender<Outcome>,
}

/// What the person and peers say.
pub(super) struct Talks {
    chats: Chats,
    is_online: bool,
    /// Who waits for the outcome of a message.
    senders: HashMap<MessageKey, Waiting>,
    /// The latest turn of a message that was given back unsent.
    given_back: u64,
}

impl Talks {
    pub(super) fn new(place: &Place, endpoint: &Endpoint) -> Self {
        let settings =
            chat::Settings { accept: place.accept, decline: place.decline, ..chat::Settings::default() };
        let me = Identity {
            uri: endpoint.user.clone(),
            display: None,
            epid: endpoint.epid.clone(),
            contact: endpoint.contact.clone(),
        };
        let chats = Chats::new(settings, me, Box::new(random));
        Self { chats, is_online: false, senders: HashMap::new(), given_back: 0 }
    }

    fn tell(&mut self, waiting: Waiting, outcome: Outcome) {
        if outcome == Outcome::NotSent {
            self.given_back = self.given_back.max(waiting.turn);
        }
        // Who does not wait any more need not hear it.
        let _ = waiting.reply.send(outcome);
    }

    /// Whether there is a way to peers.
    pub(super) fn is_online(&self) -> bool {
        self.is_online
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.chats.next_deadline()
    }
}

impl Account {
    /// The person writes; `reply` hears what became of it.
    pub(crate) fn send(
        &mut self,
        now: Duration,
        message: OutgoingMessage,
        reply: oneshot::Sender<Outcome>,
        acts: &mut Vec<Act>,
    ) {
        let OutgoingMessage { key, peer, text, sent_at: _, turn } = message;
        let waiting = Waiting { turn, reply };
        if !self.talks.is_online || turn <= self.talks.given_back {
            return self.talks.tell(waiting, Outcome::NotSent);
        }
        if let Some(before) = self.talks.senders.get_mut(&key) {
            // It is on its way already. Who asks again hears what becomes of that, and there is no second one.
            *before = waiting;
            return;
        }
        self.talks.senders.insert(key, waiting);
        self.chat(now, Event::PersonSends { key, text, peer }, acts);
    }

    /// The person types, or has stopped.
    pub(crate) fn types(&mut self, now: Duration, peer: Address, composing: bool, acts: &mut Vec<Act>) {
        self.chat(now, Event::PersonTypes { peer, composing }, acts);
    }

    /// The person answers what rings, or ends what is open.
    pub(crate) fn answers(&mut self, now: Duration, peer: Address, answer: CallAnswer, acts: &mut Vec<Act>) {
        let event = match answer {
            CallAnswer::Accept => Event::PersonAccepts(peer),
            CallAnswer::Decline => Event::PersonDeclines(peer),
        };
        self.chat(now, event, acts);
    }

    /// A peer gave up an INVITE.
    pub(crate) fn cancelled(
        &mut self,
        now: Duration,
        invite: ServerId,
        request: Request,
        acts: &mut Vec<Act>,
    ) {
        self.chat(now, Event::Cancelled { invite, request }, acts);
    }

    /// A provisional answer to a request of its own.
    pub(crate) fn progressed(
        &mut self,
        now: Duration,
        purpose: Purpose,
        response: Response,
        acts: &mut Vec<Act>,
    ) {
        if let Purpose::Chat(id) = purpose {
            self.chat(now, Event::Progress(id, response), acts);
        }
    }

    /// A 2xx to an INVITE of its own that had ended.
    pub(crate) fn late(&mut self, now: Duration, id: SendId, response: Response, acts: &mut Vec<Act>) {
        self.chat(now, Event::Late(id, response), acts);
    }

    /// Whether the pool holds the account to be signed in, so that there is a way to peers.
    /// True when that is news.
    pub(super) fn online(&mut self, now: Duration, is_online: bool, acts: &mut Vec<Act>) -> bool {
        let is_news = std::mem::replace(&mut self.talks.is_online, is_online) != is_online;
        if is_news {
            let event = if is_online { Event::LinkUp } else { Event::LinkLost };
            self.chat(now, event, acts);
            if !is_online {
                self.people_out(now, acts);
            }
        }
        is_news
    }

    /// It may be time for a chat.
    pub(super) fn talk_on(&mut self, now: Duration, acts: &mut Vec<Act>) {
        if self.talks.chats.next_deadline().is_some_and(|at| at <= now) {
            self.chat(now, Event::Timer, acts);
        }
    }

    pub(super) fn chat(&mut self, now: Duration, event: Event, acts: &mut Vec<Act>) {
        for action in self.talks.chats.handle(now, event) {
            self.chat_act(now, action, acts);
        }
    }

    fn chat_act(&mut self, now: Duration, action: Action, acts: &mut Vec<Act>) {
        match action {
            Action::Send { id, request, patience } => {
                acts.push(Act::Send { purpose: Purpose::Chat(id), request, patience });
            }
            Action::Cancel(id) => acts.push(Act::Cancel(id)),
            Action::Write(request) => acts.push(Act::Write(request)),
            Action::Answer { id, response } => acts.push(Act::Answer { id, response }),
            Action::Deliver { token, message } => self.keep(now, Some(token), message, acts),
            Action::Invited { token, message: Some(message), .. } => {
                self.keep(now, Some(token), message, acts)
            }
            Action::Invited { token, peer, name, message: None } => {
                let profile = name.map(|display_name| Profile { display_name, ..Profile::default() });
                self.commit(now, Commit::Called { token, peer, profile: profile.map(Box::new) }, acts);
            }
            Action::AnsweredElsewhere { peer, took, foreign_id } => {
                let end = if took { CallEnd::AnsweredElsewhere } else { CallEnd::Declined };
                self.commit(now, Commit::CallEnded { peer, foreign_id, end }, acts);
            }
            Action::Missed { message: Some(message), .. } => self.keep(now, None, message, acts),
            Action::Missed { peer, message: None } => {
                let end = CallEnd::Missed;
                self.commit(now, Commit::CallEnded { peer, foreign_id: None, end }, acts);
            }
            Action::Typing { peer, composing } => self.inlet.typing(&peer, composing),
            Action::Outcome { key, outcome } => {
                if let Some(waiting) = self.talks.senders.remove(&key) {
                    self.talks.tell(waiting, outcome);
                }
            }
            Action::Failed { token, key, permanent, reason } => {
                self.commit(now, Commit::Failed { token, key, permanent, reason }, acts);
            }
            Action::ConferenceInvited { .. } => {
                info!(account = self.shared.person.account.0, "declined an invitation to a conference");
            }
        }
    }

    fn keep(&mut self, now: Duration, token: Option<chat::Token>, message: Received, acts: &mut Vec<Act>) {
        match message.incoming(Timestamp::now()) {
            Some(incoming) => self.commit(now, Commit::Received(token, Box::new(incoming)), acts),
            None => debug!("a message without an id is not kept"),
        }
    }
}
