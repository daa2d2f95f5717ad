use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};
use trunkline_core::port::{
    CallAnswer, Line, LineError, LineState, Outcome, OutgoingMessage, OwnPresence, Roster, RosterChange,
    Search, SearchResult,
};
use trunkline_model::{Address, Contact, GroupId, MessageId};

use crate::{
    account::{Shared, not_listed},
    exchange::{Command, LineId},
    search::found,
};

/// How long a command may wait for room in the queue.
const QUEUE_WAIT: Duration = Duration::from_secs(5);
/// How long a change of the roster may take.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// For the contact list of an account that has just signed in; servers send it at once.
const LIST_WAIT: Duration = Duration::from_secs(6);
/// How long signing out may take.
const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// One account's line: a handle to what the exchange keeps of it.
pub(crate) struct LyncLine {
    id: LineId,
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    /// The latest turn of which a message came back from here; see [`OutgoingMessage::turn`].
    given_back: AtomicU64,
}

impl LyncLine {
    pub(crate) fn new(id: LineId, shared: Arc<Shared>, commands: mpsc::Sender<Command>) -> Self {
        Self { id, shared, commands, given_back: AtomicU64::new(0) }
    }

    fn connected(&self) -> Result<(), LineError> {
        match &*self.shared.state() {
            LineState::Connected => Ok(()),
            other => Err(LineError::NotConnected(other.reason().to_owned())),
        }
    }

    async fn command(&self, command: Command) -> Result<(), LineError> {
        self.connected()?;
        self.tell(command).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(LineId, oneshot::Sender<T>) -> Command,
    ) -> Result<T, LineError> {
        self.connected()?;
        self.read(command).await
    }

    async fn read<T>(
        &self,
        command: impl FnOnce(LineId, oneshot::Sender<T>) -> Command,
    ) -> Result<T, LineError> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(self.id, reply)).await?;
        match timeout(ANSWER_WAIT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(LineError::NotConnected("the line is closed".into())),
            Err(_) => Err(LineError::NotConnected("the pool did not answer".into())),
        }
    }

    async fn tell(&self, command: Command) -> Result<(), LineError> {
        match timeout(QUEUE_WAIT, self.commands.send(command)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(LineError::NotConnected("the line is closed".into())),
            Err(_) => Err(LineError::NotConnected("too much is asked of the pool at once".into())),
        }
    }
}

#[async_trait]
impl Line for LyncLine {
    fn state(&self) -> LineState {
        self.shared.state().clone()
    }

    /// Each message has its outcome in bounded time: what waits for those before it is given back after a while, and what has
    /// left ends with its transactions. No clock runs here: it would call unknown what has not left.
    async fn send(&self, message: OutgoingMessage) -> Outcome {
        let (turn, (reply, outcome)) = (message.turn, oneshot::channel());
        // It would overtake what was handed over before it and came back, if the line came up in between.
        if turn <= self.given_back.load(Ordering::Relaxed) {
            return Outcome::NotSent;
        }
        if self.command(Command::Send { line: self.id, message, reply }).await.is_err() {
            self.given_back.fetch_max(turn, Ordering::Relaxed);
            return Outcome::NotSent;
        }
        // Without an answer the line has ended while the message was on its way.
        outcome.await.unwrap_or(Outcome::Unknown)
    }

    async fn typing(&self, peer: &Address, composing: bool) -> Result<(), LineError> {
        self.command(Command::Typing { line: self.id, peer: peer.clone(), composing }).await
    }

    async fn answer(&self, peer: &Address, answer: CallAnswer) -> Result<(), LineError> {
        self.command(Command::Answer { line: self.id, peer: peer.clone(), answer }).await
    }

    /// The servers have no receipts for messages between two people: the answer to a message is all that there is.
    async fn delivered(&self, _peer: &Address, _id: &MessageId) -> Result<(), LineError> {
        self.connected()
    }

    /// Remembered while the line reconnects, and shown as soon as it is signed in.
    async fn publish(&self, own: &OwnPresence) -> Result<(), LineError> {
        match self.state() {
            LineState::Connected | LineState::Connecting { .. } => {
                self.tell(Command::Publish { line: self.id, own: Box::new(own.clone()) }).await
            }
            other => Err(LineError::NotConnected(other.reason().to_owned())),
        }
    }

