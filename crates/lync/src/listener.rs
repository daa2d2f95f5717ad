//! Where Front Ends connect to: the trusted application's port.

mod known;
mod place;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

pub use self::known::Known;
use self::place::{Place, Places};
use crate::{
    connection::Decoder,
    pool::{Pool, tend},
    quiet::Quiet,
    tls::{Refusal, trouble},
};

/// After a failed accept (no more file descriptors, say): long enough not to spin, short enough to heal soon.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How many may come, and how long they may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections, those that shake hands included.
    pub connections: usize,
    /// Handshakes at once.
    pub handshakes: usize,
    /// Handshakes that only servers may begin that are where the pool and its Front Ends are. As long as that is not
    /// known of any, everybody may.
    pub reserved_handshakes: usize,
    /// Connections from one IP address, or one /64 of IPv6.
    pub per_address: usize,
    /// Handshakes at once from there.
    pub handshakes_per_address: usize,
    /// A handshake's time.
    pub handshake: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            handshakes: 32,
            reserved_handshakes: 16,
            per_address: 16,
            handshakes_per_address: 4,
            handshake: Duration::from_secs(10),
        }
    }
}

/// Why nothing listens.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for Front Ends at {at}: {error}")]
pub struct ListenError {
    /// Where.
    pub at: SocketAddr,
    /// What the system said.
    pub error: io::Error,
}

/// How it has gone since the start.
#[derive(Debug, Default)]
struct Tally {
    admitted: AtomicU64,
    full: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
}

/// What became of those who connected, counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Let in.
    pub admitted: u64,
    /// Turned away, because too many were there.
    pub full: u64,
    /// Broke off or took too long while shaking hands, or are no TLS.
    pub failed: u64,
    /// Turned away for their certificates.
    pub refused: u64,
}

/// A bound port. There is none without authorities and allowed names, since [`crate::tls::Tls`] has them.
pub struct Listener<D: Decoder> {
    socket: TcpListener,
    door: Arc<Door<D>>,
}

struct Door<D: Decoder> {
    pool: Pool<D>,
    limits: Limits,
    places: Arc<Places>,
    known: Arc<Known>,
    tally: Tally,
    quiet: Quiet,
}

impl<D: Decoder> Listener<D> {
    /// Binds the port; nobody is let in before [`Listener::run`].
    pub async fn bind(at: SocketAddr, pool: Pool<D>, limits: Limits) -> Result<Self, ListenError> {
        let socket = TcpListener::bind(at).await.map_err(|error| ListenError { at, error })?;
        let places = Places::new(&limits);
        let (known, tally, quiet) = (Arc::default(), Tally::default(), Quiet::default());
        Ok(Self { socket, door: Arc::new(Door { pool, limits, places, known, tally, quiet }) })
    }

    /// Where the pool and its Front Ends are, which is for others to find out.
    pub fn known(&self) -> Arc<Known> {
        Arc::clone(&self.door.known)
    }

    /// Where it is bound: the port that Contact headers carry.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Reads what has become of those who connected, also while it runs.
    pub fn counter(&self) -> impl Fn() -> Counts + Send + Sync + 'static {
        let door = Arc::clone(&self.door);
        move || {
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let Tally { admitted, full, failed, refused } = &door.tally;
            Counts {
                admitted: read(admitted),
                full: read(full),
                failed: read(failed),
                refused: read(refused),
            }
        }
    }

    /// Lets Front Ends in until `stop`. What was let in lives on in the pool.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        stop.run_until_cancelled(self.accept_all(&tasks, &stop)).await;
        tasks.close();
        tasks.wait().await;
    }

    async fn accept_all(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        loop {
            let (tcp, address) = match self.socket.accept().await {
                Ok(accepted) => accepted,
                Err(error) if concerns_one_connection(&error) => continue,
                Err(error) => {
                    self.door.complain(|more| warn!(%error, more, "cannot accept Front Ends; trying again"));
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(place) = self.door.places.take(address.ip(), self.door.is_stranger(address.ip())) else {
                self.door.turn_away(address);
                continue;
            };
            let (door, stop) = (Arc::clone(&self.door), stop.clone());
            tasks.spawn(async move { stop.run_until_cancelled(door.admit(tcp, address, place)).await });
        }
    }
}

impl<D: Decoder> Door<D> {
    async fn admit(&self, tcp: TcpStream, address: SocketAddr, mut place: Place) {
        tend(&tcp);
        let tls = self.pool.tls().current();
        let shaking = tls.acceptor().accept(tcp);
        let shaken = timeout(self.limits.handshake, shaking).await;
        match shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => {
                self.tally.admitted.fetch_add(1, Ordering::Relaxed);
                place.shaken();
                self.pool.inbound(stream, address, place);
            }
            Err(error) => self.turn_down(&error, address),
        }
    }

    /// Where a connection is open already, somebody has shown a good certificate.
    fn is_stranger(&self, address: IpAddr) -> bool {
        self.known.is_home(address) == Some(false) && !self.pool.is_connected_to(address)
    }

    fn turn_away(&self, address: SocketAddr) {
        self.tally.full.fetch_add(1, Ordering::Relaxed);
        self.complain(|more| {
            warn!(%address, more, "a connection was turned away: too many are there, or come from one address");
        });
    }

    fn turn_down(&self, error: &io::Error, address: SocketAddr) {
        if let Some(refusal) = Refusal::of(error) {
            self.tally.refused.fetch_add(1, Ordering::Relaxed);
            let advice = refusal.reason.advice();
            self.complain(|more| warn!(%address, %refusal, advice, more, "a server was turned away"));
        } else {
            self.tally.failed.fetch_add(1, Ordering::Relaxed);
            let error = trouble(error);
            self.complain(|more| info!(%address, error, more, "TLS with who connected failed"));
        }
    }

    /// Logs, unless much was logged just now; `more` is how many lines were kept back before.
    fn complain(&self, line: impl FnOnce(u64)) {
        if let Some(more) = self.quiet.line(Instant::now()) {
            line(more);
        }
    }
}

/// Errors of accept(2) that tell of the connection which was about to come, not of the listener.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
