//! One phone's socket: what comes in, what goes out, and to which session it is bound.

mod writing;

use std::{
    collections::VecDeque,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use tokio::sync::Notify;
use trunkline_model::Seq;
use trunkline_store::StoreError;

use crate::{
    rate::{Pace, Rate},
    reader::Reader,
    relay::{Inner, short},
    request::{self, Ear, Entrance},
    session::{Form, Session},
};
use tokio::time::Instant;

/// What a phone tells as it opens a socket, or with a request over HTTP.
#[derive(Debug, Clone)]
pub struct Opening {
    /// The install's own id: header `X-GC-DeviceToken`, or the cookie of that name.
    pub device_token: Option<String>,
    /// Header `x-good-gd-authtoken`.
    pub auth_token: Option<SecretString>,
    /// Header `sequence`: the last one that the phone has; `None` when it has seen nothing.
    pub sequence: Option<i64>,
    /// Header `x-good-background`, when there.
    pub background: Option<bool>,
    /// Where the phone comes from, proxies looked through.
    pub source: IpAddr,
}

/// What to write to the socket next.
#[derive(Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame.
    Text(String),
    /// A Ping with this payload.
    Ping(Vec<u8>),
    /// Close with this code and reason, and write nothing after.
    Close(u16, &'static str),
}

impl fmt::Debug for Outgoing {
    /// Shows the size of a frame, never what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Ping(payload) => write!(f, "Ping({} bytes)", payload.len()),
            Self::Close(code, reason) => write!(f, "Close({code}, {reason})"),
        }
    }
}

/// One phone's socket; dropping it leaves the session alive without a socket.
pub struct Connection {
    reader: Reader,
    opening: Opening,
    state: Mutex<State>,
    /// A frame for a socket without a session, or a session for it.
    changed: Notify,
}

struct State {
    session: Option<Arc<Session>>,
    unbound: VecDeque<String>,
    /// Since when the socket has no session.
    unbound_since: Instant,
    rate: Rate,
    /// When anything last came from the phone, or the relay last asked for a sign of life.
    last_life: Instant,
    /// Durable entries were written since the last Ping.
    ping_owed: bool,
    /// When the entries that are being written were committed.
    writing: Vec<std::time::Instant>,
    /// The socket itself is closed.
    gone: bool,
}

impl Connection {
    /// Binds the socket at once when device, token and session are good.
    pub(crate) async fn open(relay: &Arc<Inner>, opening: Opening) -> Self {
        let now = Instant::now();
        relay.enter_socket();
        let connection = Self {
            reader: Reader::new(relay, Form::Socket),
            state: Mutex::new(State {
                session: None,
                unbound: VecDeque::new(),
                unbound_since: now,
                rate: Rate::new(now),
                last_life: now,
                ping_owed: false,
                writing: Vec::new(),
                gone: false,
            }),
            changed: Notify::new(),
            opening,
        };
        connection.bind().await;
        connection
    }

    /// The session's id, for the cookie in the upgrade's answer.
    pub fn session_id(&self) -> Option<String> {
        self.session().map(|session| session.id.clone())
    }

    /// A short name of the session for logs, when the socket is bound.
    pub fn session_name(&self) -> Option<String> {
        self.session().map(|session| short(&session.id).to_owned())
    }

    /// The socket is gone, though a frame that came over it may still be at work.
    pub fn gone(&self) {
        let session = {
            let mut state = self.state();
            state.gone = true;
            state.session.clone()
        };
        if let Some(session) = session {
            self.reader.leave(&session);
        }
    }

    /// Something came from the phone.
    pub fn heard(&self) {
        let mut state = self.state();
        state.last_life = Instant::now();
        if let Some(session) = &state.session {
            session.touch(trunkline_model::Timestamp::now());
        }
    }

    /// A frame came that asks for nothing, and costs its sender as much as a request.
    pub fn pass_over(&self) {
        self.state().rate.take(self.pace(), Instant::now());
        self.heard();
    }

