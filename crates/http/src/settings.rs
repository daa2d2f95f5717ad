use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use ipnet::IpNet;
use secrecy::SecretString;

use crate::socket::PaceLimit;

/// What the doors need to know; the names are those of the configuration keys, in lower case.
#[derive(Clone)]
pub struct HttpSettings {
    /// The phones' TLS port; `None` is off.
    pub https_bind: Option<SocketAddr>,
    /// The phones' plain port, for a TLS proxy in front; `None` is off.
    pub http_bind: Option<SocketAddr>,
    /// Health and metrics: plain on loopback, else TLS, and then the token is required.
    pub admin_bind: Option<SocketAddr>,
    /// Certificate chain and private key, both PEM; `None` makes a self-signed pair in `data_dir` once.
    pub tls_files: Option<(PathBuf, PathBuf)>,
    /// Where a self-signed pair is kept, as `tls/cert.pem` and `tls/key.pem`.
    pub data_dir: PathBuf,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Values of `Origin` that may open sockets and activate, e.g. `https://chat.example.test`.
    pub allowed_origins: Vec<String>,
    /// False refuses every upgrade with 403.
    pub allow_websockets: bool,
    /// Most sockets of one source address; trusted proxies are exempt.
    pub sockets_per_address: usize,
    /// Largest message that a phone may send, in bytes; beyond it the socket closes with 1009.
    pub frame_max_bytes: usize,
    /// How long a poll is held for which there is nothing.
    pub poll_hold: Duration,
    /// Over how long the sockets are closed at shutdown.
    pub drain: Duration,
    /// How long a phone may take less than `lagging_bytes_per_sec` of what waits for it; beyond it the socket closes
    /// with 4010.
    pub lagging: Duration,
    /// Bytes a second that even a phone on a weak link takes.
    pub lagging_bytes_per_sec: u32,
    /// What `Authorization: Bearer` must carry on the admin port, for everything but `/health/live`.
    pub admin_token: Option<SecretString>,
}

impl HttpSettings {
    pub(crate) fn pace(&self) -> PaceLimit {
        PaceLimit { patience: self.lagging, rate: self.lagging_bytes_per_sec }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("https_bind", &self.https_bind)
            .field("http_bind", &self.http_bind)
            .field("admin_bind", &self.admin_bind)
            .finish_non_exhaustive()
    }
}

/// The settings in force, which a reload replaces; the addresses in them are those that are bound.
#[derive(Debug)]
pub(crate) struct Live(RwLock<Arc<HttpSettings>>);

impl Live {
    pub(crate) fn new(settings: HttpSettings) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(settings))))
    }

    pub(crate) fn get(&self) -> Arc<HttpSettings> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Addresses stay as they are: they are bound once.
    pub(crate) fn set(&self, settings: HttpSettings) {
        let mut live = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let (https_bind, http_bind, admin_bind) = (live.https_bind, live.http_bind, live.admin_bind);
        let data_dir = live.data_dir.clone();
        *live = Arc::new(HttpSettings { https_bind, http_bind, admin_bind, data_dir, ..settings });
    }
}
