mod roster;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_xmpp::{
    jid::{BareJid, Jid},
    minidom::Element,
    parsers::{
        disco::DiscoInfoQuery,
        stanza_error::{DefinedCondition, StanzaError},
    },
};
use trunkline_core::port::{
    Inlet, Line, LineError, LineState, Outcome, OutgoingMessage, OwnPresence, Person, Roster, RosterChange,
    Search, SearchResult,
};
use trunkline_model::{Address, Contact, GroupId, MessageId, Presence};

use crate::{
    address::jid_of,
    backend::Server,
    book::Book,
    fault::refusal,
    iq::Asker,
    message,
    recent::Recent,
    worker::{Command, Question, Worker},
};

/// Commands that may wait for the worker.
const QUEUE: usize = 64;
/// How long a command may wait for room in the queue.
const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// How long the server may take to answer a question.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// How long a message may wait for the server's word, over a resumed connection too.
const OUTCOME_WAIT: Duration = Duration::from_secs(60);
/// How long signing out may take.
const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// Receipts that peers asked for and that are not sent yet.
const MAX_ASKED: usize = 1_024;

/// One account's line: a handle to its worker.
pub(crate) struct XmppLine {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    /// The latest turn of which a message came back from here; see [`OutgoingMessage::turn`].
    given_back: AtomicU64,
}

/// What the handle and the worker both see.
pub(crate) struct Shared {
    pub(crate) person: Person,
    state: Mutex<LineState>,
    book: Mutex<Book>,
    presence: Mutex<Option<Presence>>,
    asked: Mutex<Recent<(Address, MessageId), ()>>,
}

impl Shared {
    fn new(person: Person) -> Self {
        Self {
            person,
            state: Mutex::new(LineState::Connecting { reason: String::new() }),
            book: Mutex::default(),
            presence: Mutex::default(),
            asked: Mutex::new(Recent::new(MAX_ASKED)),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be shown of the person; `None` before the core has said anything.
    pub(crate) fn presence(&self) -> MutexGuard<'_, Option<Presence>> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Messages whose senders asked for a receipt.
    pub(crate) fn asked(&self) -> MutexGuard<'_, Recent<(Address, MessageId), ()>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl XmppLine {
    /// Starts the worker; it ends when the line is closed, refused or dropped.
    pub(crate) fn open(
        server: Arc<Server>,
        person: Person,
        own: BareJid,
        password: SecretString,
        inlet: Arc<dyn Inlet>,
    ) -> Arc<dyn Line> {
        let (commands, queue) = mpsc::channel(QUEUE);
        let shared = Arc::new(Shared::new(person));
        let worker = Worker::new(server, shared.clone(), own, password, inlet, queue);
        tokio::spawn(worker.run());
        Arc::new(Self { shared, commands, given_back: AtomicU64::new(0) })
    }

    fn connected(&self) -> Result<(), LineError> {
        match &*self.shared.state() {
            LineState::Connected => Ok(()),
            other => Err(LineError::NotConnected(other.reason().to_owned())),
        }
    }

    async fn command(&self, command: Command) -> Result<(), LineError> {
        self.connected()?;
        match timeout(QUEUE_WAIT, self.commands.send(command)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(LineError::NotConnected("the line is closed".into())),
            Err(_) => Err(LineError::NotConnected("the server takes nothing more".into())),
        }
    }

    async fn ask(&self, to: Option<Jid>, question: Question) -> Result<Option<Element>, Failed> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Ask { to, question, asker: Asker::Call(reply) }).await?;
        match timeout(ANSWER_WAIT, answer).await {
            Ok(Ok(answer)) => answer.map_err(Failed::Server),
            Ok(Err(_)) => Err(LineError::NotConnected("the connection was lost".into()).into()),
            Err(_) => Err(LineError::NotConnected("the server did not answer".into()).into()),
        }
    }
}

/// Why a question has no result.
enum Failed {
    Line(LineError),
    Server(StanzaError),
}

impl From<LineError> for Failed {
    fn from(error: LineError) -> Self {
        Self::Line(error)
    }
}

impl From<Failed> for LineError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Line(error) => error,
            Failed::Server(error) => match error.defined_condition {
                DefinedCondition::ItemNotFound => Self::NotFound(refusal(&error).1),
                _ => Self::Refused(refusal(&error).1),
            },
        }
    }
}

fn known_jid(address: &Address) -> Result<BareJid, LineError> {
    jid_of(address)
        .ok_or_else(|| LineError::NotFound(format!("{address} is not an address that XMPP can hold")))
}

#[async_trait]
impl Line for XmppLine {
    fn state(&self) -> LineState {
        self.shared.state().clone()
    }

