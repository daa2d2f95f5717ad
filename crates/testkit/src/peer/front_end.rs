//! A Front End of Lync that runs inside the test: one registrar with users, lists of contacts and presence, and a proxy
//! between their endpoints.
//!
//! It is good enough for a real client ([`super::Pidgin`]) and for a trusted application, and does on demand what real
//! ones do on bad days. Everything it does happens at once and in the order in which messages come.

mod book;
mod contact;
mod control;
mod debt;
mod ear;
mod house;
mod judge;
mod line;
mod presence;
mod proxy;
mod registrar;
mod route;
mod script;
mod subscription;
mod traffic;
mod user;
mod wire;

use std::{
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{net::TcpStream, sync::watch, task::JoinSet, time::sleep};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use trunkline_sip::Uri;

use self::{
    house::{Errand, House},
    traffic::Log,
    user::User,
    wire::Tls,
};
use super::{Authority, Identity};

pub use self::{
    script::{Act, Answer},
    subscription::Package,
    traffic::{Heading, Piece, Traffic},
};

/// A Front End on loopback ports, with an authority of its own; it ends when dropped.
pub struct FrontEnd {
    shared: Arc<Shared>,
    authority: Authority,
    certificate: String,
    listeners: JoinSet<()>,
}

struct Shared {
    house: Mutex<House>,
    log: Arc<Log>,
    tls: Mutex<Tls>,
    hung: watch::Sender<bool>,
    segment: AtomicUsize,
}

impl FrontEnd {
    /// Starts one for `domain` with these users: the part before the @, and the name that is shown.
    pub async fn start(domain: &str, users: &[(&str, &str)]) -> Result<Self> {
        let authority = Authority::new()?;
        let (host, pool) = (format!("fe1.{domain}"), format!("pool.{domain}"));
        let identity = authority.identity(&[&host, &pool, "localhost", "127.0.0.1"])?;
        let log = Arc::new(Log::new());
        let mut house = House::new(domain, log.clone(), CancellationToken::new());
        for (name, display) in users {
            let uri = Uri::parse(&format!("sip:{name}@{domain}")).context("not a user's name")?;
            let user = User::new(uri, display);
            house.users.insert(user.address.clone(), user);
        }
        let shared = Shared {
            house: Mutex::new(house),
            log,
            tls: Mutex::new(Tls::new(&authority, &identity)?),
            hung: watch::Sender::new(false),
            segment: AtomicUsize::new(usize::MAX),
        };
        let certificate = identity.certificate_pem;
        let mut front = Self { shared: Arc::new(shared), authority, certificate, listeners: JoinSet::new() };
        front.resume().await?;
        Ok(front)
    }

    /// The authority that signed its certificate, and that has to sign those of applications.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A connection of no use to the Front End itself: to an application's port, under this certificate. For tests that say
    /// what no server says.
    pub async fn knock(&self, identity: &Identity, host: &str, port: u16) -> Result<TlsStream<TcpStream>> {
        wire::stranger(&self.authority, identity, host, port).await
    }

    /// Its own certificate, PEM, for `fe1.` and `pool.` before the domain, `localhost` and `127.0.0.1`.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// The name in its certificate that routes bear, such as `fe1.example.test`.
    pub fn host(&self) -> String {
        self.enter(|house| house.host())
    }

    /// The port without TLS.
    pub fn tcp_port(&self) -> u16 {
        self.enter(|house| house.ports.0)
    }

    /// The port with TLS, which asks for a client's certificate and does not need one.
    pub fn tls_port(&self) -> u16 {
        self.enter(|house| house.ports.1)
    }

    /// The address of a user, such as `alice@example.test`.
    pub fn address(&self, user: &str) -> String {
        self.enter(|house| house.address(user))
    }

    /// Ends as a process ends that is killed: no connection, no listener, no registration. Users, their lists and what
    /// they published for good stay.
    pub async fn stop(&mut self) {
        self.enter(|house| {
            house.stop.cancel();
            house.forget();
        });
        while self.listeners.join_next().await.is_some() {}
    }

    /// Listens again on the same ports.
    pub async fn resume(&mut self) -> Result<()> {
        let stop = CancellationToken::new();
        let ports = self.enter(|house| house.ports);
        let here = Ipv4Addr::LOCALHOST;
        let (tcp, tls) = (wire::bind(here, ports.0).await?, wire::bind(here, ports.1).await?);
        self.enter(|house| {
            house.ports = (tcp.1, tls.1);
            house.stop = stop.clone();
        });
        let with_tls = Some(self.shared.tls());
        self.listeners.spawn(wire::listen(self.shared.clone(), tcp.0, None, stop.clone()));
        self.listeners.spawn(wire::listen(self.shared.clone(), tls.0, with_tls, stop));
        Ok(())
    }

    /// Listens at another loopback address, too, as another server of the same pool would; on the same port with TLS.
    pub async fn also_at(&mut self, address: Ipv4Addr) -> Result<()> {
        let (port, stop) = self.enter(|house| (house.ports.1, house.stop.clone()));
        let (listener, _) = wire::bind(address, port).await?;
        let tls = Some(self.shared.tls());
        self.listeners.spawn(wire::listen(self.shared.clone(), listener, tls, stop));
        Ok(())
    }

    /// [`FrontEnd::stop`] and [`FrontEnd::resume`].
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await;
        self.resume().await
    }

    /// Shows this certificate from now on, after a [`FrontEnd::restart`].
    pub async fn certify(&mut self, identity: &Identity) -> Result<()> {
        let tls = Tls::new(&self.authority, identity)?;
        *self.shared.tls.lock().unwrap_or_else(PoisonError::into_inner) = tls;
        self.certificate.clone_from(&identity.certificate_pem);
        self.restart().await
    }

    fn of<T>(&self, user: &str, read: impl FnOnce(&User) -> T) -> Option<T> {
        self.enter(|house| house.users.get(&house.address(user)).map(read))
    }

    fn enter<T>(&self, work: impl FnOnce(&mut House) -> T) -> T {
        self.shared.enter(work)
    }
}

