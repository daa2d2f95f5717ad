//! One side with transactions as a line has them, in simulated time.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use trunkline_core::port::Outcome;
use trunkline_model::{Address, MessageKey, MessageText};
use trunkline_sip::transaction::{
    self, Answer, CancelStep, Capacity, ClientId, ConnectionId, Expired, Hop, Incoming, NotSent, Transactions,
};
use trunkline_sip::{Epid, Message, Method, Request, Response, Uri};
use uuid::Uuid;

use crate::chat::{Action, Chats, Event, Identity, Received, SendId, Settings, Token};

pub(super) const ALICE: &str = "alice@example.com";
pub(super) const BOB: &str = "bob@example.com";

/// What the core does with messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Core {
    Commits,
    Fails,
    /// Until [`Side::commit`].
    Waits,
}

pub(super) struct Side {
    pub(super) now: Duration,
    pub(super) chats: Chats,
    pub(super) core: Core,
    pub(super) trusts: bool,
    pub(super) wire: VecDeque<Message>,
    pub(super) seen: Vec<Action>,
    pub(super) waiting: VecDeque<(Token, Option<Received>)>,
    /// What was committed, once for each id.
    pub(super) mailbox: Vec<(String, String)>,
    pub(super) outcomes: BTreeMap<MessageKey, Vec<Outcome>>,
    ids: BTreeSet<String>,
    transactions: Transactions,
    connection: u64,
    is_up: bool,
    /// Requests that find no room on the connection from now on.
    pub(super) jams: usize,
    ours: HashMap<SendId, ClientId>,
    names: HashMap<ClientId, SendId>,
    events: VecDeque<Event>,
    stamps: u128,
    hop: Hop,
}

pub(super) fn address(who: &str) -> Address {
    who.parse().unwrap()
}

pub(super) fn text(text: &str) -> MessageText {
    MessageText::stored(text.to_owned())
}

pub(super) fn key(number: u128) -> MessageKey {
    MessageKey(Uuid::from_u128(number))
}