    async fn send(&self, message: OutgoingMessage) -> Outcome {
        let Some(to) = jid_of(&message.peer) else {
            let reason = "the address is not one that XMPP can hold".into();
            return Outcome::Refused { permanent: true, reason };
        };
        let (turn, (reply, outcome)) = (message.turn, oneshot::channel());
        // It would overtake what was handed over before it and came back, if the line came up in between.
        if turn <= self.given_back.load(Ordering::Relaxed) {
            return Outcome::NotSent;
        }
        if self.command(Command::Send { to, message, reply }).await.is_err() {
            self.given_back.fetch_max(turn, Ordering::Relaxed);
            return Outcome::NotSent;
        }
        match timeout(OUTCOME_WAIT, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Outcome::Unknown,
        }
    }

    async fn typing(&self, peer: &Address, composing: bool) -> Result<(), LineError> {
        let stanza = message::typing(known_jid(peer)?, composing);
        self.command(Command::Stanza(Box::new(stanza.into()))).await
    }

    async fn delivered(&self, peer: &Address, id: &MessageId) -> Result<(), LineError> {
        let to = known_jid(peer)?;
        self.connected()?;
        if self.shared.asked().remove(&(peer.clone(), id.clone())).is_none() {
            return Ok(());
        }
        self.command(Command::Stanza(Box::new(message::receipt(to, id).into()))).await
    }

    /// Remembered while the line reconnects, and shown as soon as it is signed in.
    async fn publish(&self, own: &OwnPresence) -> Result<(), LineError> {
        *self.shared.presence() = Some(own.presence.clone());
        let state = self.state();
        match state {
            LineState::Connected => self.command(Command::Show).await,
            LineState::Connecting { .. } => Ok(()),
            _ => Err(LineError::NotConnected(state.reason().to_owned())),
        }
    }

    /// What the server last told; after a lost connection still that, until the new one has told it anew.
    async fn roster(&self) -> Result<Roster, LineError> {
        let book = self.shared.book();
        if book.loaded() {
            return Ok(book.roster());
        }
        drop(book);
        Err(LineError::NotConnected(self.state().reason().to_owned()))
    }

    async fn change_roster(&self, change: RosterChange) -> Result<Option<GroupId>, LineError> {
        self.change(change).await
    }

    /// Many servers do not tell a stranger from nobody; only "no such item" counts as nobody.
    async fn contact(&self, address: &Address) -> Result<Option<Contact>, LineError> {
        if let Some(contact) = self.shared.book().contact(address) {
            return Ok(Some(contact));
        }
        let Some(jid) = jid_of(address) else { return Ok(None) };
        let query = Question::Get(DiscoInfoQuery { node: None }.into());
        match self.ask(Some(jid.into()), query).await {
            Err(Failed::Line(error)) => Err(error),
            Err(Failed::Server(error)) if error.defined_condition == DefinedCondition::ItemNotFound => {
                Ok(None)
            }
            Ok(_) | Err(Failed::Server(_)) => Ok(Some(Contact::unknown(address.clone()))),
        }
    }

    /// XMPP shows presence only to whom a person has agreed, so nothing is asked of the server; a presence that the
    /// person sends by themselves is told.
    async fn watch(&self, address: &Address, watch: bool) -> Result<(), LineError> {
        if self.shared.book().watch(address, watch) {
            return Ok(());
        }
        Err(LineError::Refused("too many people outside the roster are watched".into()))
    }

    /// Over the roster; directories of servers (XEP-0055) are not asked.
    async fn search(&self, search: &Search) -> Result<SearchResult, LineError> {
        Ok(self.shared.book().search(search))
    }

    async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        let closing = async {
            if self.commands.send(Command::Close(reply)).await.is_ok() {
                // An error means the worker has ended, which is as good.
                let _ = closed.await;
            }
        };
        let _ = timeout(CLOSE_WAIT, closing).await;
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::{AccountId, MessageKey, MessageText, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn message(key: u128, turn: u64) -> OutgoingMessage {
        OutgoingMessage {
            key: MessageKey(Uuid::from_u128(key)),
            peer: "bob@corp.test".parse().expect("an address"),
            text: MessageText::stored("between us".into()),
            sent_at: Timestamp::now(),
            turn,
        }
    }

    #[tokio::test]
    async fn a_line_that_comes_up_between_two_messages_lets_none_overtake_the_other() {
        let address = "alice@corp.test".parse().expect("an address");
        let shared = Arc::new(Shared::new(Person { account: AccountId(1), address }));
        let (commands, mut asked) = mpsc::channel(4);
        let line = XmppLine { shared: shared.clone(), commands, given_back: AtomicU64::new(0) };
        assert_eq!(line.send(message(1, 1)).await, Outcome::NotSent);
        *shared.state() = LineState::Connected;
        assert_eq!(line.send(message(2, 1)).await, Outcome::NotSent);
        assert!(asked.try_recv().is_err());
        let answers = async {
            let Some(Command::Send { message, reply, .. }) = asked.recv().await else { panic!("no message") };
            reply.send(Outcome::Confirmed).expect("who waits");
            message.key
        };
        let (outcome, key) = tokio::join!(line.send(message(1, 2)), answers);
        assert_eq!((outcome, key), (Outcome::Confirmed, MessageKey(Uuid::from_u128(1))));
    }
}
