//! A Front End, a backend that it trusts, and lines of its users.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use trunkline_core::port::{
    Backend, Incoming, Inlet, InletError, Line, LineState, OpenLine, Outcome, OutgoingMessage, Person,
};
use trunkline_lync::{Accept, Decline, LyncBackend, LyncSettings, address::Target, tls::TlsSettings};
use trunkline_model::{AccountId, Address, CallEnd, Contact, MessageKey, MessageText, Profile, Timestamp};
use trunkline_sip::Method;
use trunkline_testkit::{eventually, patience, peer::FrontEnd};
use uuid::Uuid;

pub(crate) const DOMAIN: &str = "contoso.test";
pub(crate) const RELAY: &str = "relay.contoso.test";

/// The Front End and the backend.
pub(crate) struct Stage {
    pub(crate) front: FrontEnd,
    pub(crate) backend: LyncBackend,
    folder: TempDir,
}

impl Stage {
    /// Alice, Bob and Carol, on a pool that trusts the relay.
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut LyncSettings)) -> Self {
        Self::of(&[("alice", "Alice A"), ("bob", "Bob B"), ("carol", "Carol C")], change).await
    }

    /// The same for these users.
    pub(crate) async fn of(users: &[(&str, &str)], change: impl FnOnce(&mut LyncSettings)) -> Self {
        let front = FrontEnd::start(DOMAIN, users).await.unwrap();
        let folder = TempDir::new().unwrap();
        let backend = backend(&front, &folder, RELAY, change).await;
        Self { front, backend, folder }
    }

    /// Another relay, which the pool trusts too: the same user there is another endpoint.
    pub(crate) async fn beside(&self, change: impl FnOnce(&mut LyncSettings)) -> LyncBackend {
        backend(&self.front, &self.folder, "other.contoso.test", change).await
    }

    /// A line of a user's, on its way.
    pub(crate) async fn line(&self, user: &str) -> Desk {
        Desk::open(&self.backend, user).await
    }

    /// A line that is signed in.
    pub(crate) async fn connected(&self, user: &str) -> Desk {
        Desk::connected(&self.backend, user).await
    }

    /// How many REGISTERs a user has sent.
    pub(crate) fn registers(&self, user: &str) -> usize {
        let uri = format!("sip:{user}@{DOMAIN}");
        let is_his = |traffic: &&trunkline_testkit::peer::front_end::Traffic| {
            traffic.request().is_some_and(|request| {
                *request.method() == Method::REGISTER && request.to().is_ok_and(|to| to.uri.as_str() == uri)
            })
        };
        self.front.traffic().iter().filter(is_his).count()
    }
}

/// A backend for a relay of this name, which the pool trusts.
async fn backend(
    front: &FrontEnd,
    folder: &TempDir,
    name: &str,
    change: impl FnOnce(&mut LyncSettings),
) -> LyncBackend {
    front.trust(name);
    let write = |file: &str, text: &str| {
        let path = folder.path().join(format!("{name}-{file}"));
        std::fs::write(&path, text).unwrap();
        path
    };
    let identity = front.authority().identity(&[name]).unwrap();
    let mut settings = LyncSettings {
        domain: DOMAIN.into(),
        pool: Target {
            name: format!("pool.{DOMAIN}"),
            host: Some("127.0.0.1".into()),
            port: front.tls_port(),
        },
        local_fqdn: name.into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        tls: TlsSettings {
            certificate: write("relay.pem", &identity.certificate_pem),
            private_key: write("key.pem", &identity.key_pem),
            authorities: write("ca.pem", front.authority().certificate_pem()),
            strength: trunkline_lync::tls::Strength::Usual,
            peers: [format!("pool.{DOMAIN}"), format!("fe1.{DOMAIN}")].iter().collect(),
        },
        gruu: None,
        accept: Accept::OnlyEndpoint,
        decline: Decline::Here,
        login_rate: 50,
    };
    change(&mut settings);
    let backend = LyncBackend::new(settings).unwrap();
    backend.start().await.unwrap();
    backend
}

/// What reached the core.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Message(Address, String),
    Called(Address),
    CallEnded(Address, bool, CallEnd),
    Typing(Address, bool),
}

/// A line and what it says.
pub(crate) struct Desk {
    pub(crate) line: Arc<dyn Line>,
    pub(crate) address: Address,
    states: watch::Receiver<LineState>,
    heard: mpsc::UnboundedReceiver<Heard>,
    pub(crate) ear: Arc<Ear>,
}

