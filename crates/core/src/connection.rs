//! One phone's socket: what comes in, what goes out, and to which session it is bound.

mod rate;
mod writing;

use std::{
    collections::VecDeque,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use secrecy::SecretString;
use tokio::sync::Notify;
use trunkline_model::Seq;
use trunkline_wire::{ApiError, BeginSession, Call, Early, Frame, Limits, Parsed, Request, RequestId};

use self::rate::{Pace, Rate};
use crate::{
    error,
    relay::{Inner, short},
    request::{self, Begun, Plan},
    router,
    session::{End, Session, Turn},
};
use tokio::time::Instant;

/// How long a session that is refused waits for what was asked of it meanwhile.
const REFUSED_WAIT: Duration = Duration::from_secs(5);

/// What a phone tells as it opens a socket.
#[derive(Debug)]
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
    relay: Arc<Inner>,
    socket: u64,
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
}

impl Connection {
    /// Binds the socket at once when device, token and session are good.
    pub(crate) async fn open(relay: &Arc<Inner>, opening: Opening) -> Self {
        let now = Instant::now();
        let connection = Self {
            socket: relay.enter_socket(),
            state: Mutex::new(State {
                session: None,
                unbound: VecDeque::new(),
                unbound_since: now,
                rate: Rate::new(now),
                last_life: now,
                ping_owed: false,
            }),
            changed: Notify::new(),
            relay: Arc::clone(relay),
            opening,
        };
        if connection.opening.device_token.is_some() && connection.opening.auth_token.is_some() {
            connection.bind().await;
        }
        connection
    }

