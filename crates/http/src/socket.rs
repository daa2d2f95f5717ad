mod pace;
mod task;
mod transport;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use hyper::upgrade::OnUpgrade;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::protocol::{Role, WebSocketConfig},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};
use tracing::debug;
use trunkline_core::Connection;

pub(crate) use self::pace::PaceLimit;
use self::{task::Socket, transport::Transport};
use crate::{
    limit::Place,
    metric::{Counted, Metrics},
    phone::LogId,
};

/// From the 101 answer until the connection is free for frames.
const UPGRADE_LIMIT: Duration = Duration::from_secs(10);
/// An idle socket keeps this much; larger frames are copied from the transport in pieces.
const READ_BUFFER: usize = 256;
/// For pongs and closes alone; frames with content are written past the library's buffer, which never shrinks.
const WRITE_BUFFER_MOST: usize = 16 * 1024;

/// All open sockets: counts them, and closes them when the server goes.
pub(crate) struct Sockets {
    metrics: Metrics,
    tasks: TaskTracker,
    leave: CancellationToken,
    drain: Duration,
    pace: PaceLimit,
    /// How many were open when the drain began, and how many of them have chosen their moment.
    leaving: AtomicU32,
    next: AtomicU32,
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
    pub(crate) fn new(metrics: Metrics, tasks: TaskTracker, drain: Duration, pace: PaceLimit) -> Arc<Self> {
        let leave = CancellationToken::new();
        Arc::new(Self {
            metrics,
            tasks,
            leave,
            drain,
            pace,
            leaving: AtomicU32::new(1),
            next: AtomicU32::new(0),
        })
    }

    /// Runs a socket once its connection is free of HTTP. If it never comes, the core's connection is dropped.
    pub(crate) fn begin(self: &Arc<Self>, upgrade: OnUpgrade, connection: Connection, ticket: Ticket) {
        let Ticket { id, source, place, frame_max_bytes } = ticket;
        let membership = Membership {
            _task: self.tasks.token(),
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
                let end = socket.converse().await;
                // In a box: this task should not be larger for what happens once.
                Box::pin(socket.part(end)).await;
            });
        });
    }

    /// Over how long the sockets are closed.
    pub(crate) fn drain(&self) -> Duration {
        self.drain
    }

    /// Tells every socket to close with 1001, each at its own moment within the drain time.
    pub(crate) fn close_all(&self) {
        let open = u32::try_from(self.metrics.sockets.get()).unwrap_or(1).max(1);
        self.leaving.store(open, Ordering::Relaxed);
        self.leave.cancel();
    }

    /// The moment at which the next socket that asks is to close.
    fn moment(&self) -> Instant {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        let open = self.leaving.load(Ordering::Relaxed);
        let share = f64::from(place.min(open)) / f64::from(open);
        Instant::now() + self.drain.mul_f64(share)
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