impl Desk {
    /// A line on its way.
    pub(crate) async fn open(backend: &LyncBackend, user: &str) -> Self {
        let address: Address = format!("{user}@{DOMAIN}").parse().unwrap();
        let (state, states) = watch::channel(LineState::Connecting { reason: String::new() });
        let (sender, heard) = mpsc::unbounded_channel();
        let ear = Arc::new(Ear {
            state,
            heard: sender,
            broken: Mutex::new(false),
            panics: Mutex::new(false),
            contacts: Mutex::default(),
            taken: Mutex::default(),
        });
        let person = Person { account: AccountId(1), address: address.clone() };
        let request = OpenLine { person, password: None, inlet: ear.clone() };
        let line = backend.open(request).await.unwrap();
        Self { line, address, states, heard, ear }
    }

    /// A line that is signed in.
    pub(crate) async fn connected(backend: &LyncBackend, user: &str) -> Self {
        let mut desk = Self::open(backend, user).await;
        desk.until("it is signed in", |state| *state == LineState::Connected).await;
        desk
    }

    /// Waits for a state; it may have been there for long.
    pub(crate) async fn until(&mut self, what: &str, is_meant: impl Fn(&LineState) -> bool) -> LineState {
        let waited = tokio::time::timeout(patience(), self.states.wait_for(is_meant)).await;
        match waited {
            Ok(state) => state.unwrap().clone(),
            Err(_) => panic!("never: {what}; it is {:?}", self.line.state()),
        }
    }

    /// Waits until it is refused, and says why.
    pub(crate) async fn refusal(&mut self) -> String {
        let state = self.until("it is refused", |state| matches!(state, LineState::Refused { .. })).await;
        state.reason().to_owned()
    }

    pub(crate) async fn heard(&mut self) -> Heard {
        let heard = tokio::time::timeout(patience(), self.heard.recv()).await;
        heard.unwrap_or_else(|_| panic!("{} hears nothing", self.address)).unwrap()
    }

    pub(crate) fn heard_nothing_more(&mut self) -> bool {
        self.heard.try_recv().is_err()
    }

    pub(crate) async fn send(&self, key: u128, peer: &Address, text: &str) -> Outcome {
        self.send_in(u64::try_from(key).unwrap(), key, peer, text).await
    }

    /// In a turn of the core's.
    pub(crate) async fn send_in(&self, turn: u64, key: u128, peer: &Address, text: &str) -> Outcome {
        let message = OutgoingMessage {
            key: MessageKey(Uuid::from_u128(key)),
            peer: peer.clone(),
            text: MessageText::stored(text.to_owned()),
            sent_at: Timestamp::now(),
            turn,
        };
        self.line.send(message).await
    }
}

/// The core's side of a line.
pub(crate) struct Ear {
    state: watch::Sender<LineState>,
    heard: mpsc::UnboundedSender<Heard>,
    pub(crate) broken: Mutex<bool>,
    /// Whether it panics when it is told next that somebody types.
    pub(crate) panics: Mutex<bool>,
    pub(crate) contacts: Mutex<Vec<Contact>>,
    /// The ids of the messages that were taken: each is taken once.
    taken: Mutex<HashSet<String>>,
}

impl Ear {
    fn works(&self) -> Result<(), InletError> {
        match *self.broken.lock().unwrap() {
            true => Err(InletError::Store("the disk is full".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Inlet for Ear {
    async fn receive(&self, message: Incoming) -> Result<(), InletError> {
        self.works()?;
        if self.taken.lock().unwrap().insert(message.foreign_id) {
            self.heard.send(Heard::Message(message.peer, message.text.expose().to_owned())).unwrap();
        }
        Ok(())
    }

    async fn called(&self, peer: &Address, _profile: Option<Profile>) -> Result<(), InletError> {
        self.works()?;
        self.heard.send(Heard::Called(peer.clone())).unwrap();
        Ok(())
    }

    async fn call_ended(
        &self,
        peer: &Address,
        foreign_id: Option<&str>,
        end: CallEnd,
    ) -> Result<(), InletError> {
        self.works()?;
        let is_known = |id: &&str| self.taken.lock().unwrap().contains(*id);
        assert!(foreign_id.iter().all(is_known), "its message was never told");
        self.heard.send(Heard::CallEnded(peer.clone(), foreign_id.is_some(), end)).unwrap();
        Ok(())
    }

    async fn delivered(&self, _peer: &Address, _key: MessageKey) -> Result<(), InletError> {
        Ok(())
    }

    async fn failed(&self, _key: MessageKey, _permanent: bool, _reason: &str) -> Result<(), InletError> {
        Ok(())
    }

    fn typing(&self, peer: &Address, composing: bool) {
        let panics = std::mem::take(&mut *self.panics.lock().unwrap());
        assert!(!panics, "a fault in the relay");
        self.heard.send(Heard::Typing(peer.clone(), composing)).unwrap();
    }

    fn contact_changed(&self, contact: Contact) {
        self.contacts.lock().unwrap().push(contact);
    }

    fn roster_changed(&self) {}

    fn state_changed(&self, state: LineState) {
        self.state.send_replace(state);
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    eventually(what, async || is_so().then_some(())).await.unwrap();
}