impl Drop for FrontEnd {
    fn drop(&mut self) {
        self.enter(|house| house.stop.cancel());
    }
}

impl Shared {
    /// Works on the state, and then runs what has to be done outside.
    fn enter<T>(self: &Arc<Self>, work: impl FnOnce(&mut House) -> T) -> T {
        let (done, errands) = {
            let mut house = self.house.lock().unwrap_or_else(PoisonError::into_inner);
            let done = work(&mut house);
            (done, std::mem::take(&mut house.errands))
        };
        errands.into_iter().for_each(|errand| self.run(errand));
        done
    }

    fn run(self: &Arc<Self>, errand: Errand) {
        let shared = self.clone();
        match errand {
            Errand::Dial { id, host, port, queue, stop } => {
                tokio::spawn(wire::dial(shared, id, host, port, queue, stop));
            }
            Errand::Send { after, line, message } => {
                self.later(after, move |house| house.send_now(line, message));
            }
            Errand::Receive { after, line, message } => {
                self.later(after, move |house| house.work(line, message));
            }
        }
    }

    fn later(self: &Arc<Self>, after: Duration, work: impl FnOnce(&mut House) + Send + 'static) {
        let shared = self.clone();
        let stop = self.enter(|house| house.stop.clone());
        tokio::spawn(async move {
            if stop.run_until_cancelled(sleep(after)).await.is_some() {
                shared.enter(work);
            }
        });
    }

    /// Waits while the Front End hangs.
    async fn awake(&self) {
        // The sender is ours and lives.
        let _ = self.hung.subscribe().wait_for(|hung| !hung).await;
    }

    fn tls(&self) -> Tls {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn segment(&self) -> usize {
        self.segment.load(Ordering::Relaxed)
    }
}
