//! A Front End of Lync that runs inside the test: one registrar with users, lists of contacts and presence, and a proxy
//! between their endpoints.
//!
//! It is good enough for a real client ([`super::Pidgin`]) and for a trusted application, and does on demand what real
//! ones do on bad days. Everything it does happens at once and in the order in which messages come.

mod contact;
mod house;
mod presence;
mod proxy;
mod registrar;
mod script;
mod subscription;
mod traffic;
mod user;
mod wire;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{sync::watch, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;
use trunkline_sip::{
    Message, Uri,
    body::{
        contact::ContactList,
        deregistration::Deregistration,
        roaming::{Container, Member},
    },
};

use self::{
    house::{Errand, House},
    script::Rule,
    traffic::Log,
    user::User,
    wire::Tls,
};
use super::Authority;

pub use self::{
    script::{Act, Answer},
    subscription::Package,
    traffic::{Heading, Traffic},
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
    tls: Tls,
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
            tls: Tls::new(&authority, &identity)?,
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

    /// Lets whoever shows a certificate for `host` register every user; others with a certificate are challenged.
    pub fn trust(&self, host: &str) {
        self.enter(|house| house.trusted.push(host.to_ascii_lowercase()));
    }

    /// Reaches applications by connections of its own to the host and port of their Contact, not by theirs. Every host's
    /// name leads to this machine.
    pub fn dial_back(&self, on: bool) {
        self.enter(|house| house.settings.dial_back = on);
    }

    /// Whether the answer to a SUBSCRIBE is the first notification too; so it is at first.
    pub fn piggyback(&self, on: bool) {
        self.enter(|house| house.settings.piggyback = on);
    }

    /// Asks clients without a certificate to prove who they are, which none here can.
    pub fn challenge(&self, on: bool) {
        self.enter(|house| house.settings.challenge = on);
    }

    /// The longest that a registration lasts, in seconds.
    pub fn expire_after(&self, seconds: u32) {
        self.enter(|house| house.settings.expires = seconds);
    }

    /// Writes at most so many bytes at a time.
    pub fn segment(&self, bytes: usize) {
        self.shared.segment.store(bytes, Ordering::Relaxed);
    }

    /// Lets all colleagues see a user's presence, as the user's first client would.
    pub fn open_presence(&self, user: &str) {
        self.enter(|house| {
            let address = house.address(user);
            if let Some(user) = house.users.get_mut(&address) {
                let container = user.container(200);
                container.version += 1;
                container.members.push(Member::SameEnterprise);
            }
            house.tell_watchers(&address);
        });
    }

    /// Tells those who batch a subscription to this user to subscribe elsewhere: at a pool's address, or at the user's
    /// own when it is empty.
    pub fn move_user(&self, user: &str, pool: &str) {
        self.enter(|house| {
            let address = house.address(user);
            if let Some(user) = house.users.get_mut(&address) {
                user.elsewhere = Some(pool.to_owned());
            }
        });
    }

    /// A user's list as it is now.
    pub fn contacts(&self, user: &str) -> ContactList {
        self.of(user, |user| user.contacts.clone()).unwrap_or_default()
    }

    /// Who may see what of a user.
    pub fn containers(&self, user: &str) -> Vec<Container> {
        self.of(user, |user| user.containers.clone()).unwrap_or_default()
    }

    /// How many of a user's clients are signed in.
    pub fn endpoints(&self, user: &str) -> usize {
        self.of(user, |user| user.endpoints.len()).unwrap_or_default()
    }

    /// The availability of a user as colleagues see it, in numbers.
    pub fn availability(&self, user: &str) -> Option<u32> {
        self.of(user, User::availability)?
    }

    /// Signs all clients of a user out; `diagnostics` is the value of `ms-diagnostics-public`.
    pub fn deregister(&self, user: &str, why: &Deregistration, diagnostics: &str) {
        self.enter(|house| house.deregister(&house.address(user), why, diagnostics));
    }

    /// Loses the next notification of a package to every client of a user: a gap in its CSeq.
    pub fn lose_notification(&self, user: &str, package: Package) {
        self.enter(|house| {
            let address = house.address(user);
            let those = house.subscriptions.iter_mut();
            those
                .filter(|known| known.package == package && known.subscriber.0 == address)
                .for_each(|known| known.cseq += 1);
        });
    }

    /// The next received message that fits meets with this instead of the usual.
    pub fn on_received(&self, act: Act, fits: impl Fn(&Message) -> bool + Send + 'static) {
        self.on(Heading::Received, 1, act, fits);
    }

    /// The next message to be sent that fits meets with this instead.
    pub fn on_sending(&self, act: Act, fits: impl Fn(&Message) -> bool + Send + 'static) {
        self.on(Heading::Sent, 1, act, fits);
    }

    /// The next so many messages that fit meet with this instead.
    pub fn on(
        &self,
        heading: Heading,
        times: usize,
        act: Act,
        fits: impl Fn(&Message) -> bool + Send + 'static,
    ) {
        self.enter(|house| house.script.add(Rule { heading, fits: Box::new(fits), act, times }));
    }

    /// How many scripted acts are still to come.
    pub fn pending(&self) -> usize {
        self.enter(|house| house.script.pending())
    }

    /// Forgets all scripted acts.
    pub fn clear_script(&self) {
        self.enter(|house| house.script.clear());
    }

    /// Closes every connection; listeners stay.
    pub fn cut(&self) {
        self.enter(|house| {
            let lines: Vec<_> = house.lines.keys().copied().collect();
            lines.into_iter().for_each(|line| house.cut(line));
        });
    }

    /// Stops or goes on reading what comes: connections stay open, and nothing is answered meanwhile.
    pub fn hang(&self, on: bool) {
        self.shared.hung.send_replace(on);
    }

    /// Sends bytes as they are to every client of a user, such as a keep-alive or two messages at once.
    pub fn send_raw(&self, user: &str, bytes: &[u8]) {
        self.enter(|house| {
            for key in house.keys_of(user) {
                if let Some(line) = house.line_to(&key) {
                    house.send_raw(line, bytes.to_vec());
                }
            }
        });
    }

    /// Everything that passed so far.
    pub fn traffic(&self) -> Vec<Traffic> {
        self.shared.log.all()
    }

    /// How many messages passed so far: where [`FrontEnd::until_after`] begins.
    pub fn mark(&self) -> usize {
        self.traffic().len()
    }

    /// The first that fits of all that passed so far.
    pub fn find<T>(&self, pick: impl Fn(&Traffic) -> Option<T>) -> Option<T> {
        self.shared.log.find(0, pick)
    }

    /// Waits for something to pass; what passed before counts too.
    pub async fn until<T>(&self, what: &str, pick: impl Fn(&Traffic) -> Option<T>) -> Result<T> {
        self.shared.log.until(0, what, pick).await
    }

    /// Waits for something to pass after a mark.
    pub async fn until_after<T>(
        &self,
        mark: usize,
        what: &str,
        pick: impl Fn(&Traffic) -> Option<T>,
    ) -> Result<T> {
        self.shared.log.until(mark, what, pick).await
    }

    /// Everything that passed so far, as it stood on the wire.
    pub fn transcript(&self) -> String {
        self.shared.log.transcript()
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
        let (tcp, tls) = (wire::bind(ports.0).await?, wire::bind(ports.1).await?);
        self.enter(|house| {
            house.ports = (tcp.1, tls.1);
            house.stop = stop.clone();
        });
        let with_tls = Some(self.shared.tls.clone());
        self.listeners.spawn(wire::listen(self.shared.clone(), tcp.0, None, stop.clone()));
        self.listeners.spawn(wire::listen(self.shared.clone(), tls.0, with_tls, stop));
        Ok(())
    }

    /// [`FrontEnd::stop`] and [`FrontEnd::resume`].
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await;
        self.resume().await
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

    fn segment(&self) -> usize {
        self.segment.load(Ordering::Relaxed)
    }
}
