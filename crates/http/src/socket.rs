mod pace;
mod task;
mod transport;

use std::{
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use hyper::upgrade::OnUpgrade;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig, frame::coding::CloseCode},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tracing::debug;
use trunkline_core::Connection;
use uuid::Uuid;

pub(crate) use self::pace::PaceLimit;
use self::{
    task::{End, Socket},
    transport::Transport,
};
use crate::{
    limit::Place,
    metric::{Counted, Metrics},
    phone::LogId,
    settings::Live,
};

/// From the 101 answer until the connection is free for frames.
const UPGRADE_LIMIT: Duration = Duration::from_secs(10);
/// Phones that come during a drain are sent away until this long after it, and no less than this spread out.
const RETURN_FIRST: Duration = Duration::from_secs(2);
const RETURN_OVER: Duration = Duration::from_secs(10);
/// An idle socket keeps this much; larger frames are copied from the transport in pieces.
const READ_BUFFER: usize = 256;
/// For pongs and closes alone; frames with content are written past the library's buffer, which never shrinks.
const WRITE_BUFFER_MOST: usize = 16 * 1024;

/// All open sockets: counts them, and closes them when the server goes.
pub(crate) struct Sockets {
    metrics: Metrics,
    members: TaskTracker,
    /// Requests that outlive their socket.
    tasks: TaskTracker,
    leave: CancellationToken,
    leave_now: CancellationToken,
    settings: Arc<Live>,
    drain: OnceLock<Drain>,
    /// How many sockets have chosen their moment.
    next: AtomicU32,
}

/// A drain under way.
struct Drain {
    began: Instant,
    time: Duration,
    /// How many sockets were open when it began.
    sockets: u32,
}

/// What belongs to a socket besides its connection to the core.
pub(crate) struct Ticket {
    pub(crate) id: LogId,
    pub(crate) source: IpAddr,
    pub(crate) place: Option<Place>,
    pub(crate) frame_max_bytes: usize,
}

/// Held by a socket's task as long as it lives.
struct Membership {
    _task: TaskTrackerToken,
    _counted: Counted,
    _place: Option<Place>,
    sockets: Arc<Sockets>,
}

impl Sockets {
    pub(crate) fn new(metrics: Metrics, tasks: TaskTracker, settings: Arc<Live>) -> Arc<Self> {
        Arc::new(Self {
            metrics,
            members: TaskTracker::new(),
            tasks,
            leave: CancellationToken::new(),
            leave_now: CancellationToken::new(),
            settings,
            drain: OnceLock::new(),
            next: AtomicU32::new(0),
        })
    }

    /// Runs a socket once its connection is free of HTTP. If it never comes, the core's connection is dropped.
    pub(crate) fn begin(self: &Arc<Self>, upgrade: OnUpgrade, connection: Connection, ticket: Ticket) {
        let Ticket { id, source, place, frame_max_bytes } = ticket;
        let membership = Membership {
            _task: self.members.token(),
            _counted: Counted::new(&self.metrics.sockets),
            _place: place,
            sockets: Arc::clone(self),
        };
        // Two tasks, so that the one that lives long does not keep room for the short beginning.
        tokio::spawn(async move {
            let Some(stream) = open(upgrade, frame_max_bytes).await else {
                debug!(socket = %id, "the connection was lost before the upgrade");
                membership.sockets.metrics.handshake_failed("upgrade");
                return;
            };
            debug!(socket = %id, %source, "socket open");
            let mut socket = Socket::new(id, stream, connection, membership);
            tokio::spawn(async move {
                let end = AssertUnwindSafe(socket.converse()).catch_unwind().await;
                // The panic is told by the program's hook. What it broke goes with this socket, and with nothing else.
                let end = end.unwrap_or(End::Close(CloseCode::Error.into(), "internal error"));
                // In a box: this task should not be larger for what happens once.
                Box::pin(socket.part(end)).await;
            });
        });
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.members.len()
    }

    /// Tells every socket to close with 1001, each at its own moment within `time`, so that the phones do not come back
    /// all together.
    pub(crate) fn leave(&self, time: Duration) {
        let sockets = u32::try_from(self.open()).unwrap_or(u32::MAX).max(1);
        self.drain.get_or_init(|| Drain { began: Instant::now(), time, sockets });
        self.leave.cancel();
        self.members.close();
    }

    /// Tells every socket that has not closed yet to do it now.
    pub(crate) fn leave_now(&self) {
        self.leave_now.cancel();
    }

    /// Cancelled when the server begins to go: what waits for a phone's sake should answer.
    pub(crate) fn left(&self) -> CancellationToken {
        self.leave.clone()
    }

    /// Resolves when the server goes and no socket is open.
    pub(crate) async fn gone(&self) {
        self.members.wait().await;
    }

    /// When the server goes: how long a phone should stay away. Each is told its own time beyond the end of the drain.
    pub(crate) fn leaving(&self) -> Option<Duration> {
        let drain = self.drain.get()?;
        let rest = drain.time.saturating_sub(drain.began.elapsed());
        let chance = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
        Some(rest + RETURN_FIRST + drain.time.max(RETURN_OVER).mul_f64(chance))
    }

    /// The moment at which the next socket that asks is to close.
    fn moment(&self) -> Instant {
        let Some(drain) = self.drain.get() else { return Instant::now() };
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let share = f64::from(place.min(drain.sockets)) / f64::from(drain.sockets);
        drain.began + drain.time.mul_f64(share)
    }
}

async fn open(upgrade: OnUpgrade, frame_max_bytes: usize) -> Option<WebSocketStream<Transport>> {
    let upgraded = timeout(UPGRADE_LIMIT, upgrade).await.ok()?.ok()?;
    let (transport, early) = transport::from_upgraded(upgraded)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER_MOST)
        .max_message_size(Some(frame_max_bytes))
        .max_frame_size(Some(frame_max_bytes));
    Some(WebSocketStream::from_partially_read(transport, early, Role::Server, Some(config)).await)
}
