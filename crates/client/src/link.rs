mod form;
mod inbox;
mod polls;
mod pump;
mod requests;
mod way;

use std::{
    future::{Future, pending},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use trunkline_wire::{ApiError, ErrorCode};

use self::{
    form::{Form, Probe},
    inbox::Inbox,
    polls::Polls,
    pump::Wire,
    requests::Requests,
    way::Way,
};
use crate::{
    Backoff, Event, Handshake, Profile, Received, RequestError, Session, StopReason, handshake::open,
    http_form::HttpForm,
};

/// A connection that stood this long counts as good: the next attempt comes soon.
const STEADY: Duration = Duration::from_secs(5);

/// What is told after a cut that was asked for.
const CUT: &str = "the network was cut";

/// A request of a caller's.
pub(crate) struct Command {
    pub(crate) method: String,
    pub(crate) params: Value,
    /// Write it again after a drop, because the relay knows it by its `messageId`.
    pub(crate) resend: bool,
    pub(crate) reply: oneshot::Sender<Result<Value, RequestError>>,
}

/// What the handle tells its task besides requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Control {
    /// Rises with every cut of the network that is asked for.
    pub(crate) cuts: u64,
    pub(crate) offline: bool,
    pub(crate) closing: bool,
}

/// Where a phone stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Connecting,
    Connected(Session),
    Stopped(StopReason),
}

/// What the task tells its handles.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) last_sequence: AtomicI64,
    pub(crate) state: watch::Sender<State>,
}

/// The task behind a phone: one connection after the other.
pub(crate) struct Link {
    profile: Profile,
    commands: mpsc::Receiver<Command>,
    control: watch::Receiver<Control>,
    events: mpsc::Sender<Received>,
    shared: Arc<Shared>,
    requests: Requests,
    inbox: Inbox,
    form: Form,
    /// The form that was told last: true for a WebSocket.
    told_form: bool,
    attempt: u32,
    session: Option<String>,
    /// The last failure to connect that was told.
    told: Option<String>,
}

/// How one connection ended.
#[derive(Debug)]
enum End {
    /// To be opened again; how long the session stood, if it did.
    Lost {
        reason: String,
        stood: Option<Duration>,
    },
    /// The handle wants the network to fail.
    Cut,
    /// A WebSocket would work again.
    Switch,
    Stop(StopReason),
}

impl End {
    fn lost(reason: impl Into<String>) -> Self {
        Self::Lost { reason: reason.into(), stood: None }
    }
}

impl Link {
    pub(crate) fn new(
        profile: Profile,
        commands: mpsc::Receiver<Command>,
        control: watch::Receiver<Control>,
        events: mpsc::Sender<Received>,
        shared: Arc<Shared>,
    ) -> Self {
        let (inbox, form) = (Inbox::new(profile.auto_ack), Form::new(profile.web_sockets));
        Self {
            profile,
            commands,
            control,
            events,
            shared,
            requests: Requests::default(),
            inbox,
            form,
            told_form: true,
            attempt: 0,
            session: None,
            told: None,
        }
    }

    pub(crate) async fn run(mut self) {
        let reason = loop {
            let stop = match self.connection().await {
                End::Stop(reason) => Some(reason),
                End::Lost { reason, stood } => self.recover(reason, stood).await,
                End::Cut => self.recover(CUT.to_owned(), None).await,
                End::Switch => {
                    self.form.works();
                    self.requests.lost();
                    None
                }
            };
            if let Some(stop) = stop {
                break stop;
            }
        };
        self.finish(reason).await;
    }

