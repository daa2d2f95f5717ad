//! The connections that all accounts share, and how new ones are dialled.

mod dial;
mod error;
mod slot;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};
use trunkline_tls::Stream;

pub(crate) use self::dial::tend;
pub use self::error::{DialError, RoundError};
use self::{dial::Dialled, slot::Slots};
use crate::{
    address::{Route, Target},
    connection::{CloseReason, Connection, Decoder, Direction, Event, Limits, Peer, Task},
    fraction,
    tls::{Credentials, LiveTls},
};

/// How long dialling may take, step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialLimits {
    /// Asking DNS.
    pub resolve: Duration,
    /// Reaching one address.
    pub connect: Duration,
    /// Shaking hands with it.
    pub handshake: Duration,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            handshake: Duration::from_secs(10),
        }
    }
}

/// The connections of one backend, both those that the relay dials and those that Front Ends open. A clone is the same
/// pool.
pub struct Pool<D: Decoder>(Arc<Shared<D>>);

impl<D: Decoder> Clone for Pool<D> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<D: Decoder> {
    tls: Arc<LiveTls>,
    limits: Limits,
    dial_limits: DialLimits,
    events: mpsc::Sender<Event<D::Item>>,
    state: Mutex<State>,
    next_id: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    open: BTreeMap<u64, Open>,
    slots: Slots,
}

struct Open {
    connection: Connection,
    credentials: Credentials,
}

/// What everybody learns who waits for the same dial.
type Outcome = Option<Result<Connection, DialError>>;

