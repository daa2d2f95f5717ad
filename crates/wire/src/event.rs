use std::{fmt, sync::Arc};

use trunkline_model::{Address, ChatId, Entry, EntryBody, Epoch, MessageView, Timestamp};

use crate::{ContactView, json::Object, reply::ContactMap};

macro_rules! event_names {
    ($(#[doc = $doc:literal] $variant:ident = $name:literal, $durable:literal;)*) => {
        /// Everything that a phone is told unasked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventName {
            $(#[doc = $doc] $variant,)*
        }

        impl EventName {
            /// Every event.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on the wire; methods may bear the same.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// When it comes, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc.trim_ascii(),)*
                }
            }

            /// True when it is an entry of the mailbox, sent again until the device has acknowledged it.
            pub fn durable(self) -> bool {
                match self {
                    $(Self::$variant => $durable,)*
                }
            }
        }
    };
}

event_names! {
    /// Somebody opens a conversation; after a bare StartChat without a message.
    InvitationReceived = "InvitationReceived", true;
    /// An invitation, sent or received, was answered or lapsed.
    InvitationUpdate = "InvitationUpdate", true;
    /// A message came.
    MessageReceived = "MessageReceived", true;
    /// Another device of the account, or another client, sent a message.
    MessageSent = "MessageSent", true;
    /// A message of the account reached a device of the recipient.
    MessageAck = "MessageAck", true;
    /// A message of the account did not get through, or nobody knows.
    MessageFailed = "MessageFailed", true;
    /// The other person, or another device of the account, ended the conversation.
    ChatEnded = "ChatEnded", true;
    /// The account read a conversation on another device.
    ConversationRead = "conversation.Read", true;
    /// Somebody types.
    StartTyping = "StartTyping", false;
    /// Somebody stopped typing.
    StopTyping = "StopTyping", false;
    /// People changed: presence, profile, place in the roster.
    ContactUpdate = "ContactUpdate", false;
    /// The account's line to its IM system changed.
    LineStateChanged = "LineStateChanged", false;
    /// The session is over; the socket closes after it.
    SessionTerminated = "SessionTerminated", false;
}

/// An event's encoded `data` object: made once, sent to many; cheap to clone. Its `Debug` tells only the length.
#[derive(Clone, PartialEq, Eq)]
pub struct EventData(Arc<str>);

impl EventData {
    /// The JSON text: for sockets, never for logs.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// A whole event frame; `number` counts the session's events only, `sequence` all that it is told.
pub fn event(number: u64, sequence: i64, data: &EventData) -> String {
    format!(
        r#"{{"id":"S{number}","sequence":{sequence},"error":null,"result":{{"data":{}}},"jsonrpc":"2.0"}}"#,
        data.0
    )
}

/// What a mailbox entry tells, with its durable position; `peer_name` is the name to show.
pub fn entry_event(entry: &Entry, epoch: Epoch, peer_name: &str) -> EventData {
    let mut data = Object::new();
    let method = put_body(&mut data, entry, peer_name);
    finish(data.put("mailboxSeq", &entry.seq.0).put("epoch", &epoch.0), method)
}

fn put_body(data: &mut Object, entry: &Entry, peer_name: &str) -> EventName {
    match &entry.body {
        EntryBody::InvitationReceived { chat, peer, message } => {
            data.put("requestId", chat);
            put_message(data, *chat, peer, peer_name, message.as_ref(), entry.at);
            EventName::InvitationReceived
        }
        EntryBody::InvitationUpdate { chat, peer, status } => {
            data.put("requestId", chat).put("chatId", chat).put("contactId", peer);
            data.put("status", status.name());
            EventName::InvitationUpdate
        }
        EntryBody::MessageReceived { chat, peer, message } => {
            put_message(data, *chat, peer, peer_name, Some(message), entry.at);
            EventName::MessageReceived
        }
        EntryBody::MessageSent { chat, peer, message } => {
            put_message(data, *chat, peer, peer_name, Some(message), entry.at);
            data.put("direction", "out");
            EventName::MessageSent
        }
        EntryBody::MessageDelivered { chat, peer, id } => {
            data.put("messageId", id.as_str()).put("contactId", peer).put("chatId", chat);
            data.put("status", "delivered");
            EventName::MessageAck
        }
        EntryBody::MessageFailed { chat, peer, id, code, reason, unknown } => {
            data.put("messageId", id.as_str()).put("contactId", peer).put("chatId", chat);
            data.put("code", code).put("message", reason);
            if *unknown {
                data.put("unknown", &true);
            }
            EventName::MessageFailed
        }
        EntryBody::ChatEnded { chat, peer } => {
            data.put("contactId", peer).put("chatId", chat);
            EventName::ChatEnded
        }
        EntryBody::ConversationRead { chat, peer, up_to, unread } => {
            data.put("contactId", peer).put("chatId", chat).put("upTo", &up_to.0).put("unread", unread);
            EventName::ConversationRead
        }
    }
}

fn put_message(
    data: &mut Object,
    chat: ChatId,
    peer: &Address,
    peer_name: &str,
    message: Option<&MessageView>,
    otherwise_at: Timestamp,
) {
    data.put("chatId", &chat)
        .put("contactId", peer)
        .put("displayName", peer_name)
        .put("message", message.map_or("", |message| message.text.expose()))
        .put("messageId", message.map_or("", |message| message.id.as_str()))
        .put("timestamp", &message.map_or(otherwise_at, |message| message.sent_at).as_millis());
}

/// Somebody types, or has stopped.
pub fn typing(peer: &Address, chat: ChatId, composing: bool) -> EventData {
    let method = if composing { EventName::StartTyping } else { EventName::StopTyping };
    finish(Object::new().put("contactId", peer).put("chatId", &chat), method)
}

/// People changed; a single one is told in the short form too.
pub fn contact_update(contacts: &[ContactView]) -> EventData {
    let mut data = Object::new();
    if let [only] = contacts {
        data.put("contactId", &only.contact.address).put("contact", &ContactMap(contacts));
    }
    finish(data.put("contacts", &ContactMap(contacts)), EventName::ContactUpdate)
}

/// The line to the IM system changed.
pub fn line_state(state: &str, reason: &str) -> EventData {
    finish(Object::new().put("state", state).put("reason", reason), EventName::LineStateChanged)
}

/// The session is over: `timeout`, `admin`, `replaced` or `revoked`.
pub fn session_terminated(reason: &str) -> EventData {
    finish(Object::new().put("reason", reason), EventName::SessionTerminated)
}

fn finish(data: &mut Object, event: EventName) -> EventData {
    EventData(data.put("method", event.name()).finish().into())
}
