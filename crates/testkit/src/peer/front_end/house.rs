//! The Front End's state, and how messages come in and go out. All of it runs under one lock, without waiting.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use trunkline_sip::{
    Frame, Message, Refused, Request, Response, Uri, body::ExpireType, header::name, message::ResponseBuilder,
};
use uuid::Uuid;

use super::{
    book::Book,
    debt::Ledger,
    ear::Heard,
    judge::Judge,
    line::Line,
    proxy::Call,
    route::Flow,
    script::{Act, Answer, Script},
    traffic::{Heading, Log},
    user::{Endpoint, Key, User},
};

/// What has to be done outside the lock.
pub(super) enum Errand {
    /// Connect to a host at a port of this machine.
    Dial { id: u64, host: String, port: u16, queue: mpsc::Receiver<Vec<u8>>, stop: CancellationToken },
    /// Send bytes after a while.
    Send { after: Duration, line: u64, message: Message },
    /// Work on a message after a while.
    Receive { after: Duration, line: u64, message: Message },
}

pub(super) struct House {
    pub(super) domain: String,
    /// Ports of the listeners without and with TLS.
    pub(super) ports: (u16, u16),
    pub(super) users: BTreeMap<String, User>,
    pub(super) trusted: Vec<String>,
    pub(super) settings: Settings,
    pub(super) subscriptions: Book,
    pub(super) calls: VecDeque<Call>,
    pub(super) flows: HashMap<u64, Flow>,
    /// Whose Contact has this `ms-opaque`.
    pub(super) opaques: HashMap<String, Key>,
    pub(super) script: Script,
    pub(super) judge: Judge,
    pub(super) ledger: Ledger,
    pub(super) lines: HashMap<u64, Line>,
    pub(super) errands: Vec<Errand>,
    /// Cancelled when the Front End stops: the parent of all that dial.
    pub(super) stop: CancellationToken,
    log: Arc<Log>,
    pub(super) kept: HashMap<(u64, bool), VecDeque<Message>>,
    count: u64,
}

/// Switches that tests turn.
pub(super) struct Settings {
    pub(super) dial_back: bool,
    pub(super) drops_dials: bool,
    /// The port of a proxy that stands before the applications.
    pub(super) edge: Option<u16>,
    pub(super) piggyback: bool,
    pub(super) challenge: bool,
    pub(super) expires: u32,
    pub(super) keep_alive: u32,
    pub(super) pooled: bool,
    pub(super) negotiate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dial_back: false,
            drops_dials: false,
            edge: None,
            piggyback: true,
            challenge: false,
            expires: 7_200,
            keep_alive: 300,
            pooled: false,
            negotiate: false,
        }
    }
}

impl House {
    pub(super) fn new(domain: &str, log: Arc<Log>, stop: CancellationToken) -> Self {
        Self {
            domain: domain.to_ascii_lowercase(),
            ports: (0, 0),
            users: BTreeMap::new(),
            trusted: Vec::new(),
            settings: Settings::default(),
            subscriptions: Book::default(),
            calls: VecDeque::new(),
            flows: HashMap::new(),
            opaques: HashMap::new(),
            script: Script::default(),
            judge: Judge::default(),
            ledger: Ledger::new(),
            lines: HashMap::new(),
            errands: Vec::new(),
            stop,
            log,
            kept: HashMap::new(),
            count: 0,
        }
    }

    /// A number that was never given before.
    pub(super) fn fresh(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// A tag that was never given before.
    pub(super) fn fresh_tag(&mut self) -> String {
        Uuid::new_v4().simple().to_string().to_ascii_uppercase()
    }

    /// The name that its certificate has.
    pub(super) fn host(&self) -> String {
        format!("fe1.{}", self.domain)
    }

    /// Its own address as seen on a connection, such as `fe1.example.test:5061;transport=tls`.
    pub(super) fn own_address(&self, transport: &str) -> String {
        format!("{}:{};transport={transport}", self.host(), self.port(transport))
    }

    pub(super) fn port(&self, transport: &str) -> u16 {
        if transport == "tls" { self.ports.1 } else { self.ports.0 }
    }

    pub(super) fn transport(&self, line: u64) -> &'static str {
        self.lines.get(&line).map_or("tls", |line| line.transport)
    }

    /// `user@domain` of a user's name.
    pub(super) fn address(&self, user: &str) -> String {
        format!("{}@{}", user.to_ascii_lowercase(), self.domain)
    }

