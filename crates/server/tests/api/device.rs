//! A phone that does exactly what a test says, and holds every frame against the envelope's law.

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;
use trunkline_client::{Handshake, Incoming};
use trunkline_testkit::patience;
use trunkline_wire::phone::request;

use crate::{
    channel::{Channel, Form},
    frame::{Frame, Kind, Refused},
    house::Pass,
};

/// An activated device with a socket.
pub(crate) struct Device {
    pub(crate) pass: Pass,
    pub(crate) address: String,
    pub(crate) socket: Channel,
    /// What came and nobody asked for yet.
    inbox: VecDeque<Frame>,
    /// The highest sequence on this socket.
    pub(crate) last: i64,
    /// The highest number of an event on this socket.
    pub(crate) events: u64,
    requests: u32,
}

impl Device {
    /// Opens a socket and signs in.
    pub(crate) async fn signed_in(pass: &Pass) -> Self {
        let mut device = Self::opened(pass, -1).await;
        device.begin().await;
        device
    }

    /// Opens a socket with the token in its headers, as a phone that knows its token does.
    pub(crate) async fn opened(pass: &Pass, sequence: i64) -> Self {
        let handshake = Handshake { sequence, ..pass.handshake() };
        Self::with(pass, &handshake).await
    }

    pub(crate) async fn with(pass: &Pass, handshake: &Handshake) -> Self {
        Self::over(pass, Channel::open(&pass.server, handshake).await)
    }

    fn over(pass: &Pass, socket: Channel) -> Self {
        let (pass, address) = (pass.clone(), pass.address.clone());
        Self { pass, address, socket, inbox: VecDeque::new(), last: 0, events: 0, requests: 0 }
    }

    /// Signs in by this form, whichever the others use.
    pub(crate) async fn by(form: Form, pass: &Pass) -> Self {
        let socket = Channel::open_by(form, &pass.server, &pass.handshake()).await;
        let mut device = Self::over(pass, socket);
        device.begin().await;
        device
    }

    /// BeginSession; gives what phase 2 tells.
    pub(crate) async fn begin(&mut self) -> Value {
        let params = self.pass.begin_params();
        self.well("BeginSession", params).await
    }

    /// The same device on a new socket that resumes after `sequence`; the old one is cut off.
    pub(crate) async fn resumed(self, sequence: i64) -> Self {
        let requests = self.requests;
        let pass = self.pass.clone();
        self.socket.cut();
        Self { requests, ..Self::opened(&pass, sequence).await }
    }

