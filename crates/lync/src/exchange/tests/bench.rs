//! An exchange without its task, on a clock that only steps move, with a connection that ends here.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    task::yield_now,
    time::{Instant, advance},
};
use trunkline_core::port::{Incoming, Inlet, InletError, LineState, Person};
use trunkline_model::{AccountId, Address, CallEnd, Contact, MessageKey, Profile};
use trunkline_sip::Framer;
use trunkline_testkit::peer::Authority;

use super::{LINE, STORY, transcript::Event};
use crate::{
    Connection, LiveTls, LyncSettings, Pool,
    account::{Place, Shared, endpoint},
    address::Target,
    chat::{Accept, Decline},
    connection::{self, Peer, Task},
    exchange::{Command, Exchange, Opening, link::Link},
    pool::DialLimits,
    seeded,
    tls::{Names, Strength, TlsSettings},
};

pub(super) const RELAY: &str = "relay.contoso.test";
/// Longer than anything that has to be done without waiting takes.
const TURNS: usize = 16;

pub(super) struct Bench {
    runtime: Runtime,
    exchange: Exchange,
    own: mpsc::Receiver<Command>,
    connection: Connection,
    queued: Box<dyn FnMut() -> Option<Bytes>>,
    framer: Framer,
    place: Arc<Place>,
    start: Instant,
}

impl Bench {
    pub(super) fn new() -> Self {
        seeded::begin();
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let entered = runtime.enter();
        let folder = TempDir::new().expect("a folder");
        let settings = settings(folder.path());
        let tls = LiveTls::load(settings.tls.clone()).expect("settings that serve");
        let place = Arc::new(Place::new(&settings, settings.listen.port()));
        let (commands, own) = mpsc::channel(64);
        let pool = Pool::<Framer>::new(
            tls,
            connection::Limits::default(),
            DialLimits::default(),
            mpsc::channel(1).0,
        );
        let mut exchange = Exchange::new(place.clone(), pool, 50, commands);
        let address = ([192, 0, 2, 5], 5061).into();
        let peer = Peer { name: place.pool.name.clone(), names: Names::default(), address, until: None };
        let (connection, queued) = Task::<Framer>::idle(1, peer);
        exchange.connections.insert(connection.id(), connection.clone());
        exchange.links.insert(place.pool.clone(), Link::Up(connection.clone()));
        drop(entered);
        let start = exchange.start;
        let (queued, framer) = (Box::new(queued), Framer::default());
        Self { runtime, exchange, own, connection, queued, framer, place, start }
    }

    pub(super) fn opening(&self) -> Opening {
        let address: Address = "alice@contoso.test".parse().expect("an address");
        let endpoint = endpoint(&self.place, &address, "").expect("an endpoint");
        let shared = Arc::new(Shared::new(Person { account: AccountId(1), address }));
        Opening { line: LINE, shared, inlet: Arc::new(Deaf), endpoint }
    }

    /// Lets something happen at a time and gives the bytes that go out.
    pub(super) fn step(&mut self, at: Duration, event: &Event) -> Vec<u8> {
        let command = match event {
            Event::Done(deed) => STORY[*deed].command(self),
            _ => None,
        };
        self.happens(at, event, command)
    }

    /// Asks for something at a time and gives the bytes that go out.
    pub(super) fn ask(&mut self, at: Duration, command: Command) -> Vec<u8> {
        let mut sent = self.happens(at, &Event::Done(0), Some(command));
        sent.extend(self.step(at, &Event::Time));
        sent
    }

    /// Does something to the exchange itself, which is told of the connection.
    pub(super) fn with<T>(&mut self, work: impl FnOnce(&mut Exchange, &Connection) -> T) -> T {
        let _entered = self.runtime.enter();
        work(&mut self.exchange, &self.connection)
    }

    /// There is another connection, to this server; gives the bytes that go out over it.
    pub(super) fn connect(&mut self, at: Duration, target: &Target) -> Vec<u8> {
        let address = ([192, 0, 2, 6], 5061).into();
        let peer = Peer { name: target.name.clone(), names: Names::default(), address, until: None };
        let (connection, queued) = Task::<Framer>::idle(self.connection.id() + 1, peer);
        (self.connection, self.queued) = (connection.clone(), Box::new(queued));
        self.exchange.connections.insert(connection.id(), connection.clone());
        self.ask(at, Command::Dialled(target.clone(), Ok(connection)))
    }

    /// Whether the connection takes messages.
    pub(super) fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    fn happens(&mut self, at: Duration, event: &Event, command: Option<Command>) -> Vec<u8> {
        let Self { runtime, exchange, own, connection, framer, start, .. } = self;
        runtime.block_on(async {
            advance((*start + at).saturating_duration_since(Instant::now())).await;
            match event {
                Event::Received(bytes) => {
                    framer.push(bytes);
                    while let Some(frame) = framer.pull() {
                        exchange.event(crate::Event::Received(connection.clone(), frame));
                        exchange.settle();
                    }
                }
                Event::Time => exchange.expire(),
                Event::Done(_) => command.into_iter().for_each(|command| exchange.command(command)),
            }
            exchange.settle();
            for _ in 0..TURNS {
                yield_now().await;
                while let Ok(command) = own.try_recv() {
                    exchange.command(command);
                    exchange.settle();
                }
            }
        });
        std::iter::from_fn(&mut self.queued).flatten().collect()
    }

    /// When it is time next.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.exchange.next_deadline()
    }
}

/// Where the account is; the certificates serve nobody, since nobody is dialled.
fn settings(folder: &Path) -> LyncSettings {
    let authority = Authority::new().expect("an authority");
    let identity = authority.identity(&[RELAY]).expect("an identity");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    LyncSettings {
        domain: "contoso.test".into(),
        pool: Target { name: "pool.contoso.test".into(), host: Some("192.0.2.5".into()), port: 5061 },
        local_fqdn: RELAY.into(),
        listen: ([127, 0, 0, 1], 6_001).into(),
        tls: TlsSettings {
            certificate: write("relay.pem", &identity.certificate_pem),
            private_key: write("key.pem", &identity.key_pem),
            authorities: write("ca.pem", authority.certificate_pem()),
            peers: ["pool.contoso.test"].iter().map(ToString::to_string).collect(),
            strength: Strength::Usual,
        },
        gruu: None,
        accept: Accept::OnlyEndpoint,
        decline: Decline::Here,
        login_rate: 50,
    }
}

/// A core that takes everything.
struct Deaf;

#[async_trait]
impl Inlet for Deaf {
    async fn receive(&self, _: Incoming) -> Result<(), InletError> {
        Ok(())
    }

    async fn called(&self, _: &Address, _: Option<Profile>) -> Result<(), InletError> {
        Ok(())
    }

    async fn call_ended(&self, _: &Address, _: Option<&str>, _: CallEnd) -> Result<(), InletError> {
        Ok(())
    }

    async fn delivered(&self, _: &Address, _: MessageKey) -> Result<(), InletError> {
        Ok(())
    }

    async fn failed(&self, _: MessageKey, _: bool, _: &str) -> Result<(), InletError> {
        Ok(())
    }

    fn typing(&self, _: &Address, _: bool) {}

    fn contact_changed(&self, _: Contact) {}

    fn roster_changed(&self) {}

    fn state_changed(&self, _: LineState) {}
}