    /// All signed-in endpoints of a user.
    pub(super) fn keys_of(&self, user: &str) -> Vec<Key> {
        let user = self.users.get(&self.address(user));
        let keys = user
            .into_iter()
            .flat_map(|user| user.endpoints.iter().map(|endpoint| (user.address.clone(), endpoint.instance)));
        keys.collect()
    }

    /// What a process forgets that is killed.
    pub(super) fn forget(&mut self) {
        self.lines.clear();
        self.kept.clear();
        self.calls.clear();
        self.flows.clear();
        self.opaques.clear();
        self.subscriptions.clear();
        self.ledger.forgive_all();
        for user in self.users.values_mut() {
            user.endpoints.clear();
            user.publications.retain(|known| known.publication.lasts == ExpireType::Static);
        }
    }

    pub(super) fn user(&self, uri: &Uri) -> Option<&User> {
        self.users.get(&uri.address()?)
    }

    pub(super) fn endpoint(&self, key: &Key) -> Option<&Endpoint> {
        self.users.get(&key.0)?.endpoint(key.1)
    }

    /// The signed-in endpoint that sent a request.
    pub(super) fn sender(&self, request: &Request) -> Option<Key> {
        let from = request.from().ok()?;
        let user = self.user(&from.uri)?;
        Some((user.address.clone(), user.by_epid(&from)?.instance))
    }

    /// Whether an application is at the other end of a connection, to be held to the rules.
    pub(super) fn is_application(&self, line: u64) -> bool {
        self.lines.get(&line).is_some_and(|line| line.names.is_some())
    }

    pub(super) fn received(&mut self, line: u64, heard: Heard) {
        if let Some(bytes) = heard.odd {
            self.log.add_odd(line, bytes);
            if self.is_application(line) {
                self.judge.odd(&heard.frame);
            }
        }
        let message = match heard.frame {
            Frame::Message(message) => message,
            Frame::Ping => return self.send_raw(line, b"\r\n".to_vec()),
            Frame::Refused(refused) => return self.turn_away(line, &refused),
        };
        self.log.add(line, Heading::Received, &message);
        if self.is_application(line) {
            self.ledger.received(&message);
            self.judge_application(&message);
        }
        self.perform(line, message);
    }

    fn turn_away(&mut self, line: u64, refused: &Refused) {
        let tag = self.fresh_tag();
        if let Some(answer) = refused.answer(&tag) {
            self.send(line, answer);
        }
        if refused.close {
            self.cut(line);
        }
    }

    /// Works on what came, unless the script says otherwise.
    fn perform(&mut self, line: u64, message: Message) {
        match self.script.next(Heading::Received, &message) {
            None => self.work(line, message),
            Some(Act::Answer(answer)) => self.answer(line, message, &answer),
            Some(Act::Drop) => {}
            Some(Act::Twice) => {
                self.work(line, message.clone());
                self.work(line, message);
            }
            Some(Act::Fork) => {
                let other = self.forked(&message);
                self.work(line, message);
                self.work(line, other);
            }
            Some(Act::Swap) => self.keep(line, Heading::Received, message),
            Some(Act::Delay(after)) => self.errands.push(Errand::Receive { after, line, message }),
            Some(Act::Cut) => self.cut(line),
        }
    }

    fn judge_application(&mut self, message: &Message) {
        let gruu = match message {
            Message::Request(request) => self.sender(request),
            Message::Response(_) => None,
        };
        let gruu = gruu.and_then(|key| self.endpoint(&key)).map(|endpoint| endpoint.gruu.clone());
        self.judge.judge(message, gruu.as_ref());
    }

    fn answer(&mut self, line: u64, message: Message, answer: &Answer) {
        let Message::Request(request) = message else { return self.handle(line, message) };
        let tag = self.fresh_tag();
        let mut builder = Response::build(&request, answer.status).to_tag(&tag);
        if let Some(reason) = &answer.reason {
            builder = builder.reason(reason);
        }
        for (name, value) in &answer.headers {
            builder = builder.header(name, value);
        }
        if let Some((media, body)) = &answer.body {
            builder = builder.body(media, body.clone());
        }
        self.send(line, builder.done());
    }

    /// The same with another tag in To, if it has one there.
    fn forked(&mut self, message: &Message) -> Message {
        let (mut other, tag) = (message.clone(), self.fresh_tag());
        if let Ok(to) = message.to()
            && to.tag().is_some()
        {
            let value = format!("<{}>;tag={tag}", to.uri);
            match &mut other {
                Message::Request(request) => request.set(name::TO, value),
                Message::Response(response) => response.set(name::TO, value),
            }
        }
        other
    }

