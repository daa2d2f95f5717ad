use serde_json::Value;
use trunkline_model::{Address, Epoch, MessageText, Seq, Timestamp};

use crate::{RosterContact, Session, StopReason, roster};

/// An event, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// What happened.
    pub event: Event,
    /// Its place in the account's mailbox; absent for what is never stored.
    pub mailbox_seq: Option<Seq>,
    /// The life of the database that the place belongs to.
    pub epoch: Option<Epoch>,
    /// The session's counter; absent for what the phone itself tells.
    pub sequence: Option<i64>,
}

/// What a phone is told unasked. `contact` is always the other person; texts do not show in `Debug`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are named after the members of the Connect API's events")]
pub enum Event {
    /// A message arrived.
    Message {
        contact: Address,
        name: String,
        chat_id: String,
        message_id: String,
        text: MessageText,
        at: Timestamp,
    },
    /// Somebody opens a conversation; `message_id` and `text` are empty when without a message.
    Invitation {
        contact: Address,
        name: String,
        request_id: String,
        message_id: String,
        text: MessageText,
        at: Timestamp,
    },
    /// A message of this account's reached a device of the recipient's.
    Delivered { contact: Address, chat_id: String, message_id: String },
    /// A message of this account's did not get through; `unknown` when it may have.
    Failed { contact: Address, message_id: String, code: i64, reason: String, unknown: bool },
    /// Somebody types, or has stopped.
    Typing { contact: Address, chat_id: String, composing: bool },
    /// People changed.
    ContactUpdate { contacts: Vec<RosterContact> },
    /// This account wrote on another device.
    MessageSent {
        contact: Address,
        name: String,
        chat_id: String,
        message_id: String,
        text: MessageText,
        at: Timestamp,
    },
    /// An invitation was answered or is over: `Accepted`, `Declined`, `Expired` or `AnsweredElsewhere`.
    InvitationUpdate { contact: Address, request_id: String, status: String },
    /// A conversation ended.
    ChatEnded { contact: Address, chat_id: String },
    /// A conversation was read on another device.
    Read { contact: Address, up_to: Seq, unread: i64 },
    /// The line to the IM system changed.
    LineState { state: String, reason: String },
    /// The session stands.
    Connected(Session),
    /// The socket broke; the phone reconnects by itself.
    Disconnected { reason: String },
    /// The phone goes on by POST and poll, because (`reason`) no WebSocket works; or by a WebSocket again.
    Form { web_socket: bool, reason: String },
    /// The phone no longer connects; the last event.
    Terminated { reason: StopReason },
    /// One that this version does not know, or that lacks what it must hold; `data` holds its members.
    Other { method: String, data: Value },
}

impl Received {
    /// From an event frame.
    pub(crate) fn read(sequence: i64, method: String, data: Value) -> Self {
        let number = |name: &str| data.get(name).and_then(Value::as_i64);
        let (mailbox_seq, epoch) = (number("mailboxSeq").map(Seq), number("epoch").map(Epoch));
        let event = Event::read(&method, &data).unwrap_or(Event::Other { method, data });
        Self { event, mailbox_seq, epoch, sequence: Some(sequence) }
    }

    /// Something that the phone itself tells.
    pub(crate) fn own(event: Event) -> Self {
        Self { event, mailbox_seq: None, epoch: None, sequence: None }
    }
}

impl Event {
    /// Whom and what to acknowledge, when the event carries a message that somebody else wrote.
    pub(crate) fn incoming(&self) -> Option<(&str, &Address)> {
        match self {
            Self::Message { contact, message_id, .. } | Self::Invitation { contact, message_id, .. } => {
                (!message_id.is_empty()).then_some((message_id.as_str(), contact))
            }
            _ => None,
        }
    }

    fn read(method: &str, data: &Value) -> Option<Self> {
        let m = Members(data);
        Some(match method {
            "MessageReceived" => {
                let (name, chat_id, message_id) =
                    (m.text("displayName"), m.text("chatId"), m.text("messageId"));
                Self::Message {
                    contact: m.contact()?,
                    name,
                    chat_id,
                    message_id,
                    text: m.message(),
                    at: m.at(),
                }
            }
            "MessageSent" => {
                let (name, chat_id, message_id) =
                    (m.text("displayName"), m.text("chatId"), m.text("messageId"));
                Self::MessageSent {
                    contact: m.contact()?,
                    name,
                    chat_id,
                    message_id,
                    text: m.message(),
                    at: m.at(),
                }
            }
            "InvitationReceived" => {
                let (name, request_id, message_id) =
                    (m.text("displayName"), m.text("requestId"), m.text("messageId"));
                Self::Invitation {
                    contact: m.contact()?,
                    name,
                    request_id,
                    message_id,
                    text: m.message(),
                    at: m.at(),
                }
            }
            "InvitationUpdate" => {
                let (request_id, status) = (m.text("requestId"), m.text("status"));
                Self::InvitationUpdate { contact: m.contact()?, request_id, status }
            }
            "MessageAck" => {
                let (chat_id, message_id) = (m.text("chatId"), m.text("messageId"));
                Self::Delivered { contact: m.contact()?, chat_id, message_id }
            }
            "MessageFailed" => Self::Failed {
                contact: m.contact()?,
                message_id: m.text("messageId"),
                code: m.number("code").unwrap_or_default(),
                reason: m.text("message"),
                unknown: data.get("unknown").and_then(Value::as_bool).unwrap_or(false),
            },
            "StartTyping" | "StopTyping" => {
                let composing = method == "StartTyping";
                Self::Typing { contact: m.contact()?, chat_id: m.text("chatId"), composing }
            }
            "ContactUpdate" => Self::ContactUpdate { contacts: roster::contacts(data) },
            "ChatEnded" => Self::ChatEnded { contact: m.contact()?, chat_id: m.text("chatId") },
            "conversation.Read" => {
                let (up_to, unread) = (Seq(m.number("upTo")?), m.number("unread")?);
                Self::Read { contact: m.contact()?, up_to, unread }
            }
            "LineStateChanged" => Self::LineState { state: m.text("state"), reason: m.text("reason") },
            _ => return None,
        })
    }
}

struct Members<'a>(&'a Value);

impl Members<'_> {
    fn text(&self, name: &str) -> String {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    fn contact(&self) -> Option<Address> {
        self.0.get("contactId")?.as_str()?.parse().ok()
    }

    fn message(&self) -> MessageText {
        MessageText::stored(self.text("message"))
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.number("timestamp").unwrap_or_default())
    }
}