    async fn connection(&mut self) -> End {
        let mut handshake = Handshake::new(self.profile.device_token.clone());
        handshake.auth_token = Some(self.profile.token.clone());
        handshake.sequence = self.shared.last_sequence.load(Ordering::Relaxed);
        handshake.platform.clone_from(&self.profile.platform);
        handshake.locale.clone_from(&self.profile.locale);
        if self.form.polls() {
            return self.by_polls(handshake).await;
        }
        let (server, opening) = (self.profile.server.clone(), handshake.clone());
        match self.meanwhile(async move { open(&server, &opening).await }).await {
            Some(Ok((socket, _))) => {
                self.requests.begin(self.begin_session());
                self.pump(Wire::new(Way::Socket(Box::new(socket)), Probe::none())).await
            }
            Some(Err(error)) if self.form.not_opened(&error) => self.by_polls(handshake).await,
            Some(Err(error)) => End::lost(error.to_string()),
            None => self.interrupted(),
        }
    }

    /// Goes by POST and poll, until a WebSocket works again.
    async fn by_polls(&mut self, handshake: Handshake) -> End {
        let profile = &self.profile;
        let probe = match profile.web_sockets {
            true => Probe::every(profile.web_socket_retry, profile.server.clone(), &handshake),
            false => Probe::none(),
        };
        let polls = Polls::new(&HttpForm::new(&profile.server, handshake.clone()), handshake.sequence);
        self.requests.begin(self.begin_session());
        self.pump(Wire::new(Way::Polls(polls), probe)).await
    }

    /// Tells when the phone goes another way than before.
    fn tell_form(&mut self) {
        let reason = self.form.reason().map(str::to_owned);
        if self.told_form != reason.is_none() {
            self.told_form = reason.is_none();
            self.inbox
                .push_own(Event::Form { web_socket: self.told_form, reason: reason.unwrap_or_default() });
        }
    }

    fn begin_session(&self) -> Value {
        use secrecy::ExposeSecret;
        let profile = &self.profile;
        let mut params = json!({
            "gdAuthToken": profile.token.expose_secret(),
            "deviceToken": profile.device_token,
            "platform": profile.platform,
            "appVersion": profile.app_version,
        });
        if let Some(password) = &profile.im_password {
            params["imPassword"] = password.expose_secret().into();
        }
        // Only once: after a drop it would undo what was chosen since.
        if self.session.is_none() {
            if let Some(presence) = profile.presence {
                params["presence"] = presence.name().into();
            }
            if let Some(note) = &profile.personal_message {
                params["personalMessage"] = note.as_str().into();
            }
        }
        params
    }

    /// Tells of the loss and waits until the next attempt is due.
    async fn recover(&mut self, reason: String, stood: Option<Duration>) -> Option<StopReason> {
        self.requests.lost();
        self.shared.state.send_replace(State::Connecting);
        if stood.is_some() || self.told.as_ref() != Some(&reason) {
            self.told = stood.is_none().then(|| reason.clone());
            self.inbox.push_own(Event::Disconnected { reason });
        }
        match stood {
            Some(stood) if stood >= STEADY => self.attempt = 1,
            // Never without a pause: when a relay dies, all of its phones are here in the same moment.
            _ => self.attempt = self.attempt.max(1),
        }
        let due = Instant::now() + pause(self.profile.backoff, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        loop {
            let offline = self.control.borrow().offline;
            let wait = async move { if offline { pending().await } else { sleep_until(due).await } };
            if self.meanwhile(wait).await.is_some() {
                return None;
            }
            if let End::Stop(stop) = self.interrupted() {
                return Some(stop);
            }
        }
    }

    /// Runs `work` and goes on handing over events; `None` when the handle wants something else.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                output = &mut work => return Some(output),
                _ = self.control.changed() => return None,
                () = room(&self.events), if self.inbox.waits() && self.requests.acks_have_room() => self.hand_over(),
            }
        }
    }

    /// Once the IM system has taken or refused the password, the phone forgets it: the relay keeps one that works, and
    /// one that does not must not be tried again with each new socket.
    fn line_changed(&mut self, state: &str) {
        if matches!(state, "connected" | "password-refused") {
            self.profile.im_password = None;
        }
    }

    fn hand_over(&mut self) {
        let handed = self.inbox.hand_over(&self.events);
        self.handed(handed);
    }

    fn handed(&mut self, handed: inbox::Handed) {
        if let Some(sequence) = handed.sequence {
            self.shared.last_sequence.store(sequence, Ordering::Relaxed);
        }
        if let Some(params) = handed.ack {
            self.requests.acknowledge(params);
        }
    }

    /// What a change of [`Control`] means for a connection, or for the wait for one.
    fn interrupted(&mut self) -> End {
        let gone = self.control.has_changed().is_err();
        if gone || self.control.borrow_and_update().closing {
            End::Stop(StopReason::Closed)
        } else {
            End::Cut
        }
    }

    async fn finish(mut self, reason: StopReason) {
        self.requests.fail_all(&reason);
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            // A caller that gave up is not there to be told.
            let _ = command.reply.send(Err(RequestError::Stopped(reason.clone())));
        }
        self.shared.state.send_replace(State::Stopped(reason.clone()));
        self.inbox.push_own(Event::Terminated { reason });
        while self.inbox.waits() && !self.events.is_closed() {
            room(&self.events).await;
            self.hand_over();
        }
    }
}

