mod connection;
mod progress;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

pub(crate) use self::progress::Progress;
use crate::{
    caller::{Peer, trusts},
    limit::AddressLimit,
    metric::Metrics,
    settings::Live,
    tls::LiveTls,
};

/// After a failed accept (no more file descriptors, say): long enough not to spin, short enough to heal soon.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// One bound address with everything that its connections share.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) door: Arc<Door>,
}

/// What a listener's connections share.
pub(crate) struct Door {
    /// The configuration key that bound it.
    pub(crate) name: &'static str,
    pub(crate) tls: Option<Arc<LiveTls>>,
    pub(crate) router: Router,
    /// Counts connections that are no socket yet.
    pub(crate) limit: Arc<AddressLimit>,
    pub(crate) settings: Arc<Live>,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: TaskTracker,
    /// Connections finish their request and end.
    pub(crate) stop: CancellationToken,
    /// The last accept's error, while it lasts.
    pub(crate) trouble: Arc<Trouble>,
}

/// What keeps a listener from accepting, in plain words; gone by itself when accepting has not failed for a second.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Mutex<Option<(Instant, String)>>);

impl Trouble {
    const LASTS: Duration = Duration::from_secs(1);

    pub(crate) fn get(&self) -> Option<String> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(at, _)| at.elapsed() < Self::LASTS).map(|(_, text)| text.clone())
    }

    /// True when there was none before, so that it is logged once.
    fn set(&self, text: String) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace((Instant::now(), text));
        before.is_none_or(|(at, _)| at.elapsed() >= Self::LASTS)
    }
}

impl Listener {
    /// Accepts until the door stops; every connection lives in a task of its own from its first byte on.
    pub(crate) async fn run(self) {
        let stop = self.door.stop.clone();
        stop.run_until_cancelled(self.accept_all()).await;
    }

    async fn accept_all(&self) {
        loop {
            match self.socket.accept().await {
                Ok((stream, address)) => self.admit(stream, address),
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    if self.door.trouble.set(format!("cannot accept: {error}")) {
                        warn!(listener = self.door.name, %error, "cannot accept connections; trying again");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, address: SocketAddr) {
        let door = &self.door;
        let peer = Peer::new(address, door.tls.is_some());
        let settings = door.settings.get();
        let place = if trusts(&settings.trusted_proxies, peer.address) {
            None
        } else if let Some(place) = door.limit.take(peer.address, settings.sockets_per_address) {
            Some(place)
        } else {
            debug!(source = %peer.address, "too many connections from one address");
            door.metrics.handshake_failed("too_many");
            return;
        };
        door.tasks.spawn(connection::serve(Arc::clone(door), stream, peer, place));
    }
}

/// Errors of accept(2) that tell of the connection which was about to come, not of the listener.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
