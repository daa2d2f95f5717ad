//! The relay put together: store, backends, relay, listeners, admin socket; and taken apart in the right order.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use trunkline_config::{BackendConfig, Config, DirectoryConfig};
use trunkline_core::{
    CommitFeed, Parts, Relay,
    port::{Backend, Directory},
};
use trunkline_directory::{LdapDirectory, SetupError};
use trunkline_http::{BindError, HttpSettings, Server, Stop};
use trunkline_lync::{LyncBackend, LyncError};
use trunkline_store::Store;
use trunkline_xmpp::{XmppBackend, XmppError};

use crate::{
    admin::{AdminSocket, CertificateView, Executor, ListenersView, Running, server_answers},
    configuration,
    exit::Failure,
    place::{Opened, Place},
    reload::{Origin, Reloader},
    telemetry,
};

/// How long to wait for another command at work on the database.
const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// A relay with everything around it, listening.
pub(crate) struct Assembly {
    store: Store,
    relay: Relay,
    server: Server,
    socket: AdminSocket,
    executor: Executor,
    listeners: ListenersView,
    reloader: Reloader,
    pools: Vec<Arc<LyncBackend>>,
}

impl Assembly {
    /// Opens everything that the configuration names, in this order: backends and directories, lock and store, relay,
    /// listeners, admin socket. No configuration is taken over once `stop` begins the drain.
    pub(crate) async fn start(config: &Config, origin: Origin, stop: &Stop) -> Result<Self, Failure> {
        let place = configuration::place(config)?;
        if config.enable_persistent_chat {
            warn!(
                "ENABLE_PERSISTENT_CHAT is true, but this version has no rooms: phones are told persistentChat false"
            );
        }
        let built = config.backends.iter().map(build).collect::<Result<Vec<_>, _>>()?;
        let backends = built.iter().map(Built::backend).collect();
        let pools: Vec<_> = built.into_iter().filter_map(Built::pool).collect();
        let directories = config.directories.iter().map(directory).collect::<Result<Vec<_>, _>>()?;
        place.serve_as_its_owner()?;
        let feed = Arc::new(CommitFeed::default());
        let store = open_store(&place, &feed).await?;
        for pool in &pools {
            pool.start().await.map_err(|error| BackendError::lync(pool.domain_name(), error))?;
        }
        let mut registry = Registry::default();
        telemetry::register(&mut registry);
        telemetry::certificate::register(&mut registry, pools.clone());
        let settings = configuration::relay(config);
        let parts = Parts { store: store.clone(), feed, backends, directories, settings };
        let relay = Relay::start(parts, &mut registry)
            .await
            .map_err(|error| Failure::failed(format!("the relay cannot start: {error}")))?;
        let server = bind(configuration::http(config), relay.clone(), registry).await?;
        let listeners = listeners(&server);
        let socket = AdminSocket::bind(&place.data_dir).map_err(|error| {
            Failure::failed(format!(
                "the admin socket in {} cannot be made: {error}",
                place.data_dir.display()
            ))
            .advise("set DATA_DIR to a folder on a local file system that this user may write to")
        })?;
        let reloader = Reloader::new(origin, config, relay.clone(), server.control(), stop.drain.clone())
            .with_pools(pools.clone());
        let running = Running {
            relay: relay.clone(),
            listeners: listeners.clone(),
            reloader: reloader.clone(),
            since: Instant::now(),
        };
        let executor = Executor::new(store.clone(), Some(running), place);
        Ok(Self { store, relay, server, socket, executor, listeners, reloader, pools })
    }

    /// Where it listens.
    pub(crate) fn listeners(&self) -> &ListenersView {
        &self.listeners
    }

    /// Carries out commands, as the admin socket does.
    pub(crate) fn executor(&self) -> Executor {
        self.executor.clone()
    }

    /// Takes a changed configuration over.
    pub(crate) fn reloader(&self) -> &Reloader {
        &self.reloader
    }

    /// Serves until it is told to stop, then drains, signs lines out and closes the store. Commands are taken until the drain is
    /// over. An error when it ended by itself.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), Failure> {
        tokio::spawn(end_with_the_store(self.store.clone(), stop.clone()));
        let drained = CancellationToken::new();
        let commands = tokio::spawn(self.socket.serve(self.executor, drained.clone()));
        self.server.run(stop).await;
        info!("closing lines and database");
        drained.cancel();
        if let Err(error) = commands.await {
            error!(%error, "the admin socket broke");
        }
        self.relay.stop().await;
        for pool in &self.pools {
            pool.stop().await;
        }
        self.store.close().await;
        match self.store.ended().await {
            Some(error) => {
                Err(Failure::failed(format!("ended, because nothing can be stored any more: {error}"))
                    .advise("see that only one server uses the database, and start again"))
            }
            None => Ok(()),
        }
    }
}

/// A relay that cannot store anything any more must not look as if it could.
async fn end_with_the_store(store: Store, stop: Stop) {
    if let Some(error) = store.ended().await {
        error!(%error, "the database is another's; ending");
        stop.drain.cancel();
        stop.hurry.cancel();
    }
}