/// Waits until an event can be handed over, or nobody takes them any more; only this task sends.
async fn room(events: &mpsc::Sender<Received>) {
    let _ = events.reserve().await;
}

/// Whether a refused BeginSession is final.
fn refused(error: ApiError) -> End {
    use ErrorCode as Code;
    if ["im-password-refused", "im-password-needed"].iter().any(|word| error.inner.starts_with(word)) {
        return End::Stop(StopReason::PasswordRefused(error.inner));
    }
    match error.code {
        Code::TokenInvalid | Code::AuthTokenInvalid => End::Stop(StopReason::TokenRefused(error.inner)),
        Code::ParseError
        | Code::InvalidRequest
        | Code::MethodNotFound
        | Code::InvalidParams
        | Code::NullArgument
        | Code::InvalidArgument
        | Code::InvalidOperation
        | Code::NotSupported => End::Stop(StopReason::SessionRefused(error.to_string())),
        _ => End::lost(error.to_string()),
    }
}

/// Full jitter: at random from zero to the bound, which doubles from the first attempt (1) on.
fn pause(backoff: Backoff, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    let bound = backoff.first.saturating_mul(1_u32 << doublings).min(backoff.longest);
    let [a, b, c, d, ..] = *uuid::Uuid::new_v4().as_bytes();
    let random = u32::from_be_bytes([a, b, c, d]);
    bound.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Backoff, pause};

    /// A thousand phones whose server is gone for a while come back spread over the whole bound, not in waves.
    #[test]
    fn a_herd_after_a_restart_is_spread_over_the_whole_bound() {
        let backoff = Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(30) };
        for attempt in [1, 3, 9] {
            let bound = backoff.first.saturating_mul(1 << (attempt - 1)).min(backoff.longest);
            let mut tenths = [0; 10];
            for _ in 0..1_000 {
                let share = pause(backoff, attempt).as_secs_f64() / bound.as_secs_f64();
                tenths[((share * 10.0) as usize).min(9)] += 1;
            }
            assert!(tenths.iter().all(|phones| (50..200).contains(phones)), "{attempt}: {tenths:?}");
        }
    }

    #[test]
    fn pauses_are_jittered_and_bounded() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(2) };
        let longest = |attempt| (0..200).map(|_| pause(backoff, attempt)).max().unwrap();
        assert!(longest(1) <= Duration::from_millis(100));
        assert!(longest(3) > Duration::from_millis(100) && longest(3) <= Duration::from_millis(400));
        assert!(longest(u32::MAX) <= Duration::from_secs(2));
        assert!((0..200).any(|_| pause(backoff, 5) < Duration::from_millis(800)));
    }
}
