//! One connection to a Front End or from one: a task that reads and writes, and a handle that all accounts share.

mod schedule;
mod task;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use trunkline_sip::{Frame, Framer};

pub use self::schedule::{Schedule, Verdict};
pub(crate) use self::task::Task;
use crate::tls::{Names, Refusal};

/// Cuts a connection's bytes into what its peer says. Each connection has its own, which bounds what it holds.
pub trait Decoder: Default + Send + 'static {
    /// What the peer says: a SIP message, say.
    type Item: Send + 'static;

    /// Takes bytes as they came.
    fn push(&mut self, bytes: &[u8]);

    /// The next item, or None until more is pushed.
    fn pull(&mut self) -> Option<Self::Item>;

    /// Whether an item shows that the peer speaks the protocol; one that has just connected must come to that.
    fn is_sense(item: &Self::Item) -> bool;
}

/// SIP, within the framer's usual limits. Who takes a [`Frame::Refused`] that says `close` closes the connection.
impl Decoder for Framer {
    type Item = Frame;

    fn push(&mut self, bytes: &[u8]) {
        Self::push(self, bytes);
    }

    fn pull(&mut self) -> Option<Frame> {
        Self::pull(self)
    }

    fn is_sense(frame: &Frame) -> bool {
        matches!(frame, Frame::Message(_))
    }
}

/// What happens on connections. Those of one connection come in their order: opened, received, closed.
#[derive(Debug)]
pub enum Event<Item> {
    /// It can be used.
    Opened(Connection),
    /// Its peer said something.
    Received(Connection, Item),
    /// It cannot be used any more; what was queued and not written is lost.
    Closed(Connection, CloseReason),
}

/// Who began a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The relay.
    Outbound,
    /// A Front End.
    Inbound,
}

/// Who is at the other end, as its certificate proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The name for which it was trusted: the one that was dialled, else one that is allowed.
    pub name: String,
    /// All names of its certificate: a Front End's own is among them.
    pub names: Names,
    /// Where it is.
    pub address: SocketAddr,
    /// When its certificate does not hold any more: the connection ends then.
    pub until: Option<SystemTime>,
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// [`Connection::close`] was called, or everything stops.
    #[error("it was closed here")]
    Here,
    /// The peer closed it.
    #[error("the peer closed it")]
    There,
    /// It broke.
    #[error("it broke: {0}")]
    Broken(String),
    /// The peer connected and said nothing that could be understood.
    #[error("the peer connected and said nothing")]
    Silent,
    /// Nothing went over it for long, and the peer can open another.
    #[error("nothing went over it for long")]
    Idle,
    /// The peer's certificate has come to its end.
    #[error("the peer's certificate has expired")]
    Expired,
    /// The peer was trusted, and is not any more.
    #[error("the peer is trusted no more: {0}")]
    Distrusted(Refusal),
    /// The peer takes nobody in, and there is another that may.
    #[error("the peer signs nobody in now, and another server may")]
    Left,
    /// The peer answers nothing.
    #[error("the peer says nothing, though it is asked")]
    Mute,
    /// The peer does not read.
    #[error("the peer does not read what is written")]
    Stalled,
}

/// How long a connection waits, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// A Front End that has connected says something by then.
    pub fresh: Duration,
    /// A connection that a Front End opened is closed after so long without a byte either way.
    pub idle: Duration,
    /// An outbound connection says CRLF CRLF after so long without a byte from here: a random time between the two.
    pub keep_alive: (Duration, Duration),
    /// A peer that takes nothing of what is written for so long is given up.
    pub stall: Duration,
    /// Messages that wait to be written.
    pub queued: usize,
    /// Their bytes.
    pub queued_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(60),
            idle: Duration::from_secs(15 * 60),
            keep_alive: (Duration::from_secs(60), Duration::from_secs(120)),
            stall: Duration::from_secs(30),
            queued: 1024,
            queued_bytes: 4 * 1024 * 1024,
        }
    }
}

/// Why something was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The queue has no room now.
    #[error("too much waits to be written on this connection")]
    Full,
    /// It would never fit into the queue.
    #[error("it is larger than everything that may wait on a connection")]
    TooLarge,
    /// The connection ended or is ending.
    #[error("the connection is closed")]
    Closed,
}

/// A connection's handle. All clones are the same connection, and it outlives them.
#[derive(Clone)]
pub struct Connection(Arc<Shared>);