impl<D: Decoder> Pool<D> {
    /// Without a connection yet. What happens on all of its connections goes into `events`; when that is full, nothing
    /// more is read.
    pub fn new(
        tls: Arc<LiveTls>,
        limits: Limits,
        dial_limits: DialLimits,
        events: mpsc::Sender<Event<D::Item>>,
    ) -> Self {
        Self(Arc::new(Shared {
            tls,
            limits,
            dial_limits,
            events,
            state: Mutex::default(),
            next_id: AtomicU64::new(1),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// The certificates that its handshakes use.
    pub fn tls(&self) -> &Arc<LiveTls> {
        &self.0.tls
    }

    /// The outbound connection to a target; dials when there is none, once however many ask, and goes on dialling when
    /// a caller gives up. After a round in vain it rests, and refuses at once with the moment when to ask again.
    pub async fn get(&self, target: &Target) -> Result<Connection, DialError> {
        let mut outcome = match self.look(target)? {
            Found::Open(connection) => return Ok(connection),
            Found::Dialling(outcome) => outcome,
        };
        match outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Err(DialError::Stopped)),
            Err(_) => Err(DialError::Stopped),
        }
    }

    /// An open connection to a server whose certificate bears this name, whoever began it; the relay's own first.
    pub fn find(&self, name: &str) -> Option<Connection> {
        let state = self.state();
        let open = state.open.values().map(|open| &open.connection).filter(|connection| connection.is_open());
        let mut bearing = open.filter(|connection| connection.peer().names.has(name));
        let outbound = |connection: &&Connection| connection.direction() == Direction::Outbound;
        bearing.clone().find(outbound).or_else(|| bearing.next()).cloned()
    }

    /// All open connections, the oldest first.
    pub fn connections(&self) -> Vec<Connection> {
        self.state().open.values().map(|open| open.connection.clone()).collect()
    }

    /// Leaves the server at the other end of an outbound connection, which takes nobody in, for another address of its
    /// target's; it is not gone back to for so long. False when there is no other address: then nothing changes.
    pub(crate) fn leave(&self, target: &Target, connection: &Connection, rest: Duration) -> bool {
        let (address, now) = (connection.peer().address, Instant::now());
        let is_left = match self.state().slots.find(target) {
            Some(slot) if slot.connection.as_ref() == Some(connection) => {
                slot.route.shun(address, now + rest, now)
            }
            _ => false,
        };
        if is_left {
            info!(connection = connection.id(), server = target.name, %address, rest = rest.as_secs(), "left for another server");
            connection.close_for(CloseReason::Left);
        }
        is_left
    }

    /// Whether there is an open connection with that address, whoever began it.
    pub(crate) fn is_connected_to(&self, address: IpAddr) -> bool {
        let is_there =
            |open: &Open| open.connection.peer().address.ip().to_canonical() == address.to_canonical();
        self.state().open.values().any(is_there)
    }

    /// Closes the connections to peers that would not be let pass now, after other names or authorities were taken over.
    pub fn recheck(&self) {
        let tls = self.0.tls.current();
        for Open { connection, credentials } in self.state().open.values() {
            if let Err(refusal) = tls.judge(credentials) {
                warn!(connection = connection.id(), %refusal, "a server that was let in is not allowed any more");
                connection.cut(CloseReason::Distrusted(refusal));
            }
        }
    }

    /// Closes everything, after what is queued was written, and dials no more. Waits at most so long.
    pub async fn stop(&self, patience: Duration) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.connections().iter().for_each(Connection::close);
        if timeout(patience, self.0.tasks.wait()).await.is_err() {
            debug!("connections to Front Ends did not end in time");
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is for a target; begins to dial when there is nothing.
    fn look(&self, target: &Target) -> Result<Found, DialError> {
        if self.0.stop.is_cancelled() {
            return Err(DialError::Stopped);
        }
        let now = Instant::now();
        let mut state = self.state();
        let slot = state.slots.get(target, now).ok_or(DialError::TooMany)?;
        if let Some(connection) = slot.connection.as_ref().filter(|connection| connection.is_open()) {
            return Ok(Found::Open(connection.clone()));
        }
        if let Some(outcome) = &slot.dialling {
            return Ok(Found::Dialling(outcome.clone()));
        }
        if let Some(until) = slot.route.resting(now) {
            return Err(DialError::Resting { until, last: slot.last.clone() });
        }
        let (sender, outcome) = watch::channel(None);
        slot.dialling = Some(outcome.clone());
        let route = std::mem::take(&mut slot.route);
        let (pool, target) = (self.clone(), target.clone());
        self.0.tasks.spawn(async move { pool.dial(target, route, sender).await });
        Ok(Found::Dialling(outcome))
    }

    async fn dial(self, target: Target, mut route: Route, outcome: watch::Sender<Outcome>) {
        let tls = self.0.tls.current();
        let round = dial::round(&target, &mut route, &tls, &self.0.dial_limits);
        let round = self.0.stop.run_until_cancelled(round).await;
        let result = match round {
            None => Err(DialError::Stopped),
            Some(Ok(dialled)) => Ok(self.outbound(&target, dialled)),
            Some(Err(last)) => {
                let until = route.give_up(Instant::now(), fraction());
                warn!(server = target.name, error = %last, advice = last.advice(), "no connection to the server");
                Err(DialError::Failed { until, last })
            }
        };
        let mut state = self.state();
        if let Some(slot) = state.slots.find(&target) {
            slot.dialled(route, &result);
        }
        drop(state);
        outcome.send_replace(Some(result));
    }

    fn outbound(&self, target: &Target, dialled: Dialled) -> Connection {
        let Dialled { stream, peer, credentials } = dialled;
        let opened = Instant::now();
        let (pool, target) = (self.clone(), target.clone());
        let forget = move |connection: &Connection, reason: &CloseReason| {
            if let Some(slot) = pool.state().slots.find(&target) {
                slot.ended(connection, reason.clone(), opened.elapsed());
            }
        };
        self.open(stream, peer, credentials, Direction::Outbound, forget)
    }

    /// Takes a Front End's connection in; `place` is kept until it ends.
    pub(crate) fn inbound<Io>(&self, stream: Stream<Io>, address: SocketAddr, place: impl Send + 'static)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (allowed, credentials) = (self.0.tls.current(), Credentials::of(&stream, None));
        let names = credentials.names();
        let name = allowed.peers().find(&names).unwrap_or_default().to_owned();
        let peer = Peer { name, names, address, until: credentials.end() };
        self.open(stream, peer, credentials, Direction::Inbound, move |_, _| drop(place));
    }

    fn open<Io>(
        &self,
        stream: Stream<Io>,
        peer: Peer,
        credentials: Credentials,
        direction: Direction,
        forget: impl FnOnce(&Connection, &CloseReason) + Send + 'static,
    ) -> Connection
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let id = self.0.next_id.fetch_add(1, Ordering::Relaxed);
        let Shared { limits, events, .. } = &*self.0;
        let task = Task::<D>::new(id, peer, direction, *limits, events.clone());
        let connection = task.connection().clone();
        let Peer { name, names, address, until: _ } = connection.peer();
        info!(connection = id, ?direction, server = name, %names, %address, "connected");
        self.admit(Open { connection: connection.clone(), credentials });
        if self.0.stop.is_cancelled() {
            connection.close();
        }
        let pool = self.clone();
        self.0.tasks.spawn(async move {
            let forget = |connection: &Connection, reason: &CloseReason| {
                info!(connection = connection.id(), server = connection.peer().name, %reason, "disconnected");
                pool.state().open.remove(&connection.id());
                forget(connection, reason);
            };
            task.run(stream, forget).await;
        });
        connection
    }

    /// Other names may have come to hold while hands were shaken.
    fn admit(&self, open: Open) {
        let mut state = self.state();
        if let Err(refusal) = self.0.tls.current().judge(&open.credentials) {
            open.connection.cut(CloseReason::Distrusted(refusal));
        }
        state.open.insert(open.connection.id(), open);
    }
}

enum Found {
    Open(Connection),
    Dialling(watch::Receiver<Outcome>),
}