    /// Sends a request and waits for its last word.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Result<Value, Refused> {
        let id = self.post(method, params).await;
        self.last_word(&id).await
    }

    /// A request that succeeds.
    pub(crate) async fn well(&mut self, method: &str, params: Value) -> Value {
        let shown = params.to_string();
        self.ask(method, params).await.unwrap_or_else(|refused| panic!("{method} {shown}: {refused:?}"))
    }

    /// A request that fails with this code; gives the plain words.
    pub(crate) async fn refused(&mut self, code: i64, method: &str, params: Value) -> String {
        let shown = params.to_string();
        match self.ask(method, params).await {
            Err(refused) if refused.code == code => refused.inner,
            other => panic!("{method} {shown}: expected {code}, got {other:?}"),
        }
    }

    /// Sends a request without waiting; gives its id.
    pub(crate) async fn post(&mut self, method: &str, params: Value) -> String {
        let id = self.next_id();
        self.send(&request(&id, method, params)).await;
        id
    }

    pub(crate) fn next_id(&mut self) -> String {
        self.requests += 1;
        format!("c{}", self.requests)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.socket.send(text).await.unwrap();
    }

    /// Both phases of a request.
    pub(crate) async fn both(&mut self, method: &str, params: Value) -> (Frame, Frame) {
        let id = self.post(method, params).await;
        (self.early(&id).await, self.late(&id).await)
    }

    pub(crate) async fn early(&mut self, id: &str) -> Frame {
        self.find(&format!("phase 1 of {id}"), |frame| frame.kind == Kind::Early && frame.answers(id)).await
    }

    pub(crate) async fn late(&mut self, id: &str) -> Frame {
        self.find(&format!("phase 2 of {id}"), |frame| frame.kind == Kind::Late && frame.answers(id)).await
    }

    /// The outcome of a request in whichever phase it comes.
    pub(crate) async fn last_word(&mut self, id: &str) -> Result<Value, Refused> {
        let early = self.early(id).await;
        if early.is_final() { early.outcome() } else { self.late(id).await.outcome() }
    }

    /// The next event of this name.
    pub(crate) async fn event(&mut self, method: &str) -> Value {
        self.event_frame(method).await.data().clone()
    }

    pub(crate) async fn event_frame(&mut self, method: &str) -> Frame {
        self.find(method, |frame| frame.kind == Kind::Event && frame.data()["method"] == method).await
    }

    /// The next event of this name of which `fits` is true; others of the name are dropped.
    pub(crate) async fn event_that(&mut self, method: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let data = self.event(method).await;
            if fits(&data) {
                return data;
            }
        }
    }

    /// The message with this text, as InvitationReceived, MessageReceived or MessageSent, whatever came before it.
    pub(crate) async fn message(&mut self, text: &str) -> Frame {
        self.find(text, |frame| frame.kind == Kind::Event && frame.data()["message"] == text).await
    }

    /// The events of these names that came so far and were not asked for.
    pub(crate) fn waiting(&self, methods: &[&str]) -> Vec<&Frame> {
        let named = |frame: &&Frame| {
            frame.kind == Kind::Event && methods.iter().any(|method| frame.data()["method"] == *method)
        };
        self.inbox.iter().filter(named).collect()
    }

    /// Everything that came so far and was not asked for, in its order.
    pub(crate) fn take_all(&mut self) -> Vec<Frame> {
        self.inbox.drain(..).collect()
    }

    /// Waits until all that the relay had queued for this socket before now has come, entries of the mailbox apart.
    pub(crate) async fn settle(&mut self) {
        self.well("Ping", json!({})).await;
    }

    /// Waits until every durable event up to now has come: somebody uninvolved writes, and what is before that in the
    /// mailbox comes before it.
    pub(crate) async fn told(&mut self, witness: &mut Device) {
        let text = format!("witness {}", witness.next_id());
        witness.say(&self.address.clone(), &text, &text).await;
        self.message(&text).await;
    }

    /// A message that is taken; gives what phase 2 tells.
    pub(crate) async fn say(&mut self, to: &str, id: &str, text: &str) -> Value {
        self.well("SendMessage", json!({"contactId": to, "messageId": id, "message": text})).await
    }

    /// Opens a conversation: this one says hello, the other accepts; both have seen everything of it.
    pub(crate) async fn talk_to(&mut self, other: &mut Device) {
        self.say(&other.address.clone(), &format!("hello-{}", other.address), "hello").await;
        let invitation = other.event("InvitationReceived").await;
        other.well("AcceptChat", json!({"requestId": invitation["requestId"]})).await;
        other.event("MessageReceived").await;
        self.event("InvitationUpdate").await;
    }

    pub(crate) async fn ack(&mut self, message_id: &str) {
        self.well("MessageAck", json!({"messageId": message_id, "status": "delivered"})).await;
    }

    /// Reads to the end of the connection; gives the close code, and keeps what came before it.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let deadline = Instant::now() + patience();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.socket.next(left).await {
                Some(Incoming::Text(text)) => self.take(text),
                Some(Incoming::Closed(code, _)) => return code,
                Some(Incoming::Gone) => return None,
                Some(_) => {}
                None => panic!("the relay does not close; came: {:#?}", self.inbox),
            }
        }
    }

    /// The first frame of which `fits` is true, of those that nobody asked for yet and those to come.
    pub(crate) async fn find(&mut self, what: &str, fits: impl Fn(&Frame) -> bool) -> Frame {
        if let Some(at) = self.inbox.iter().position(&fits)
            && let Some(frame) = self.inbox.remove(at)
        {
            return frame;
        }
        let deadline = Instant::now() + patience();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.socket.next_text(left.max(Duration::from_millis(1))).await {
                Ok(text) => self.take(text),
                Err(end) => {
                    panic!("{what}: did not come to {} ({end:?}); came: {:#?}", self.address, self.inbox)
                }
            }
            if self.inbox.back().is_some_and(&fits)
                && let Some(frame) = self.inbox.pop_back()
            {
                return frame;
            }
        }
    }

    /// Notes a frame; sequences and the numbers of events rise strictly on every socket, replays included.
    fn take(&mut self, text: String) {
        let frame = Frame::read(text);
        if frame.kind != Kind::Early {
            assert!(frame.sequence() > self.last, "after {}: {}", self.last, frame.text);
            self.last = frame.sequence();
        }
        if let (Kind::Event, Some(number)) = (frame.kind, frame.event_number()) {
            assert!(number > self.events, "after S{}: {}", self.events, frame.text);
            self.events = number;
        }
        self.inbox.push_back(frame);
    }
}

impl Pass {
    /// The vendor's eight headers, with this device's token.
    pub(crate) fn handshake(&self) -> Handshake {
        Handshake { auth_token: Some(self.token.clone().into()), ..Handshake::new(self.device_token.clone()) }
    }

    /// The eight headers of a phone that has no token at hand.
    pub(crate) fn bare_handshake(&self) -> Handshake {
        Handshake::new(self.device_token.clone())
    }

    pub(crate) fn begin_params(&self) -> Value {
        json!({"gdAuthToken": self.token, "deviceToken": self.device_token})
    }
}
