mod bind;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use trunkline_core::Relay;

pub use self::bind::BindError;
use crate::{listener::Listener, settings::HttpSettings, socket::Sockets};

/// Beyond the drain time, for the last good-byes.
const GRACE: Duration = Duration::from_secs(3);

/// All listeners, bound and not yet accepting.
pub struct Server {
    phones: Vec<Listener>,
    admin: Option<Listener>,
    addresses: Addresses,
    fingerprint: Option<String>,
    sockets: Arc<Sockets>,
    phone_tasks: TaskTracker,
    admin_tasks: TaskTracker,
    phone_stop: CancellationToken,
    admin_stop: CancellationToken,
}

/// Where the server listens, with the real ports where 0 was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Phones, TLS.
    pub https: Option<SocketAddr>,
    /// Phones, plain.
    pub http: Option<SocketAddr>,
    /// Health and metrics.
    pub admin: Option<SocketAddr>,
}

impl Server {
    /// Loads or makes the certificate and binds every address; nothing is accepted before [`Server::run`].
    pub async fn bind(settings: HttpSettings, relay: Relay, registry: Registry) -> Result<Self, BindError> {
        bind::bind(settings, relay, registry).await
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// SHA-256 of a self-made certificate in capitals and colons; `None` when the certificate was given, or no
    /// listener speaks TLS.
    pub fn fingerprint(&self) -> Option<String> {
        self.fingerprint.clone()
    }

    /// Serves until `shutdown`; then takes no more connections, closes the sockets with 1001 one after the other
    /// over the drain time, and returns when the last one is gone.
    pub async fn run(self, shutdown: CancellationToken) {
        let accepting = TaskTracker::new();
        for listener in self.phones {
            accepting.spawn(listener.run());
        }
        let admin = self.admin.map(|listener| tokio::spawn(listener.run()));
        shutdown.cancelled().await;

        self.phone_stop.cancel();
        accepting.close();
        accepting.wait().await;
        self.phone_tasks.close();
        let open = self.phone_tasks.len();
        if open > 0 {
            info!(open, "closing connections");
        }
        self.sockets.close_all();
        if timeout(self.sockets.drain() + GRACE, self.phone_tasks.wait()).await.is_err() {
            warn!(open = self.phone_tasks.len(), "connections were still open after the drain time");
        }

        self.admin_stop.cancel();
        self.admin_tasks.close();
        if let Some(admin) = admin {
            let _ = admin.await;
        }
        let _ = timeout(GRACE, self.admin_tasks.wait()).await;
    }
}
