//! An exchange, servers that fail it, and what becomes of its accounts.

use std::net::SocketAddr;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, copy_bidirectional, duplex},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use trunkline_core::port::{Incoming, LineState, Person};
use trunkline_model::{AccountId, CallEnd, MessageKey, MessageText, Profile, Timestamp};
use trunkline_sip::{Message, Method, Request, Response, name};
use trunkline_testkit::{
    patience,
    peer::{Authority, FrontEnd, front_end},
};
use uuid::Uuid;

use super::*;
use crate::{
    Accept, Decline, LyncSettings,
    account::endpoint,
    connection::{CloseReason, Direction, Limits, Peer, Task},
    pool::DialLimits,
    tls::{LiveTls, Names, Strength, TlsSettings},
};

const POOL: &str = "pool.contoso.test";
const RELAY: &str = "relay.contoso.test";

/// An exchange that does not run yet.
struct Bench {
    exchange: Exchange,
    inputs: Inputs,
    events: mpsc::Sender<Event<Frame>>,
    commands: mpsc::Sender<Command>,
    _folder: TempDir,
}

/// One that runs, and its lines.
struct Running {
    commands: mpsc::Sender<Command>,
    place: Arc<Place>,
    _stop: tokio_util::sync::DropGuard,
    _folder: TempDir,
}

impl Bench {
    fn new(authority: &Authority) -> Self {
        let folder = TempDir::new().unwrap();
        let identity = authority.identity(&[RELAY]).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let tls = TlsSettings {
            certificate: write("relay.pem", &identity.certificate_pem),
            private_key: write("key.pem", &identity.key_pem),
            authorities: write("ca.pem", authority.certificate_pem()),
            strength: Strength::Usual,
            peers: [POOL.to_owned()].iter().collect(),
        };
        let settings = LyncSettings {
            domain: "contoso.test".into(),
            // DNS knows nothing of it, so that what it said before holds.
            pool: Target { name: POOL.into(), host: Some("nowhere.invalid".into()), port: 1 },
            local_fqdn: RELAY.into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: tls.clone(),
            gruu: None,
            accept: Accept::OnlyEndpoint,
            decline: Decline::Here,
            login_rate: 50,
        };
        let ((events, received), (commands, asked)) = (mpsc::channel(64), mpsc::channel(64));
        let dial_limits = DialLimits { resolve: Duration::from_millis(200), ..DialLimits::default() };
        let pool = Pool::new(LiveTls::load(tls).unwrap(), Limits::default(), dial_limits, events.clone());
        let place = Arc::new(Place::new(&settings, 6001));
        let exchange = Exchange::new(place, pool, 50, commands.clone());
        let inputs = Inputs { commands: asked, events: received, stop: CancellationToken::new() };
        Self { exchange, inputs, events, commands, _folder: folder }
    }

    fn run(self) -> Running {
        let (stop, place) = (self.inputs.stop.clone().drop_guard(), self.exchange.place.clone());
        tokio::spawn(self.exchange.run(self.inputs));
        Running { commands: self.commands, place, _stop: stop, _folder: self._folder }
    }
}

impl Running {
    async fn open(&self, number: u64, user: &str) -> watch::Receiver<LineState> {
        let address: Address = format!("{user}@contoso.test").parse().unwrap();
        let endpoint = endpoint(&self.place, &address, "").unwrap();
        let (state, states) = watch::channel(LineState::Connecting { reason: String::new() });
        let person = Person { account: AccountId(1), address };
        let (shared, inlet) = (Arc::new(Shared::new(person)), Arc::new(Ear(state)));
        let opening = Opening { line: LineId(number), shared, inlet, endpoint };
        self.commands.send(Command::Open(Box::new(opening))).await.unwrap_or_else(|_| panic!("it has ended"));
        states
    }
}

async fn connected(states: &mut watch::Receiver<LineState>) {
    let waited = timeout(patience(), states.wait_for(|state| *state == LineState::Connected)).await;
    assert!(waited.is_ok_and(|state| state.is_ok()), "never signed in: {:?}", states.borrow());
}