    /// What the pool last told; after a lost connection still that, until the new one has told it anew.
    async fn roster(&self) -> Result<Roster, LineError> {
        let waits = self.state() == LineState::Connected;
        let reading = self.read(|line, reply| Command::Roster { line, waits, reply });
        timeout(LIST_WAIT, reading).await.unwrap_or_else(|_| Err(not_listed()))?
    }

    async fn change_roster(&self, change: RosterChange) -> Result<Option<GroupId>, LineError> {
        self.ask(|line, reply| Command::Change { line, change, reply }).await?
    }

    /// Who is not in the roster may be somebody all the same: the servers say so only to who subscribes.
    async fn contact(&self, address: &Address) -> Result<Option<Contact>, LineError> {
        let asked = address.clone();
        let known = self.ask(|line, reply| Command::Known { line, address: asked, reply }).await?;
        Ok(Some(known.unwrap_or_else(|| Contact::unknown(address.clone()))))
    }

    async fn watch(&self, address: &Address, watch: bool) -> Result<(), LineError> {
        let address = address.clone();
        self.read(|line, reply| Command::Look { line, address, watch, reply }).await?
    }

    /// Remembered while the line reconnects.
    async fn block(&self, who: &Address, blocked: bool) -> Result<(), LineError> {
        let who = who.clone();
        self.read(|line, reply| Command::Block { line, who, blocked, reply }).await?.map(drop)
    }

    /// Over the roster: the address book is on the servers' web service, which is not asked.
    async fn search(&self, search: &Search) -> Result<SearchResult, LineError> {
        Ok(found(self.roster().await?.contacts, search))
    }

    async fn close(&self) {
        let (closed, over) = oneshot::channel();
        let closing = async {
            let command = Command::Close { line: self.id, closed: Some(closed) };
            if self.commands.send(command).await.is_ok() {
                // An error means that everything has ended, which is as good.
                let _ = over.await;
            }
        };
        // What takes longer goes on without anybody waiting for it.
        let _ = timeout(CLOSE_WAIT, closing).await;
    }
}

impl Drop for LyncLine {
    fn drop(&mut self) {
        let command = Command::Close { line: self.id, closed: None };
        let Err(error) = self.commands.try_send(command) else { return };
        if let (Ok(runtime), mpsc::error::TrySendError::Full(command)) = (Handle::try_current(), error) {
            let commands = self.commands.clone();
            runtime.spawn(async move { commands.send(command).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::port::Person;
    use trunkline_model::{AccountId, MessageKey, MessageText, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn message(key: u128, turn: u64) -> OutgoingMessage {
        OutgoingMessage {
            key: MessageKey(Uuid::from_u128(key)),
            peer: "bob@contoso.test".parse().expect("an address"),
            text: MessageText::stored("between us".into()),
            sent_at: Timestamp::now(),
            turn,
        }
    }

    #[tokio::test]
    async fn a_line_that_comes_up_between_two_messages_lets_none_overtake_the_other() {
        let address = "alice@contoso.test".parse().expect("an address");
        let shared = Arc::new(Shared::new(Person { account: AccountId(1), address }));
        let (commands, mut asked) = mpsc::channel(4);
        let line = LyncLine::new(LineId(1), shared.clone(), commands);
        assert_eq!(line.send(message(1, 1)).await, Outcome::NotSent);
        *shared.state() = LineState::Connected;
        assert_eq!(line.send(message(2, 1)).await, Outcome::NotSent);
        assert!(asked.try_recv().is_err());
        let answers = async {
            let Some(Command::Send { message, reply, .. }) = asked.recv().await else { panic!("no message") };
            reply.send(Outcome::Unknown).expect("who waits");
            message.key
        };
        let (outcome, key) = tokio::join!(line.send(message(1, 2)), answers);
        assert_eq!((outcome, key), (Outcome::Unknown, MessageKey(Uuid::from_u128(1))));
    }
}
