use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use anyhow::{Context, Result};
use async_trait::async_trait;
use trunkline_core::port::{
    Backend, Incoming, Inlet, InletError, Line, LineState, OpenLine, OutgoingMessage, Person,
};
use trunkline_model::{AccountId, Address, CallEnd, Contact, MessageKey, MessageText, Profile, Timestamp};
use trunkline_testkit::{eventually, peer::Prosody};
use trunkline_xmpp::{Tls, XmppBackend, XmppSettings};

pub(crate) const DOMAIN: &str = "corp.test";
pub(crate) const USERS: &[(&str, &str)] = &[("alice", "alice's secret"), ("bob", "bob's secret")];

/// An inlet that remembers what it was told, and can be made to fail.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) received: Mutex<Vec<Incoming>>,
    pub(crate) delivered: Mutex<Vec<(Address, MessageKey)>>,
    pub(crate) failed: Mutex<Vec<(MessageKey, bool)>>,
    pub(crate) typing: Mutex<Vec<(Address, bool)>>,
    pub(crate) contacts: Mutex<Vec<Contact>>,
    pub(crate) states: Mutex<Vec<LineState>>,
    pub(crate) rosters: AtomicUsize,
    /// The store is down: nothing is taken.
    pub(crate) broken: AtomicBool,
    /// How often something was refused for that.
    pub(crate) refusals: AtomicUsize,
    /// While it is held, the store has what it takes, and says so later.
    pub(crate) slow: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Inlet for Recorder {
    async fn receive(&self, message: Incoming) -> Result<(), InletError> {
        if self.broken.load(Ordering::SeqCst) {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            return Err(InletError::Store("the disk is full".into()));
        }
        {
            let mut received = self.received.lock().unwrap();
            if received.iter().all(|known| known.foreign_id != message.foreign_id) {
                received.push(message);
            }
        }
        drop(self.slow.lock().await);
        Ok(())
    }

    /// Nobody waits for an answer on XMPP.
    async fn called(&self, _: &Address, _: Option<Profile>) -> Result<(), InletError> {
        Ok(())
    }

    async fn call_ended(&self, _: &Address, _: Option<&str>, _: CallEnd) -> Result<(), InletError> {
        Ok(())
    }

    async fn delivered(&self, peer: &Address, key: MessageKey) -> Result<(), InletError> {
        self.delivered.lock().unwrap().push((peer.clone(), key));
        Ok(())
    }

    async fn failed(&self, key: MessageKey, permanent: bool, _: &str) -> Result<(), InletError> {
        self.failed.lock().unwrap().push((key, permanent));
        Ok(())
    }

    fn typing(&self, peer: &Address, composing: bool) {
        self.typing.lock().unwrap().push((peer.clone(), composing));
    }

    fn contact_changed(&self, contact: Contact) {
        self.contacts.lock().unwrap().push(contact);
    }

    fn roster_changed(&self) {
        self.rosters.fetch_add(1, Ordering::SeqCst);
    }

    fn state_changed(&self, state: LineState) {
        self.states.lock().unwrap().push(state);
    }
}

impl Recorder {
    pub(crate) fn texts(&self) -> Vec<String> {
        self.received.lock().unwrap().iter().map(|message| message.text.expose().to_owned()).collect()
    }

    pub(crate) async fn text(&self, text: &str) -> Result<Incoming> {
        eventually(&format!("{text:?} arrives"), async || {
            self.received.lock().unwrap().iter().find(|message| message.text.expose() == text).cloned()
        })
        .await
    }

    pub(crate) async fn contact(&self, what: &str, pick: impl Fn(&Contact) -> bool) -> Result<Contact> {
        eventually(what, async || {
            self.contacts.lock().unwrap().iter().rev().find(|contact| pick(contact)).cloned()
        })
        .await
        .with_context(|| format!("{:?}", self.contacts.lock().unwrap()))
    }
}

pub(crate) fn settings(prosody: &Prosody) -> XmppSettings {
    XmppSettings {
        domain: DOMAIN.into(),
        host: "127.0.0.1".into(),
        port: prosody.port(),
        tls: Tls::StartTls,
        ca_file: Some(prosody.ca_file()),
        server_name: DOMAIN.into(),
        login_rate: 50,
    }
}

pub(crate) fn address(user: &str) -> Address {
    format!("{user}@{DOMAIN}").parse().unwrap()
}

pub(crate) async fn open(
    settings: XmppSettings,
    user: &str,
    password: &str,
) -> Result<(Arc<dyn Line>, Arc<Recorder>)> {
    let backend = XmppBackend::new(settings)?;
    let inlet = Arc::new(Recorder::default());
    let person = Person { account: AccountId(1), address: address(user) };
    let request = OpenLine { person, password: Some(password.to_owned().into()), inlet: inlet.clone() };
    Ok((backend.open(request).await?, inlet))
}

/// Alice's line, signed in, with her roster told.
pub(crate) async fn alice(prosody: &Prosody) -> Result<(Arc<dyn Line>, Arc<Recorder>)> {
    let (line, inlet) = open(settings(prosody), "alice", "alice's secret").await?;
    connected(&line).await?;
    eventually("the roster is told", async || (inlet.rosters.load(Ordering::SeqCst) > 0).then_some(()))
        .await?;
    Ok((line, inlet))
}

pub(crate) async fn connected(line: &Arc<dyn Line>) -> Result<()> {
    state(line, "the line is connected", |state| *state == LineState::Connected).await.map(drop)
}

pub(crate) async fn state(
    line: &Arc<dyn Line>,
    what: &str,
    pick: impl Fn(&LineState) -> bool,
) -> Result<LineState> {
    eventually(what, async || Some(line.state()).filter(|state| pick(state)))
        .await
        .with_context(|| format!("{:?}", line.state()))
}

pub(crate) fn message(to: &str, text: &str) -> OutgoingMessage {
    OutgoingMessage {
        key: MessageKey::fresh(),
        peer: address(to),
        text: MessageText::new(text, 8_000).unwrap(),
        sent_at: Timestamp::now(),
        turn: next_turn(),
    }
}

/// Later than all before, so that the line takes the message whatever it gave back.
pub(crate) fn next_turn() -> u64 {
    static TURN: AtomicU64 = AtomicU64::new(1);
    TURN.fetch_add(1, Ordering::Relaxed)
}