/// The core, which takes everything.
struct Ear(watch::Sender<LineState>);

#[async_trait]
impl Inlet for Ear {
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

    fn state_changed(&self, state: LineState) {
        self.0.send_replace(state);
    }
}

/// Another address of the same server.
async fn another_address(port: u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut to = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                copy_bidirectional(&mut from, &mut to).await
            });
        }
    });
    address
}

#[tokio::test]
async fn a_front_end_that_signs_nobody_in_is_left_for_another_address_of_the_pool() {
    let users = ["alice", "bob", "carol", "dave"];
    let front = FrontEnd::start("contoso.test", &users.map(|user| (user, user))).await.unwrap();
    front.trust(RELAY);
    let is_register = |message: &Message| matches!(message, Message::Request(request) if *request.method() == Method::REGISTER);
    let busy = front_end::Act::answer(503).header("Retry-After", "3600");
    front.on(front_end::Heading::Received, 3, busy, is_register);
    let bench = Bench::new(front.authority());
    let port = front.tls_port();
    let addresses = [([127, 0, 0, 1], port).into(), another_address(port).await];
    let (pool, target) = (bench.exchange.pool.clone(), bench.exchange.place.pool.clone());
    pool.found(&target, &addresses);
    let running = bench.run();
    let mut states = Vec::new();
    for (number, user) in (1..).zip(users) {
        states.push(running.open(number, user).await);
    }
    for states in &mut states {
        connected(states).await;
    }
    assert_eq!(pool.connections().len(), 1, "they are all over there");
}

/// Answers everything until it is invited, and then nothing any more.
async fn hangs_when_invited(mut link: DuplexStream) {
    let (mut framer, mut bytes, mut hangs) = (Framer::default(), [0; 4096], false);
    while let Ok(count @ 1..) = link.read(&mut bytes).await {
        framer.push(&bytes[..count]);
        while let Some(frame) = framer.pull() {
            let Frame::Message(Message::Request(request)) = frame else { continue };
            hangs |= *request.method() == Method::INVITE;
            if !hangs && !request.method().is_unanswered() {
                link.write_all(&answer(&request).to_bytes()).await.unwrap();
            }
        }
    }
}

fn answer(request: &Request) -> Response {
    match *request.method() == Method::REGISTER {
        true => {
            let contact = format!("{};expires=7200", request.text(name::CONTACT).unwrap());
            Response::build(request, 200).to_tag("fe").header(name::CONTACT, contact).done()
        }
        false => Response::build(request, 489).to_tag("fe").done(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_front_end_that_hangs_is_left_when_it_does_not_answer_an_invite() {
    let mut bench = Bench::new(&Authority::new().unwrap());
    let (peer, here) = duplex(64 * 1024);
    tokio::spawn(hangs_when_invited(peer));
    let who = Peer {
        name: POOL.into(),
        names: Names::default(),
        address: ([192, 0, 2, 5], 5061).into(),
        until: None,
    };
    let task = Task::<Framer>::new(1, who, Direction::Outbound, Limits::default(), bench.events.clone());
    let connection = task.connection().clone();
    bench.exchange.links.insert(bench.exchange.place.pool.clone(), Link::Up(connection.clone()));
    tokio::spawn(task.run(here, |_, _| {}));
    let running = bench.run();
    connected(&mut running.open(1, "alice").await).await;
    let message = OutgoingMessage {
        key: MessageKey(Uuid::from_u128(1)),
        peer: "bob@contoso.test".parse().unwrap(),
        text: MessageText::stored("hello".to_owned()),
        sent_at: Timestamp::now(),
        turn: 1,
    };
    let (reply, told) = oneshot::channel();
    let send = Command::Send { line: LineId(1), message, reply };
    running.commands.send(send).await.unwrap_or_else(|_| panic!("it has ended"));
    let outcome = told.await.unwrap();
    assert_ne!(outcome, port::Outcome::Confirmed);
    let ended = timeout(Duration::from_secs(5), connection.closed()).await;
    assert_eq!(ended, Ok(CloseReason::Mute));
}