    fn keep(&mut self, line: u64, heading: Heading, message: Message) {
        self.kept.entry((line, heading == Heading::Sent)).or_default().push_back(message);
    }

    fn kept(&mut self, line: u64, heading: Heading) -> VecDeque<Message> {
        self.kept.remove(&(line, heading == Heading::Sent)).unwrap_or_default()
    }

    /// Works on a message, and then on what was kept until this one had passed.
    pub(super) fn work(&mut self, line: u64, message: Message) {
        let kept = self.kept(line, Heading::Received);
        self.handle(line, message);
        kept.into_iter().for_each(|message| self.handle(line, message));
    }

    fn handle(&mut self, line: u64, message: Message) {
        let request = match message {
            Message::Request(request) => request,
            Message::Response(response) => return self.answered(response),
        };
        let method = request.method().clone();
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        match method.as_str() {
            "REGISTER" => self.register(line, &request),
            "SUBSCRIBE" => self.subscribe(line, &request),
            "SERVICE" => self.serve(line, &request),
            "NEGOTIATE" => self.refuse(line, &request, 488),
            "OPTIONS" if self.user(request.uri()).is_none() => self.refuse(line, &request, 200),
            "CANCEL" => self.cancel(line, &request),
            _ if in_dialog => self.forward_in_dialog(line, request),
            _ => self.forward(line, request),
        }
    }

    /// Begins an answer with a tag of ours.
    pub(super) fn reply(&mut self, request: &Request, status: u16) -> ResponseBuilder {
        let tag = self.fresh_tag();
        Response::build(request, status).to_tag(&tag).header(name::SERVER, "RTC/6.0")
    }

    /// Answers with a status alone.
    pub(super) fn refuse(&mut self, line: u64, request: &Request, status: u16) {
        if !request.method().is_unanswered() {
            let response = self.reply(request, status).done();
            self.send(line, response);
        }
    }

    /// Answers one who is not signed in.
    pub(super) fn stranger(&mut self, line: u64, request: &Request) {
        self.diagnose(line, request, 403, 4004, "Credentials do not permit acting as the From URI");
    }

    /// Answers with a status and `ms-diagnostics`.
    pub(super) fn diagnose(&mut self, line: u64, request: &Request, status: u16, id: u32, reason: &str) {
        if !request.method().is_unanswered() {
            let value = format!("{id};reason=\"{reason}\";source=\"{}\"", self.host());
            let response = self.reply(request, status).header(name::MS_DIAGNOSTICS, value).done();
            self.send(line, response);
        }
    }

    /// Sends, unless the script says otherwise.
    pub(super) fn send(&mut self, line: u64, message: impl Into<Message>) {
        let message = message.into();
        match self.script.next(Heading::Sent, &message) {
            None | Some(Act::Answer(_)) => self.send_now(line, message),
            Some(Act::Drop) => {}
            Some(Act::Twice) => {
                self.send_now(line, message.clone());
                self.send_now(line, message);
            }
            Some(Act::Fork) => {
                let other = self.forked(&message);
                self.send_now(line, message);
                self.send_now(line, other);
            }
            Some(Act::Swap) => self.keep(line, Heading::Sent, message),
            Some(Act::Delay(after)) => self.errands.push(Errand::Send { after, line, message }),
            Some(Act::Cut) => self.cut(line),
        }
    }

    /// Sends, and then what was kept until this one had passed.
    pub(super) fn send_now(&mut self, line: u64, message: Message) {
        let kept = self.kept(line, Heading::Sent);
        for message in std::iter::once(message).chain(kept) {
            if self.is_application(line) {
                self.ledger.sent(line, &message);
            }
            self.send_raw(line, message.to_bytes().to_vec());
            self.log.add(line, Heading::Sent, &message);
        }
    }

    /// Bytes as they are; a peer that reads nothing for too long is cut.
    pub(super) fn send_raw(&mut self, line: u64, bytes: Vec<u8>) {
        if self.lines.get(&line).is_some_and(|line| line.queue.try_send(bytes).is_err()) {
            self.cut(line);
        }
    }

    /// Closes a connection. What follows from it comes when its task has ended.
    pub(super) fn cut(&mut self, id: u64) {
        if let Some(line) = self.lines.get(&id) {
            line.stop.cancel();
            self.ledger.forgive(id);
        }
    }
}