    /// Takes the live session of the device that the headers prove, if there is one.
    async fn bind(&self) {
        let Ok(identity) = request::identify(&self.relay, &self.opening, None, None).await else { return };
        let session = self.relay.hub.session(identity.account, identity.device);
        if let Some(session) = session.filter(|session| !session.is_over())
            && let Err(error) = self.attach(&session).await
        {
            tracing::error!(%error, "a socket could not be bound; BeginSession tells the phone");
        }
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
        if let Some(session) = self.session() {
            session.detach(self.socket);
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

    /// A Pong came; its payload, when it echoes one of ours, says that the phone's socket saw everything before it.
    pub fn pong(&self, payload: &[u8]) {
        self.heard();
        let (Ok(seq), Some(session)) = (payload.try_into().map(i64::from_be_bytes), self.session()) else {
            return;
        };
        let mut state = session.state();
        if state.socket == Some(self.socket) {
            state.outbound.saw(Seq(seq));
        }
    }

    /// The phone takes too little of what waits for it, so that its socket is given up.
    pub fn lagging(&self) {
        self.relay.metrics.lagging.inc();
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
        let settings = self.relay.settings();
        Pace::new(settings.request_rate, settings.request_burst)
    }

    /// Takes one text frame; returns when what it asks for has entered the writer in order.
    pub async fn receive(&self, text: &str) {
        self.heard();
        let limits = Limits { max_message_chars: self.relay.settings().max_message_chars };
        let frame = match trunkline_wire::parse(text, limits) {
            Frame::Single(one) => vec![one],
            Frame::Batch(all) => all,
        };
        let plan = Plan::new(&frame);
        for parsed in frame {
            if let Some(session) = self.session() {
                session.has_room().await;
            }
            self.state().rate.take(self.pace(), Instant::now());
            self.one(parsed, &plan).await;
        }
    }

    async fn one(&self, parsed: Parsed, plan: &Plan) {
        let mut request = match parsed {
            Ok(request) => request,
            Err(malformed) => {
                let (id, name) = (malformed.id.as_ref(), malformed.name.as_deref());
                return self.refuse(id, name, &malformed.error);
            }
        };
        let call = std::mem::replace(&mut request.call, Ok(Call::NotSupported));
        match call {
            Ok(Call::BeginSession(params)) => self.begin_session(request, *params).await,
            Ok(Call::GetAuthenticationInfo { token }) => {
                if !self.begins(&request) {
                    return self.refuse_request(&request, &request::pending());
                }
                let result = request::password_wanted(&self.relay, &self.opening, token).await;
                if let Some(session) = self.session() {
                    session.settle(&request.id, result.is_ok());
                }
                match result {
                    Ok(reply) => {
                        let (id, name) = (&request.id, &request.name);
                        self.push(trunkline_wire::answer(id, name, &reply, self.background()));
                    }
                    Err(error) => self.refuse_request(&request, &error),
                }
            }
            Err(error) if !request.method.needs_session() => self.refuse_request(&request, &error),
            call => {
                request.call = call;
                self.session_request(request, plan).await;
            }
        }
    }

    /// Notes with the session, if there is one, that a request begins; false when one with its id is under way.
    fn begins(&self, request: &Request) -> bool {
        self.session().is_none_or(|session| session.state().recent.begin(request.id.key()))
    }

    async fn session_request(&self, request: Request, plan: &Plan) {
        if request.reconnect.is_some() && self.session().is_none() {
            self.bind().await;
        }
        let Some(session) = self.session().filter(|session| !session.is_over()) else {
            return self.refuse_request(&request, &error::no_session());
        };
        if let Err(error) = self.relay.reserve(&session).await {
            return self.refuse_request(&request, &error::store(error));
        }
        request::run(&self.relay, &session, request, plan).await;
    }

    async fn begin_session(&self, request: Request, params: BeginSession) {
        let begun = match request::begin(&self.relay, &self.opening, &request, params).await {
            Ok(begun) => begun,
            Err(error) => return self.refuse_request(&request, &error),
        };
        if let Err(error) = self.attach(&begun.session).await {
            return self.refuse_request(&request, &error::store(error));
        }
        let session = Arc::clone(&begun.session);
        tracing::info!(session = short(&session.id), account = %session.address(), source = %self.opening.source, fresh = begun.fresh, "session begins");
        if !self.begins(&request) {
            return self.refuse_request(&request, &request::pending());
        }
        session.push(trunkline_wire::processing(
            &request.id,
            &request.name,
            Early::Nothing,
            self.background(),
        ));
        let mut turn = session.turns.take();
        let relay = Arc::clone(&self.relay);
        self.relay.tasks.spawn(async move {
            turn.wait().await;
            finish(&relay, request, begun, turn).await;
        });
    }

    /// Makes `session` the one that this socket serves.
    async fn attach(&self, session: &Arc<Session>) -> Result<(), trunkline_store::StoreError> {
        self.relay.reserve(session).await?;
        let before = self.state().session.replace(Arc::clone(session));
        match before {
            // A socket that has been replaced does not take the session back with what it asked before.
            Some(before) if Arc::ptr_eq(&before, session) => return self.relay.catch_up(session).await,
            Some(before) => drop(before.detach(self.socket)),
            None => {}
        }
        let acknowledged = session.attach(self.socket, self.opening.sequence, self.opening.background);
        session.touch(trunkline_model::Timestamp::now());
        self.changed.notify_one();
        if let Some(slot) = self.relay.lines.slot(session.account()) {
            session.tell_line_anew(&slot.state());
        }
        self.relay.catch_up(session).await?;
        if let Some(up_to) = acknowledged {
            let later = router::acknowledge_up_to(&self.relay, session, up_to).await;
            self.relay.tasks.spawn(async move {
                if let Ok(later) = later
                    && let Err(error) = later.await
                {
                    tracing::warn!(%error, "what a phone has could not be written down; it is told again");
                }
            });
        }
        Ok(())
    }

    fn refuse_request(&self, request: &Request, error: &ApiError) {
        self.refuse(Some(&request.id), Some(&request.name), error);
    }

    /// Answers with an error in phase 1, which is final: whoever depends on the request has failed as well.
    fn refuse(&self, id: Option<&RequestId>, name: Option<&str>, error: &ApiError) {
        self.relay.metrics.error(error.code);
        self.push(trunkline_wire::failure_now(id, name, error, self.background()));
        if let (Some(id), Some(session)) = (id, self.session()) {
            session.state().recent.refuse(id.key());
        }
    }

    fn background(&self) -> bool {
        self.session().map_or(self.opening.background == Some(true), |session| session.state().background)
    }

    fn push(&self, frame: String) {
        match self.session().filter(|session| !session.is_over()) {
            Some(session) => session.push(frame),
            None => {
                self.state().unbound.push_back(frame);
                self.changed.notify_one();
            }
        }
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.state().session.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Phase 2 of BeginSession.
async fn finish(relay: &Arc<Inner>, request: Request, begun: Begun, turn: Turn) {
    let session = Arc::clone(&begun.session);
    let fresh = begun.fresh;
    let result = request::settle(relay, begun).await;
    let Request { id, name, .. } = request;
    let (failed, succeeded) = (result.as_ref().err().map(|error| error.code), result.is_ok());
    session.complete(&id.clone(), succeeded, request::late(id, name, result));
    if let Some(code) = failed {
        relay.metrics.error(code);
        if fresh {
            // Who came behind this request is answered before the session is gone.
            session.state().recent.abandon();
            drop(turn);
            let _ = tokio::time::timeout(REFUSED_WAIT, session.idle()).await;
            relay.end_session(&session, End::Refused).await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.relay.leave_socket();
        self.gone();
    }
}
