mod bind;
mod control;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use prometheus_client::registry::Registry;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};
use trunkline_core::Relay;

pub use self::{
    bind::BindError,
    control::{Change, Control},
};
use crate::{listener::Listener, settings::HttpSettings, socket::Sockets};

/// Beyond the drain time, for the last good-byes: a phone has 2 s to answer a close, and 2 s to take the end.
const GRACE: Duration = Duration::from_secs(5);

/// All listeners, bound and not yet accepting.
pub struct Server {
    phones: Vec<Listener>,
    admin: Option<Listener>,
    addresses: Addresses,
    control: Control,
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

/// How a server is told to go.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Begins the drain.
    pub drain: CancellationToken,
    /// Ends it: what is still open is closed at once.
    pub hurry: CancellationToken,
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

    /// What changes it while it runs.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Serves until it is told to go. Then it is not ready any more, answers every request of a phone with 503, and
    /// closes the sockets with 1001 one after the other over the drain time; it returns when the last one is gone.
    pub async fn run(self, stop: Stop) {
        let accepting = TaskTracker::new();
        for listener in self.phones {
            accepting.spawn(listener.run());
        }
        let admin = self.admin.map(|listener| tokio::spawn(listener.run()));
        stop.drain.cancelled().await;
        drain(&self.sockets, self.control.settings().drain, &stop.hurry).await;

        self.phone_stop.cancel();
        accepting.close();
        accepting.wait().await;
        self.phone_tasks.close();
        if timeout(GRACE, self.phone_tasks.wait()).await.is_err() {
            warn!(open = self.phone_tasks.len(), "requests were still under way after the drain");
        }

        self.admin_stop.cancel();
        self.admin_tasks.close();
        if let Some(admin) = admin {
            let _ = admin.await;
        }
        let _ = timeout(GRACE, self.admin_tasks.wait()).await;
    }
}

/// Returns when no socket is open, or when those that are have had their time.
async fn drain(sockets: &Sockets, time: Duration, hurry: &CancellationToken) {
    sockets.leave(time);
    info!(sockets = sockets.open(), over_secs = time.as_secs(), "closing sockets one after the other");
    let gone = tokio::select! {
        gone = timeout(time + GRACE, sockets.gone()) => gone,
        () = hurry.cancelled() => {
            sockets.leave_now();
            timeout(GRACE, sockets.gone()).await
        }
    };
    if gone.is_err() {
        warn!(sockets = sockets.open(), "sockets were still open after the drain time");
    }
}
