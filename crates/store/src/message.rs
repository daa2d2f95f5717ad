use trunkline_model::{
    AccountId, Address, CallEnd, ChatId, ConversationState, DeviceId, MessageId, MessageKey, MessageState,
    MessageText, Seq, Timestamp,
};

use crate::{
    Pending, Store, StoreError,
    command::{Accept, Acknowledge, Call, Decline, Deliver, End, EndCall, Read, Settle, Start},
    draft::Actor,
};

/// A message that a device of an account sends.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The sender.
    pub account: AccountId,
    /// The sending device.
    pub device: DeviceId,
    /// To whom.
    pub peer: Address,
    /// The id that the device made; unique with the device for 30 days.
    pub id: MessageId,
    /// What was written.
    pub text: MessageText,
    /// Which way it goes.
    pub route: Route,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The recipient lives on the relay: the commit is the delivery.
    Local {
        /// Who.
        recipient: AccountId,
        /// False when the recipient blocks the sender: the sender notices nothing, the recipient gets
        /// nothing.
        deliver: bool,
    },
    /// Another IM system: through the outbox and the account's line.
    Line,
}

/// What became of a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The relay's key.
    pub key: MessageKey,
    /// The conversation.
    pub chat: ChatId,
    /// When the relay took it; strictly rising within a process.
    pub sent_at: Timestamp,
    /// Where it stands.
    pub state: MessageState,
    /// True when this id had been sent before and nothing new happened.
    pub dup: bool,
    /// What went wrong with it, as Connect API code and plain words.
    pub failure: Option<(i64, String)>,
    /// Head of the sender's mailbox after this.
    pub head: Seq,
}

/// A message that a line brings.
#[derive(Debug, Clone)]
pub struct NewIncoming {
    /// Whose line.
    pub account: AccountId,
    /// Who wrote it.
    pub peer: Address,
    /// The id that the peer's client made.
    pub id: MessageId,
    /// What makes it unique on this line, kept 30 days.
    pub foreign_id: String,
    /// What was written.
    pub text: MessageText,
    /// The IM system's stamp.
    pub sent_at: Timestamp,
}

/// What became of a message that a line brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// True when it had been taken before and nothing new happened.
    pub dup: bool,
    /// The relay's key.
    pub key: MessageKey,
}

/// A conversation that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// The conversation.
    pub chat: ChatId,
    /// When.
    pub at: Timestamp,
}

/// A message that now reached a device of the account for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Who wrote it.
    pub peer: Address,
    /// The writer's id of it.
    pub id: MessageId,
    /// The relay's key.
    pub key: MessageKey,
    /// True when the writer lives on the relay and has been told in its mailbox.
    pub local: bool,
}

/// What an acknowledgement did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// The messages that thereby reached a device of the account for the first time.
    pub receipts: Vec<Receipt>,
    /// True when there was more to acknowledge than one step takes: call again.
    pub more: bool,
}

/// How far a conversation is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    /// The conversation.
    pub chat: ChatId,
    /// Everything up to here is read.
    pub up_to: Seq,
    /// What is left unread.
    pub unread: i64,
    /// Where the conversation stands.
    pub state: ConversationState,
}

/// What an IM system said of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageOutcome {
    /// Not handed over after all: it waits again.
    Stored,
    /// Handed over; no word yet.
    Submitted,
    /// The IM system has it.
    Confirmed,
    /// The IM system refused it, at once or later.
    Failed {
        /// Connect API error code.
        code: i64,
        /// Plain words.
        reason: String,
    },
    /// The link died after submit: nobody knows.
    Unknown {
        /// Plain words.
        reason: String,
    },
}

impl Store {
    /// Takes a message from a device: a message row, an entry in the sender's and (when local) the
    /// recipient's mailbox, else an outbox row. Fails with [`StoreError::Reused`] when the id had another
    /// text or contact.
    pub async fn send(&self, message: NewMessage) -> Result<Pending<Sent>, StoreError> {
        self.chat(message).await
    }

    /// Takes a message that a line brought; unique on account and foreign id.
    pub async fn receive(&self, message: NewIncoming) -> Result<Pending<Received>, StoreError> {
        self.chat(message).await
    }

