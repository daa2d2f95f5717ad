use crate::{Address, ChatId, DeviceId, MessageId, MessageView, Seq, Timestamp};

/// One thing that a device must not miss, at its place in an account's mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Place in the mailbox.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// The device whose own act this tells, or whose message it was that failed.
    pub origin: Origin,
    /// What happened.
    pub body: EntryBody,
}

impl Entry {
    /// Whether the entry is news to this device of the account's. It knows its own acts; how one ended it may not.
    pub fn is_for(&self, device: DeviceId) -> bool {
        self.origin != Some(device) || matches!(self.body, EntryBody::MessageFailed { .. })
    }
}

/// Whose act an [`Entry`] tells: `None` when not one of the account's own devices acted.
pub type Origin = Option<DeviceId>;

/// What an [`Entry`] tells. `peer` is always the other person of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryBody {
    /// Somebody opens a conversation; `message` is the first text, absent after a bare StartChat.
    InvitationReceived {
        /// The conversation, also the `requestId`.
        chat: ChatId,
        /// Who invites.
        peer: Address,
        /// The first message.
        message: Option<MessageView>,
    },
    /// An invitation (received or sent) was answered or lapsed.
    InvitationUpdate {
        /// The conversation.
        chat: ChatId,
        /// The other person.
        peer: Address,
        /// How it ended.
        status: InvitationStatus,
    },
    /// A message arrived.
    MessageReceived {
        /// The conversation.
        chat: ChatId,
        /// Who wrote it.
        peer: Address,
        /// The message.
        message: MessageView,
    },
    /// The account itself wrote a message, on the device in [`Entry::origin`] or in another client.
    MessageSent {
        /// The conversation.
        chat: ChatId,
        /// To whom.
        peer: Address,
        /// The message.
        message: MessageView,
    },
    /// A message of the account's reached a device of the recipient's.
    MessageDelivered {
        /// The conversation.
        chat: ChatId,
        /// Who has it now.
        peer: Address,
        /// The message's id, as the account's device made it.
        id: MessageId,
    },
    /// A message of the account's did not get through, or nobody knows.
    MessageFailed {
        /// The conversation.
        chat: ChatId,
        /// To whom it was going.
        peer: Address,
        /// The message's id, as the account's device made it.
        id: MessageId,
        /// Connect API error code.
        code: i64,
        /// Plain-words cause.
        reason: String,
        /// True when it may have arrived all the same.
        unknown: bool,
    },
    /// The other person ended the conversation, or another device of the account did.
    ChatEnded {
        /// The conversation.
        chat: ChatId,
        /// The other person.
        peer: Address,
    },
    /// The account read a conversation on one of its devices.
    ConversationRead {
        /// The conversation.
        chat: ChatId,
        /// The other person.
        peer: Address,
        /// Everything up to here is read.
        up_to: Seq,
        /// What is left unread.
        unread: i64,
    },
}

/// The kind of an [`EntryBody`], as a number in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// [`EntryBody::InvitationReceived`].
    InvitationReceived,
    /// [`EntryBody::InvitationUpdate`].
    InvitationUpdate,
    /// [`EntryBody::MessageReceived`].
    MessageReceived,
    /// [`EntryBody::MessageSent`].
    MessageSent,
    /// [`EntryBody::MessageDelivered`].
    MessageDelivered,
    /// [`EntryBody::MessageFailed`].
    MessageFailed,
    /// [`EntryBody::ChatEnded`].
    ChatEnded,
    /// [`EntryBody::ConversationRead`].
    ConversationRead,
}

impl EntryKind {
    const ALL: [Self; 8] = [
        Self::InvitationReceived,
        Self::InvitationUpdate,
        Self::MessageReceived,
        Self::MessageSent,
        Self::MessageDelivered,
        Self::MessageFailed,
        Self::ChatEnded,
        Self::ConversationRead,
    ];

    /// The number that the store keeps, from 1.
    pub fn code(self) -> i64 {
        self as i64 + 1
    }

    /// The kind with this number; `None` for a number that no version wrote.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl EntryBody {
    /// Which kind this is.
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::InvitationReceived { .. } => EntryKind::InvitationReceived,
            Self::InvitationUpdate { .. } => EntryKind::InvitationUpdate,
            Self::MessageReceived { .. } => EntryKind::MessageReceived,
            Self::MessageSent { .. } => EntryKind::MessageSent,
            Self::MessageDelivered { .. } => EntryKind::MessageDelivered,
            Self::MessageFailed { .. } => EntryKind::MessageFailed,
            Self::ChatEnded { .. } => EntryKind::ChatEnded,
            Self::ConversationRead { .. } => EntryKind::ConversationRead,
        }
    }

    /// The other person of the conversation.
    pub fn peer(&self) -> &Address {
        match self {
            Self::InvitationReceived { peer, .. }
            | Self::InvitationUpdate { peer, .. }
            | Self::MessageReceived { peer, .. }
            | Self::MessageSent { peer, .. }
            | Self::MessageDelivered { peer, .. }
            | Self::MessageFailed { peer, .. }
            | Self::ChatEnded { peer, .. }
            | Self::ConversationRead { peer, .. } => peer,
        }
    }

    /// The message that a phone is to acknowledge, when the entry carries one that somebody else wrote.
    pub fn incoming(&self) -> Option<&MessageView> {
        match self {
            Self::InvitationReceived { message, .. } => message.as_ref(),
            Self::MessageReceived { message, .. } => Some(message),
            _ => None,
        }
    }
}

/// How an invitation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InvitationStatus {
    /// Somebody accepted, by AcceptChat or by answering.
    Accepted,
    /// Somebody declined.
    Declined,
    /// Nobody answered in time.
    Expired,
    /// The account answered on another client, which has the conversation now.
    AnsweredElsewhere,
}

impl InvitationStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Declined, Self::Expired, Self::AnsweredElsewhere];

    /// The word on the phone's wire, also what the store keeps.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Declined => "Declined",
            Self::Expired => "Expired",
            Self::AnsweredElsewhere => "AnsweredElsewhere",
        }
    }

    /// From the word; `None` for a word that no version wrote.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}
