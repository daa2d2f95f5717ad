use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trunkline_core::Relay;

use super::{Addresses, Control, Server};
use crate::{
    admin::{self, Admin, DoorHealth, Vitals},
    limit::AddressLimit,
    listener::{Door, Listener, Trouble},
    metric::{Expiry, Metrics},
    phone::{self, Phone},
    settings::{HttpSettings, Live},
    socket::Sockets,
    tls::{self, LiveTls, TlsError},
};

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has the port.
    #[error("{key}: port {} is in use by another program (address {address}); stop it, or choose another port",
            address.port())]
    InUse {
        /// The configuration key.
        key: &'static str,
        /// What was to be bound.
        address: SocketAddr,
    },
    /// The system says no for another reason.
    #[error("{key}: cannot listen on {address}: {problem}")]
    Refused {
        /// The configuration key.
        key: &'static str,
        /// What was to be bound.
        address: SocketAddr,
        /// Plain words.
        problem: String,
    },
    /// The admin port would be open to the network without TLS files and a token.
    #[error(
        "ADMIN_BIND: {0} can be reached from the network; expected a loopback address, or TLS_CERTIFICATE_FILE, \
             TLS_PRIVATE_KEY_FILE and ADMIN_TOKEN to be set"
    )]
    AdminExposed(SocketAddr),
    /// The plain port would be open to the network with no proxy in front.
    #[error("HTTP_BIND: {0} can be reached from the network; expected TRUSTED_PROXIES to name a proxy")]
    PlainExposed(SocketAddr),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

pub(super) async fn bind(
    settings: HttpSettings,
    relay: Relay,
    mut registry: Registry,
) -> Result<Server, BindError> {
    let admin_tls = admin_speaks_tls(&settings)?;
    let tls = match settings.https_bind.is_some() || admin_tls {
        true => Some(LiveTls::new(tls::load(settings.tls_files.as_ref(), &settings.data_dir)?)),
        false => None,
    };
    let https = Bound::listen("HTTPS_BIND", settings.https_bind, tls.as_ref()).await?;
    let http = Bound::listen("HTTP_BIND", settings.http_bind, None).await?;
    let admin = Bound::listen("ADMIN_BIND", settings.admin_bind, tls.as_ref().filter(|_| admin_tls)).await?;
    let addresses = Addresses { https: address(&https), http: address(&http), admin: address(&admin) };

    let doors = [&https, &http, &admin].into_iter().flatten().map(Bound::health).collect();
    let settings = Live::new(settings);
    let metrics = Metrics::register(&mut registry);
    if let Some(tls) = &tls {
        registry.register_collector(Box::new(Expiry(Arc::clone(tls))));
    }
    let (phone_group, admin_group) = (Group::new(&settings, &metrics), Group::new(&settings, &metrics));
    let sockets = Sockets::new(metrics.clone(), phone_group.tasks.clone(), Arc::clone(&settings));
    let (page_settings, stopping) = (Arc::clone(&settings), sockets.left());
    let vitals = Arc::new(Vitals { relay: relay.clone(), doors, stopping });
    let page =
        Admin { registry, metrics: metrics.clone(), settings: page_settings, vitals: Arc::clone(&vitals) };
    let admin_router = admin::router(Arc::new(page));
    let phone = Phone {
        relay,
        settings: Arc::clone(&settings),
        limit: Arc::default(),
        sockets: Arc::clone(&sockets),
        metrics,
    };
    let phone_router = phone::router(Arc::new(phone));
    let listeners = [https, http].into_iter().flatten().map(|bound| phone_group.open(bound, &phone_router));
    Ok(Server {
        phones: listeners.collect(),
        admin: admin.map(|bound| admin_group.open(bound, &admin_router)),
        addresses,
        control: Control { settings, certificate: tls, vitals },
        sockets,
        phone_tasks: phone_group.tasks,
        admin_tasks: admin_group.tasks,
        phone_stop: phone_group.stop,
        admin_stop: admin_group.stop,
    })
}

/// Beyond loopback the admin port speaks TLS and asks for its token.
pub(super) fn admin_speaks_tls(settings: &HttpSettings) -> Result<bool, BindError> {
    match settings.admin_bind {
        Some(address) if !address.ip().to_canonical().is_loopback() => {
            if settings.tls_files.is_none() || settings.admin_token.is_none() {
                return Err(BindError::AdminExposed(address));
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn address(bound: &Option<Bound>) -> Option<SocketAddr> {
    bound.as_ref().map(|bound| bound.address)
}

/// A bound address before it is known what it serves.
struct Bound {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<LiveTls>>,
    trouble: Arc<Trouble>,
}

impl Bound {
    async fn listen(
        key: &'static str,
        address: Option<SocketAddr>,
        tls: Option<&Arc<LiveTls>>,
    ) -> Result<Option<Self>, BindError> {
        let Some(address) = address else { return Ok(None) };
        let socket = TcpListener::bind(address).await.map_err(|error| refusal(key, address, &error))?;
        let address = socket.local_addr().map_err(|error| refusal(key, address, &error))?;
        let tls = tls.map(Arc::clone);
        Ok(Some(Self { name: key, socket, address, tls, trouble: Arc::default() }))
    }

    fn health(&self) -> DoorHealth {
        let (name, address, tls) = (self.name, self.address, self.tls.is_some());
        DoorHealth { name, address, tls, trouble: Arc::clone(&self.trouble) }
    }
}

fn refusal(key: &'static str, address: SocketAddr, error: &io::Error) -> BindError {
    let problem = match error.kind() {
        io::ErrorKind::AddrInUse => return BindError::InUse { key, address },
        io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need a privilege that this process has not ({error})")
        }
        io::ErrorKind::AddrNotAvailable => format!("this computer does not have that address ({error})"),
        _ => error.to_string(),
    };
    BindError::Refused { key, address, problem }
}

/// What the listeners of one kind share.
struct Group {
    tasks: TaskTracker,
    stop: CancellationToken,
    limit: Arc<AddressLimit>,
    settings: Arc<Live>,
    metrics: Metrics,
}

impl Group {
    fn new(settings: &Arc<Live>, metrics: &Metrics) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            limit: Arc::default(),
            settings: Arc::clone(settings),
            metrics: metrics.clone(),
        }
    }

    fn open(&self, bound: Bound, router: &Router) -> Listener {
        let Bound { name, socket, tls, trouble, .. } = bound;
        let door = Door {
            name,
            tls,
            router: router.clone(),
            limit: Arc::clone(&self.limit),
            settings: Arc::clone(&self.settings),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
            trouble,
        };
        Listener { socket, door: Arc::new(door) }
    }
}