/// Opens the store; a command that is at work on it gets a while to end.
async fn open_store(place: &Place, feed: &Arc<CommitFeed>) -> Result<Store, Failure> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let who = match place.open_store(feed.clone()).await? {
            Opened::Here(store) => return Ok(store),
            Opened::Elsewhere(who) => who,
        };
        if Instant::now() >= deadline || server_answers(place).await.unwrap_or(false) {
            return Err(occupied(place, &who).await);
        }
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}

async fn bind(settings: HttpSettings, relay: Relay, registry: Registry) -> Result<Server, Failure> {
    Server::bind(settings, relay, registry).await.map_err(|error| {
        let failure = Failure::failed(format!("the server cannot listen: {error}"));
        match error {
            BindError::InUse { .. } => failure.advise("`ss -ltnp` shows who has the port"),
            BindError::Refused { .. } => failure.advise("`ip address` shows the addresses of this computer"),
            BindError::AdminExposed(_) | BindError::PlainExposed(_) | BindError::Tls(_) => failure,
        }
    })
}

fn listeners(server: &Server) -> ListenersView {
    let addresses = server.addresses();
    ListenersView {
        https: addresses.https.map(|at| at.to_string()),
        http: addresses.http.map(|at| at.to_string()),
        admin: addresses.admin.map(|at| at.to_string()),
        ..ListenersView::default()
    }
    .with(server.control().certificate().as_ref().map(CertificateView::of))
}

/// Why the backend that a configuration declares cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    /// Its files or names do not serve.
    #[error("the XMPP backend of {domain}: {error}")]
    Xmpp { domain: String, error: XmppError },
    /// Its certificates or names do not serve, or nothing can listen.
    #[error("the Lync backend of {domain}: {error}")]
    Lync { domain: String, error: LyncError },
}

impl BackendError {
    /// Of the Lync backend of a domain.
    pub(crate) fn lync(domain: &str, error: LyncError) -> Self {
        Self::Lync { domain: domain.to_owned(), error }
    }
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        let failure = Self::failed(error.to_string());
        match error {
            BackendError::Lync { error: LyncError::Name { .. }, .. } => {
                failure.advise("have the authority put that name into the certificate (subjectAltName)")
            }
            BackendError::Lync { error: LyncError::Listen(_), .. } => failure
                .advise("`ss -ltnp` shows who has the port, `ip address` the addresses of this computer"),
            BackendError::Xmpp { .. } | BackendError::Lync { .. } => failure,
        }
    }
}

/// A backend that a configuration declares.
enum Built {
    Xmpp(Arc<XmppBackend>),
    Lync(Arc<LyncBackend>),
}

impl Built {
    fn backend(&self) -> Arc<dyn Backend> {
        match self {
            Self::Xmpp(backend) => backend.clone(),
            Self::Lync(backend) => backend.clone(),
        }
    }

    /// What has to be started, stopped and reloaded besides.
    fn pool(self) -> Option<Arc<LyncBackend>> {
        if let Self::Lync(backend) = self { Some(backend) } else { None }
    }
}

fn build(config: &BackendConfig) -> Result<Built, BackendError> {
    match config {
        BackendConfig::Xmpp(xmpp) => match XmppBackend::new(configuration::xmpp(xmpp)) {
            Ok(backend) => Ok(Built::Xmpp(Arc::new(backend))),
            Err(error) => Err(BackendError::Xmpp { domain: xmpp.domain.clone(), error }),
        },
        BackendConfig::Lync(lync) => match LyncBackend::new(configuration::lync(lync)) {
            Ok(backend) => Ok(Built::Lync(Arc::new(backend))),
            Err(error) => Err(BackendError::lync(&lync.domain, error)),
        },
    }
}

/// The backend that a configuration declares; it connects to nobody yet, and listens for nobody.
pub(crate) fn backend(config: &BackendConfig) -> Result<Arc<dyn Backend>, BackendError> {
    build(config).map(|built| built.backend())
}

/// Why the directory that a configuration declares cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the directory of {domain}: {error}")]
pub(crate) struct DirectoryFault {
    domain: String,
    error: SetupError,
}

impl From<DirectoryFault> for Failure {
    fn from(fault: DirectoryFault) -> Self {
        Self::failed(fault.to_string())
    }
}

/// The directory that a configuration declares; it connects to nobody yet.
pub(crate) fn directory(declared: &DirectoryConfig) -> Result<Arc<dyn Directory>, DirectoryFault> {
    match LdapDirectory::new(configuration::directory(declared)) {
        Ok(directory) => Ok(Arc::new(directory)),
        Err(error) => Err(DirectoryFault { domain: declared.domain.clone(), error }),
    }
}

/// Says who holds the data folder.
async fn occupied(place: &Place, who: &str) -> Failure {
    let folder = place.data_dir.display();
    if server_answers(place).await.unwrap_or(false) {
        return Failure::failed(format!("a server already runs on {folder}"))
            .advise("look at it with `trunkline status`, or give this one another DATA_DIR");
    }
    Failure::failed(format!("{}: {who}", place.held())).advise(
        "wait for the command that is at work there to end, or stop the other server, and start again",
    )
}