    /// Takes a call that a line brought and that carries no message: an invitation, unless one of that peer's pends. What
    /// carries one is taken by [`Store::receive`].
    pub async fn call(&self, account: AccountId, peer: &Address) -> Result<Pending<()>, StoreError> {
        self.chat(Call { account, peer: peer.clone() }).await
    }

    /// Notes that a call which waited for an answer is over; `foreign_id` names its message. Its invitation, if it still
    /// pends, is closed when it was answered or declined elsewhere; its message counts as read when it was answered. A message that nobody
    /// answered stays as it is; an invitation without one lapses.
    pub async fn call_ended(
        &self,
        account: AccountId,
        peer: &Address,
        foreign_id: Option<&str>,
        end: CallEnd,
    ) -> Result<Pending<()>, StoreError> {
        let (peer, foreign_id) = (peer.clone(), foreign_id.map(str::to_owned));
        self.chat(EndCall { account, peer, foreign_id, end }).await
    }

    /// Opens a conversation without a message; `recipient` when the peer lives on the relay. One that is open
    /// or calling is kept, a pending invitation is accepted.
    pub async fn start_chat(
        &self,
        account: AccountId,
        device: DeviceId,
        peer: Address,
        recipient: Option<AccountId>,
    ) -> Result<Pending<Started>, StoreError> {
        self.chat(Start(Actor { account, device, peer, recipient })).await
    }

    /// Accepts a pending invitation; [`StoreError::AlreadyAnswered`] when it does not pend any more.
    pub async fn accept(
        &self,
        account: AccountId,
        device: DeviceId,
        peer: Address,
        chat: ChatId,
        recipient: Option<AccountId>,
    ) -> Result<Pending<()>, StoreError> {
        self.chat(Accept(Actor { account, device, peer, recipient }, chat)).await
    }

    /// Declines a pending invitation; [`StoreError::AlreadyAnswered`] when it does not pend any more.
    pub async fn decline(
        &self,
        account: AccountId,
        device: DeviceId,
        peer: Address,
        chat: ChatId,
        recipient: Option<AccountId>,
    ) -> Result<Pending<()>, StoreError> {
        self.chat(Decline(Actor { account, device, peer, recipient }, chat)).await
    }

    /// Ends a conversation; fine when there is none.
    pub async fn end_chat(
        &self,
        account: AccountId,
        device: DeviceId,
        peer: Address,
        recipient: Option<AccountId>,
    ) -> Result<Pending<()>, StoreError> {
        self.chat(End(Actor { account, device, peer, recipient })).await
    }

    /// Moves the device's acknowledged mark forward, at most to the head and by one step of 1 000 entries. Local
    /// writers are told in their mailboxes.
    pub async fn acknowledge(
        &self,
        account: AccountId,
        device: DeviceId,
        up_to: Seq,
    ) -> Result<Pending<Acknowledged>, StoreError> {
        self.chat(Acknowledge { account, device, up_to }).await
    }

    /// Marks a conversation as read up to a place (the head when `None`), only forward; an entry tells the
    /// other devices when that lowers the unread count. [`StoreError::NotFound`] without a conversation.
    pub async fn read(
        &self,
        account: AccountId,
        device: DeviceId,
        peer: Address,
        up_to: Option<Seq>,
    ) -> Result<Pending<ReadMark>, StoreError> {
        self.chat(Read { account, device, peer, up_to }).await
    }

    /// Notes what an IM system said of a message; with `tell` a bad outcome becomes an entry in the sender's
    /// mailbox. Gives the state that the message was in before; `None` when nothing changed, as when `account` is given
    /// and has not written the message.
    /// [`StoreError::NotFound`] for a message that retention has removed.
    pub async fn outcome(
        &self,
        account: Option<AccountId>,
        key: MessageKey,
        outcome: MessageOutcome,
        tell: bool,
    ) -> Result<Pending<Option<MessageState>>, StoreError> {
        self.chat(Settle { account, key, outcome, tell }).await
    }

    /// Notes the peer's own receipt that came over the line: told once, and only for a message that the
    /// account wrote to that peer.
    pub async fn delivered(
        &self,
        account: AccountId,
        peer: &Address,
        key: MessageKey,
    ) -> Result<Pending<()>, StoreError> {
        self.chat(Deliver { account, peer: peer.clone(), key }).await
    }
}