    /// A Pong came; its payload, when it echoes one of ours, says that the phone's socket saw everything before it.
    pub fn pong(&self, payload: &[u8]) {
        self.heard();
        if let (Ok(seq), Some(session)) = (payload.try_into().map(i64::from_be_bytes), self.session()) {
            self.reader.saw(&session, Seq(seq));
        }
    }

    /// The phone takes too little of what waits for it, so that its socket is given up.
    pub fn lagging(&self) {
        self.relay().metrics.lagging.inc();
        match self.session() {
            Some(session) => {
                let behind = session.lags();
                tracing::info!(session = short(&session.id), account = %session.address(), behind, "a phone takes too little of what waits for it: its socket is closed, and it reads on when it comes back");
            }
            None => {
                tracing::info!(source = %self.opening.source, "a phone without a session takes too little of what waits for it")
            }
        }
    }

    /// Resolves when another frame may be read from the phone.
    pub async fn readable(&self) {
        loop {
            let wait = self.state().rate.wait(self.pace(), Instant::now());
            if let Some(wait) = wait {
                tokio::time::sleep(wait).await;
                continue;
            }
            match self.session() {
                Some(session) => return session.readable().await,
                None => return,
            }
        }
    }

    fn pace(&self) -> Pace {
        let settings = self.relay().settings();
        Pace::new(settings.request_rate, settings.request_burst)
    }

    /// Takes one text frame; returns when what it asks for has entered the writer in order.
    pub async fn receive(&self, text: &str) {
        self.heard();
        let frame = request::parse(self.relay(), text);
        for parsed in frame.requests {
            if let Some(session) = self.session() {
                session.has_room().await;
            }
            self.state().rate.take(self.pace(), Instant::now());
            request::take(self, parsed, &frame.plan).await;
        }
    }

    /// Makes `session` the one that is served; the one before, and what the opening acknowledges. `None` when the socket
    /// has no right to it: neither one that has been replaced nor one that is gone takes a session from its successor.
    fn seize(&self, session: &Arc<Session>) -> Option<(Option<Arc<Session>>, Option<Seq>)> {
        let mut state = self.state();
        let before = state.session.replace(Arc::clone(session));
        if state.gone || before.as_ref().is_some_and(|before| Arc::ptr_eq(before, session)) {
            return None;
        }
        Some((before, self.reader.seize(session, &self.opening)))
    }

    fn relay(&self) -> &Arc<Inner> {
        &self.reader.relay
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.state().session.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entrance for Connection {
    fn relay(&self) -> &Arc<Inner> {
        self.relay()
    }

    fn opening(&self) -> &Opening {
        &self.opening
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.session()
    }

    async fn bind(&self) {
        let Some(session) = request::proven_session(self.relay(), &self.opening).await else { return };
        match self.attach(&session).await {
            Ok(()) => _ = self.relay().metrics.resumes.inc(),
            Err(error) => {
                tracing::error!(%error, "a socket could not be bound; BeginSession tells the phone");
            }
        }
    }

    /// Makes `session` the one that this socket serves.
    async fn attach(&self, session: &Arc<Session>) -> Result<(), StoreError> {
        self.relay().reserve(session).await?;
        let Some((before, acknowledged)) = self.seize(session) else {
            return self.relay().catch_up(session).await;
        };
        if let Some(before) = before {
            self.reader.leave(&before);
        }
        self.changed.notify_one();
        self.reader.begin(session, acknowledged).await
    }

    fn answer(&self, frame: String) {
        match self.session().filter(|session| !session.is_over()) {
            Some(session) => session.push(frame),
            None => {
                self.state().unbound.push_back(frame);
                self.changed.notify_one();
            }
        }
    }

    fn ear(&self, session: &Arc<Session>) -> Ear {
        Ear::Session(Arc::clone(session))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.relay().leave_socket();
        self.gone();
    }
}
