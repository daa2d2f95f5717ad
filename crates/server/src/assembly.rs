//! The relay put together: store, backends, relay, listeners, admin socket; and taken apart in the right order.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use trunkline_config::{BackendConfig, Config, LyncBackend};
use trunkline_core::{CommitFeed, Parts, Relay, port::Backend};
use trunkline_http::{BindError, HttpSettings, Server, Stop};
use trunkline_lync::tls::{Names, Tls, TlsError};
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
}

impl Assembly {
    /// Opens everything that the configuration names, in this order: backends, lock and store, relay, listeners, admin
    /// socket. No configuration is taken over once `stop` begins the drain.
    pub(crate) async fn start(config: &Config, origin: Origin, stop: &Stop) -> Result<Self, Failure> {
        let place = configuration::place(config)?;
        if config.enable_persistent_chat {
            warn!(
                "ENABLE_PERSISTENT_CHAT is true, but this version has no rooms: phones are told persistentChat false"
            );
        }
        let backends = config.backends.iter().map(backend).collect::<Result<Vec<_>, _>>()?;
        place.serve_as_its_owner()?;
        let feed = Arc::new(CommitFeed::default());
        let store = open_store(&place, &feed).await?;
        let mut registry = Registry::default();
        telemetry::register(&mut registry);
        let parts = Parts { store: store.clone(), feed, backends, settings: configuration::relay(config) };
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
        let reloader = Reloader::new(origin, config, relay.clone(), server.control(), stop.drain.clone());
        let running = Running {
            relay: relay.clone(),
            listeners: listeners.clone(),
            reloader: reloader.clone(),
            since: Instant::now(),
        };
        let executor = Executor::new(store.clone(), Some(running), place);
        Ok(Self { store, relay, server, socket, executor, listeners, reloader })
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
    /// Its certificates do not serve.
    #[error("the Lync backend of {domain}: {error}")]
    Lync { domain: String, error: TlsError },
    /// The servers would find another name than the one that they connect to.
    #[error(
        "the Lync backend of {domain}: the certificate is that of {names}, and localFqdn is {local_fqdn}"
    )]
    LyncName { domain: String, names: Names, local_fqdn: String },
    /// It is known to the configuration, and that is all.
    #[error(
        "the backend of {domain}: kind=\"lync\" is not built into this version yet, so the server cannot start with it"
    )]
    NotBuilt { domain: String },
}

impl From<BackendError> for Failure {
    fn from(error: BackendError) -> Self {
        let failure = Self::failed(error.to_string());
        match error {
            BackendError::Xmpp { .. } | BackendError::Lync { .. } => failure,
            BackendError::LyncName { .. } => {
                failure.advise("have the authority put that name into the certificate (subjectAltName)")
            }
            BackendError::NotBuilt { .. } => {
                failure.advise("take this <backend> out of <backends> until a version has it")
            }
        }
    }
}

/// The backend that a configuration declares; it connects to nobody yet.
pub(crate) fn backend(config: &BackendConfig) -> Result<Arc<dyn Backend>, BackendError> {
    let domain = config.domain().to_owned();
    match config {
        BackendConfig::Xmpp(xmpp) => match XmppBackend::new(configuration::xmpp(xmpp)) {
            Ok(backend) => Ok(Arc::new(backend)),
            Err(error) => Err(BackendError::Xmpp { domain, error }),
        },
        BackendConfig::Lync(lync) => Err(lync_fault(lync).unwrap_or(BackendError::NotBuilt { domain })),
    }
}

/// What is wrong with the files of a Lync backend.
fn lync_fault(lync: &LyncBackend) -> Option<BackendError> {
    let domain = lync.domain.clone();
    let tls = match Tls::load(&configuration::lync_tls(lync)) {
        Ok(tls) => tls,
        Err(error) => return Some(BackendError::Lync { domain, error }),
    };
    let (names, local_fqdn) = (tls.own_names(), &lync.local_fqdn);
    (!names.has(local_fqdn)).then(|| BackendError::LyncName {
        domain,
        names: names.clone(),
        local_fqdn: local_fqdn.clone(),
    })
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