impl Side {
    pub(super) fn new(who: &str, settings: Settings) -> Self {
        let uri = Uri::parse(&format!("sip:{who}")).unwrap();
        let epid = Epid::parse("26a7a9f5a6").unwrap();
        let contact = trunkline_sip::identity::gruu(&uri, epid.instance()).unwrap();
        let me = Identity { uri, display: Some("A. Name".to_owned()), epid, contact };
        let seed: u128 = who.bytes().map(u128::from).sum();
        let mut state = seed;
        let random = move || {
            state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x5851_f42d);
            state
        };
        let mut side = Self {
            now: Duration::ZERO,
            chats: Chats::new(settings, me, Box::new(random)),
            core: Core::Commits,
            trusts: true,
            wire: VecDeque::new(),
            seen: Vec::new(),
            waiting: VecDeque::new(),
            mailbox: Vec::new(),
            outcomes: BTreeMap::new(),
            ids: BTreeSet::new(),
            transactions: Transactions::new(Capacity::default(), 7),
            connection: 1,
            is_up: true,
            jams: 0,
            ours: HashMap::new(),
            names: HashMap::new(),
            events: VecDeque::new(),
            stamps: seed << 64,
            hop: Hop { transport: "TLS".to_owned(), sent_by: format!("{}:5061", who.replace('@', ".")) },
        };
        side.handle(Event::EndpointsChanged(Some(0)));
        side
    }

    pub(super) fn handle(&mut self, event: Event) {
        self.events.push_back(event);
        while let Some(event) = self.events.pop_front() {
            for action in self.chats.handle(self.now, event) {
                self.act(action);
            }
            assert!(self.chats.next_deadline().is_none_or(|next| next > self.now), "a timer that never ends");
        }
    }

    pub(super) fn send(&mut self, number: u128, words: &str, peer: &str) {
        self.handle(Event::PersonSends { key: key(number), text: text(words), peer: address(peer) });
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send { id, request, patience } => self.begin(id, request, patience),
            Action::Cancel(id) => self.cancel(id),
            Action::Write(mut request) => {
                self.stamp(&mut request);
                self.write(request);
            }
            Action::Answer { id, response } => {
                if let Ok(reply) = self.transactions.respond(self.now, id, response) {
                    self.write(reply.response);
                }
            }
            Action::Deliver { token, message } => self.wait(token, Some(message)),
            Action::Invited { token, ref message, .. } => {
                self.wait(token, message.clone());
                self.seen.push(action);
            }
            Action::Missed { ref message, .. } => {
                if let Some(message) = message {
                    self.keep(message);
                }
                self.seen.push(action);
            }
            Action::Failed { token: Some(token), .. } => {
                self.wait(token, None);
                self.seen.push(action);
            }
            Action::Outcome { key, outcome } => self.outcomes.entry(key).or_default().push(outcome),
            other => self.seen.push(other),
        }
    }

    fn wait(&mut self, token: Token, message: Option<Received>) {
        self.waiting.push_back((token, message));
        match self.core {
            Core::Commits => self.commit(true),
            Core::Fails => self.commit(false),
            Core::Waits => {}
        }
    }

    /// The core decides about the message that waits for longest.
    pub(super) fn commit(&mut self, commits: bool) {
        let Some((token, message)) = self.waiting.pop_front() else { return };
        if let Some(message) = message.filter(|_| commits) {
            self.keep(&message);
        }
        self.events.push_back(if commits { Event::Committed(token) } else { Event::NotCommitted(token) });
    }

    pub(super) fn commit_now(&mut self, commits: bool) {
        self.commit(commits);
        self.handle(Event::Timer);
    }

    fn keep(&mut self, message: &Received) {
        if self.ids.insert(message.foreign_id.clone()) {
            let text = message.text.expose().to_owned();
            self.mailbox.push((message.peer.bare().to_owned(), text));
        }
    }

    fn begin(&mut self, id: SendId, mut request: Request, patience: transaction::Patience) {
        self.stamp(&mut request);
        if !self.is_up || self.jams > 0 {
            self.jams = self.jams.saturating_sub(1);
            let outcome = transaction::Outcome::NotSent(NotSent::ConnectionLost);
            return self.events.push_back(Event::Ended(id, outcome));
        }
        let connection = ConnectionId(self.connection);
        let client = self.transactions.send(self.now, connection, request.clone(), patience).unwrap();
        assert!(self.transactions.submit(self.now, client));
        self.ours.insert(id, client);
        self.names.insert(client, id);
        self.write(request);
    }

    fn cancel(&mut self, id: SendId) {
        let step = self.ours.get(&id).map(|client| self.transactions.cancel(self.now, *client));
        if let Some(CancelStep::Write(cancel)) = step {
            self.write(*cancel);
        }
    }

    fn stamp(&mut self, request: &mut Request) {
        self.stamps += 1;
        self.hop.stamp(request, self.stamps);
    }

    fn write(&mut self, message: impl Into<Message>) {
        if self.is_up {
            self.wire.push_back(message.into());
        }
    }

    pub(super) fn receive(&mut self, message: Message) {
        let message = Message::parse(&message.to_bytes()).unwrap();
        trunkline_sip::check(&message).unwrap();
        let connection = ConnectionId(self.connection);
        match message {
            Message::Request(request) => self.requested(connection, request),
            Message::Response(response) => self.answered(connection, response),
        }
        self.handle(Event::Timer);
    }

    fn requested(&mut self, connection: ConnectionId, request: Request) {
        match self.transactions.request(self.now, connection, request) {
            Incoming::Request { id, request } => {
                self.events.push_back(Event::Request { id, request, trusted: self.trusts });
            }
            Incoming::Unanswered(request) => self.events.push_back(Event::Unanswered(request)),
            Incoming::Cancel { invite, request, reply } => {
                self.write(reply);
                let event = invite.map(|invite| Event::Cancelled { invite, request });
                self.events.extend(event);
            }
            Incoming::Reply(response) => self.write(response),
            Incoming::Absorbed => {}
        }
    }

    fn answered(&mut self, connection: ConnectionId, response: Response) {
        match self.transactions.answer(self.now, connection, response) {
            Answer::Provisional { id, response, cancel } => {
                cancel.into_iter().for_each(|cancel| self.write(cancel));
                let name = self.names.get(&id).copied();
                self.events.extend(name.map(|name| Event::Progress(name, response)));
            }
            Answer::Final { id, outcome, ack } => {
                ack.into_iter().for_each(|ack| self.write(ack));
                self.end(id, outcome);
            }
            Answer::Late { id, response } => {
                let name = self.names.get(&id).copied();
                self.events.extend(name.map(|name| Event::Late(name, response)));
            }
            Answer::Absorbed { ack } => ack.into_iter().for_each(|ack| self.write(ack)),
        }
    }

    fn end(&mut self, client: ClientId, outcome: transaction::Outcome) {
        let name = self.names.get(&client).copied();
        self.events.extend(name.map(|name| Event::Ended(name, outcome)));
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        [self.transactions.next_deadline(), self.chats.next_deadline()].into_iter().flatten().min()
    }

    pub(super) fn advance(&mut self, now: Duration) {
        self.now = now;
        for expired in self.transactions.expire(now) {
            match expired {
                Expired::Ended { id, outcome } => self.end(id, outcome),
                Expired::Cancelled { cancel, .. } => self.write(cancel),
                Expired::Unheard(unheard) => {
                    unheard.reply.into_iter().for_each(|reply| self.write(reply.response));
                }
            }
        }
        self.handle(Event::Timer);
    }

    pub(super) fn lose(&mut self) {
        self.is_up = false;
        self.wire.clear();
        for (id, outcome) in self.transactions.lost(self.now, ConnectionId(self.connection)).ended {
            self.end(id, outcome);
        }
        self.handle(Event::LinkLost);
    }

    pub(super) fn restore(&mut self) {
        self.connection += 1;
        self.is_up = true;
        self.handle(Event::LinkUp);
    }

    /// The last request on the wire, which has to be of that method.
    pub(super) fn takes(&mut self, method: &Method) -> Request {
        match self.wire.pop_front() {
            Some(Message::Request(request)) if request.method() == method => request,
            other => panic!("{method} expected, not {other:?}"),
        }
    }

    /// The last answer on the wire, which has to have that status.
    pub(super) fn answers(&mut self, status: u16) -> Response {
        match self.wire.pop_front() {
            Some(Message::Response(response)) if response.status() == status => response,
            other => panic!("{status} expected, not {other:?}"),
        }
    }

    pub(super) fn is_quiet(&self) {
        assert!(self.wire.is_empty(), "{:?}", self.wire);
    }

    /// The one outcome of a message.
    pub(super) fn outcome(&self, number: u128) -> &Outcome {
        let all = self.outcomes.get(&key(number)).map(Vec::as_slice).unwrap_or_default();
        let [one] = all else { panic!("one outcome expected, not {all:?}") };
        one
    }

    /// What the core has of peers, in order.
    pub(super) fn texts(&self) -> Vec<&str> {
        self.mailbox.iter().map(|(_, text)| text.as_str()).collect()
    }
}
