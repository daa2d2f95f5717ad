use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use ipnet::IpNet;
use prometheus_client::registry::Registry;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trunkline_core::Relay;

use super::{Addresses, Server};
use crate::{
    admin::{self, Admin, DoorHealth},
    limit::AddressLimit,
    listener::{Door, Listener, Trouble},
    metric::Metrics,
    phone::{self, Phone},
    settings::HttpSettings,
    socket::Sockets,
    tls::{self, Tls, TlsError},
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
        true => Some(tls::load(settings.tls_files.as_ref(), &settings.data_dir)?),
        false => None,
    };
    let https = Bound::listen("HTTPS_BIND", settings.https_bind, tls.as_ref()).await?;
    let http = Bound::listen("HTTP_BIND", settings.http_bind, None).await?;
    let admin = Bound::listen("ADMIN_BIND", settings.admin_bind, tls.as_ref().filter(|_| admin_tls)).await?;
    let addresses = Addresses { https: address(&https), http: address(&http), admin: address(&admin) };

    let metrics = Metrics::register(&mut registry);
    let phone_group = Group::new(&settings, &metrics);
    let admin_group = Group::new(&settings, &metrics);
    let sockets = Sockets::new(metrics.clone(), phone_group.tasks.clone(), settings.drain, settings.pace());
    let doors = [&https, &http, &admin].into_iter().flatten().map(Bound::health).collect();
    let stopping = phone_group.stop.clone();
    let token = settings.admin_token.clone();
    let page = Admin { relay: relay.clone(), registry, metrics: metrics.clone(), token, doors, stopping };
    let admin_router = admin::router(Arc::new(page));
    let phone_router = phone::router(phone(settings, relay, metrics, Arc::clone(&sockets)));
    let listeners = [https, http].into_iter().flatten().map(|bound| phone_group.open(bound, &phone_router));
    Ok(Server {
        phones: listeners.collect(),
        admin: admin.map(|bound| admin_group.open(bound, &admin_router)),
        addresses,
        fingerprint: tls.and_then(|tls| tls.fingerprint),
        sockets,
        phone_tasks: phone_group.tasks,
        admin_tasks: admin_group.tasks,
        phone_stop: phone_group.stop,
        admin_stop: admin_group.stop,
    })
}

/// Beyond loopback the admin port speaks TLS and asks for its token.
fn admin_speaks_tls(settings: &HttpSettings) -> Result<bool, BindError> {
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

fn phone(settings: HttpSettings, relay: Relay, metrics: Metrics, sockets: Arc<Sockets>) -> Arc<Phone> {
    Arc::new(Phone {
        relay,
        trusted: settings.trusted_proxies.into(),
        allowed_origins: settings.allowed_origins,
        allow_websockets: settings.allow_websockets,
        frame_max_bytes: settings.frame_max_bytes,
        limit: AddressLimit::new(settings.sockets_per_address),
        sockets,
        metrics,
    })
}

/// A bound address before it is known what it serves.
struct Bound {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    trouble: Arc<Trouble>,
}

impl Bound {
    async fn listen(
        key: &'static str,
        address: Option<SocketAddr>,
        tls: Option<&Tls>,
    ) -> Result<Option<Self>, BindError> {
        let Some(address) = address else { return Ok(None) };
        let socket = TcpListener::bind(address).await.map_err(|error| refusal(key, address, &error))?;
        let address = socket.local_addr().map_err(|error| refusal(key, address, &error))?;
        let tls = tls.map(|tls| Arc::clone(&tls.config));
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
    trusted: Arc<[IpNet]>,
    metrics: Metrics,
}

impl Group {
    fn new(settings: &HttpSettings, metrics: &Metrics) -> Self {
        Self {
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            limit: AddressLimit::new(settings.sockets_per_address),
            trusted: settings.trusted_proxies.clone().into(),
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
            trusted: Arc::clone(&self.trusted),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
            trouble,
        };
        Listener { socket, door: Arc::new(door) }
    }
}
