use std::{
    net::SocketAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use trunkline_core::port::{Backend, Line, LineError, OpenLine, Step};
use trunkline_model::Address;
use trunkline_sip::Framer;

use crate::{
    Listener, LiveTls, Pool,
    account::{Place, Shared, endpoint},
    address::Target,
    connection,
    examine::Examination,
    exchange::{Command, Exchange, Inputs, LineId, Opening},
    line::LyncLine,
    listener,
    listener::{Counts, Known},
    pool::DialLimits,
    settings::{LyncError, LyncSettings},
    tls::{Peers, Tls, TlsSettings},
};

/// Commands that may wait for the exchange.
const COMMANDS: usize = 256;
/// Messages of peers that may wait for it, over all connections; more are not read.
const EVENTS: usize = 256;
/// How long connections may take to end.
const FAREWELL: Duration = Duration::from_secs(3);

/// One domain on a pool that trusts the relay: signs each account in without a password.
pub struct LyncBackend {
    pub(crate) settings: LyncSettings,
    tls: Arc<LiveTls>,
    running: OnceLock<Running>,
    lines: AtomicU64,
}

/// What there is once it works.
struct Running {
    pool: Pool<Framer>,
    place: Arc<Place>,
    commands: mpsc::Sender<Command>,
    at: SocketAddr,
    counts: Box<dyn Fn() -> Counts + Send + Sync>,
    known: Arc<Known>,
    stop: CancellationToken,
}

impl LyncBackend {
    /// Reads the certificates and checks the names; neither connects nor listens yet.
    pub fn new(settings: LyncSettings) -> Result<Self, LyncError> {
        let tls = LiveTls::load(settings.tls.clone())?;
        let backend = Self { settings, tls, running: OnceLock::new(), lines: AtomicU64::new(1) };
        backend.check_name(&backend.tls.current())?;
        Ok(backend)
    }

    fn check_name(&self, tls: &Tls) -> Result<(), LyncError> {
        let (names, local_fqdn) = (tls.own_names(), &self.settings.local_fqdn);
        if names.has(local_fqdn) {
            return Ok(());
        }
        Err(LyncError::Name { names: names.clone(), local_fqdn: local_fqdn.clone() })
    }

    /// Listens for Front Ends from now on; lines can be opened then. A second time it does nothing.
    pub async fn start(&self) -> Result<(), LyncError> {
        if self.running.get().is_some() {
            return Ok(());
        }
        let ((events, received), (commands, asked)) = (mpsc::channel(EVENTS), mpsc::channel(COMMANDS));
        let limits = connection::Limits::default();
        let pool = Pool::<Framer>::new(self.tls.clone(), limits, DialLimits::default(), events);
        let listener =
            Listener::bind(self.settings.listen, pool.clone(), listener::Limits::default()).await?;
        let at = listener.address().unwrap_or(self.settings.listen);
        tracing::info!(pool = self.settings.pool.name, %at, "listening for Front Ends");
        let place = Arc::new(Place::new(&self.settings, at.port()));
        let (stop, counts) = (CancellationToken::new(), Box::new(listener.counter()));
        let known = self.keep_known(&listener, &stop);
        let exchange = Exchange::new(place.clone(), pool.clone(), self.settings.login_rate, commands.clone());
        tokio::spawn(listener.run(stop.clone()));
        tokio::spawn(exchange.run(Inputs { commands: asked, events: received, stop: stop.clone() }));
        // Who came first in a race is kept; the other stops as it is dropped.
        let _ = self.running.set(Running { pool, place, commands, at, counts, known, stop });
        Ok(())
    }

    /// Finds out where the pool and its Front Ends are, again and again.
    fn keep_known(&self, listener: &Listener<Framer>, stop: &CancellationToken) -> Arc<Known> {
        let (known, tls, stop) = (listener.known(), self.tls.clone(), stop.clone());
        let pool = self.settings.pool.clone();
        let names = move || server_names(&pool, tls.current().peers());
        let kept = known.clone();
        tokio::spawn(async move { stop.run_until_cancelled(kept.keep(names)).await });
        known
    }

    /// Ends all connections and the listener, after lines were closed.
    pub async fn stop(&self) {
        if let Some(running) = self.running.get() {
            running.pool.stop(FAREWELL).await;
            running.stop.cancel();
        }
    }

    /// The domain of its accounts.
    pub fn domain_name(&self) -> &str {
        &self.settings.domain
    }

    /// Reads certificates without taking them over, for [`LyncBackend::take_over`] to do so; without settings, the same
    /// files as before.
    pub fn read(&self, settings: Option<TlsSettings>) -> Result<Tls, LyncError> {
        let tls = Tls::load(settings.unwrap_or_else(|| self.tls.current().settings().clone()))?;
        self.check_name(&tls)?;
        Ok(tls)
    }

    /// From now on these hold. Connections go on with what they began with, unless their peers would not be let pass
    /// any more: those end, and the log says why. True when the certificates are others than before.
    pub fn take_over(&self, tls: Tls) -> bool {
        let peers = tls.peers().clone();
        let other = self.tls.set(tls);
        if let Some(running) = self.running.get() {
            running.place.allow(peers);
            running.pool.recheck();
            running.known.changed();
        }
        other
    }

    /// The certificates in force.
    pub fn tls(&self) -> &Arc<LiveTls> {
        &self.tls
    }

    /// Where it listens, and what became of those who connected; `None` before it was started.
    pub(crate) fn listening(&self) -> Option<(SocketAddr, Counts)> {
        self.running.get().map(|running| (running.at, (running.counts)()))
    }
}

/// Where the pool and its Front Ends are is found by these names and addresses.
fn server_names(pool: &Target, peers: &Peers) -> Vec<String> {
    pool.hosts().chain(peers.iter()).map(str::to_owned).collect()
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[async_trait]
impl Backend for LyncBackend {
    fn kind(&self) -> &'static str {
        "lync"
    }

    fn domain(&self) -> Option<&str> {
        Some(&self.settings.domain)
    }

    fn needs_password(&self) -> bool {
        false
    }

    async fn examine(&self, account: Option<&Address>, _password: Option<&SecretString>) -> Vec<Step> {
        let listening = self.listening();
        let port = listening.map_or(self.settings.listen.port(), |(at, _)| at.port());
        let (tls, place) = (self.tls.current(), Place::new(&self.settings, port));
        place.allow(tls.peers().clone());
        Examination { settings: &self.settings, tls, place, listening, account }.run().await
    }

    async fn open(&self, request: OpenLine) -> Result<Arc<dyn Line>, LineError> {
        let Some(running) = self.running.get() else {
            return Err(LineError::NotConnected("the backend has not been started".into()));
        };
        let OpenLine { person, inlet, password: _ } = request;
        let domain = &self.settings.domain;
        if person.address.domain() != domain {
            return Err(LineError::Refused(format!("{} is not of the domain {domain}", person.address)));
        }
        let endpoint = endpoint(&running.place, &person.address, "")
            .map_err(|error| LineError::Refused(error.to_string()))?;
        let line = LineId(self.lines.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::new(Shared::new(person));
        let opening = Opening { line, shared: shared.clone(), inlet, endpoint };
        let opened = running.commands.send(Command::Open(Box::new(opening))).await;
        opened.map_err(|_| LineError::NotConnected("the backend has been stopped".into()))?;
        Ok(Arc::new(LyncLine::new(line, shared, running.commands.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_of_a_pool_with_several_is_looked_up() {
        let host = Some("192.0.2.5  fe1.contoso.test".to_owned());
        let pool = Target { name: "pool.contoso.test".to_owned(), host, port: 5061 };
        let peers = ["pool.contoso.test".to_owned()].into_iter().collect();
        assert_eq!(server_names(&pool, &peers), ["192.0.2.5", "fe1.contoso.test", "pool.contoso.test"]);
    }
}