struct Shared {
    id: u64,
    peer: Peer,
    direction: Direction,
    outgoing: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    room_bytes: u32,
    closing: CancellationToken,
    /// Why it is closed here.
    why: OnceLock<CloseReason>,
    /// Ends it at once, for that reason.
    cut: watch::Sender<Option<CloseReason>>,
    closed: watch::Sender<Option<CloseReason>>,
}

/// A message that waits to be written, with its share of the queue's bytes.
struct Queued {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Connection {
    /// Its number; never another's in this process.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.0.peer
    }

    /// Who began it.
    pub fn direction(&self) -> Direction {
        self.0.direction
    }

    /// Queues a whole message and waits for room; it is written later, or never when the connection ends first.
    pub async fn send(&self, bytes: Bytes) -> Result<(), SendError> {
        let room = Arc::clone(&self.0.room).acquire_many_owned(self.size(&bytes)?);
        let waited = self.0.closing.run_until_cancelled(room).await;
        let room = waited.and_then(Result::ok).ok_or(SendError::Closed)?;
        let queued = self.0.outgoing.send(Queued { bytes, _room: room });
        let waited = self.0.closing.run_until_cancelled(queued).await;
        waited.and_then(Result::ok).ok_or(SendError::Closed)
    }

    /// Queues a whole message if there is room.
    pub fn try_send(&self, bytes: Bytes) -> Result<(), SendError> {
        if !self.is_open() {
            return Err(SendError::Closed);
        }
        let room = Arc::clone(&self.0.room).try_acquire_many_owned(self.size(&bytes)?);
        let room = room.map_err(|_| SendError::Full)?;
        self.0.outgoing.try_send(Queued { bytes, _room: room }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }

    /// Queues a whole message if there is room enough that a quarter is left for what cannot wait.
    pub(crate) fn try_ask(&self, bytes: Bytes) -> Result<(), SendError> {
        let (spare, spare_bytes) = (self.0.outgoing.max_capacity() / 4, self.0.room_bytes as usize / 4);
        let has_room = self.0.outgoing.capacity() > spare
            && self.0.room.available_permits() >= spare_bytes.saturating_add(bytes.len());
        if has_room || !self.is_open() { self.try_send(bytes) } else { Err(SendError::Full) }
    }

    /// Queues a whole message that is not said again by itself, as an answer is. Without room for it the connection
    /// closes: then the peer knows that it may have missed something.
    pub(crate) fn say(&self, bytes: Bytes) {
        match self.try_send(bytes) {
            Ok(()) => {}
            Err(SendError::Closed) => debug!(connection = self.id(), "not written: the connection is closed"),
            Err(error) => {
                warn!(connection = self.id(), peer = self.0.peer.name, %error, "closed, because an answer found no room");
                self.close();
            }
        }
    }

    /// Writes what is queued, then closes; takes nothing more.
    pub fn close(&self) {
        self.0.closing.cancel();
    }

    /// Closes as [`Connection::close`] does, for a reason, unless it ends for another one first.
    pub(crate) fn close_for(&self, reason: CloseReason) {
        // The first reason counts.
        let _ = self.0.why.set(reason);
        self.close();
    }

    /// Closes at once: nothing more is written or taken over.
    pub(crate) fn cut(&self, reason: CloseReason) {
        self.0.cut.send_replace(Some(reason));
    }

    /// Whether it takes messages.
    pub fn is_open(&self) -> bool {
        !self.0.closing.is_cancelled()
    }

    /// Waits until it has ended, and says why.
    pub async fn closed(&self) -> CloseReason {
        let mut closed = self.0.closed.subscribe();
        let reason = closed.wait_for(Option::is_some).await;
        reason.ok().and_then(|reason| reason.clone()).unwrap_or(CloseReason::Here)
    }

    /// Why it has ended; None while it has not.
    pub(crate) fn end(&self) -> Option<CloseReason> {
        self.0.closed.borrow().clone()
    }

    fn size(&self, bytes: &Bytes) -> Result<u32, SendError> {
        let size = u32::try_from(bytes.len()).map_err(|_| SendError::TooLarge)?;
        if size > self.0.room_bytes { Err(SendError::TooLarge) } else { Ok(size) }
    }
}

impl PartialEq for Connection {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Connection {}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({} {:?} {})", self.0.id, self.0.direction, self.0.peer.name)
    }
}
