use trunkline_model::{
    Address, ChatId, DeviceId, Entry, EntryBody, EntryKind, InvitationStatus, MessageId, MessageKey,
    MessageText, MessageView, Seq, Timestamp,
};
use uuid::Uuid;

use crate::{StoreError, sql::columns::Columns};

/// The columns of an entry that make its body, and those of the message that it refers to.
struct Parts {
    chat: ChatId,
    peer: Address,
    message: Option<MessageKey>,
    status: Option<String>,
    up_to: Option<i64>,
    unread: Option<i64>,
    code: Option<i64>,
    reason: Option<String>,
    unknown: Option<bool>,
    id: Option<String>,
    text: Option<String>,
    sent_at: Option<i64>,
}

pub(super) fn read(columns: &mut Columns<'_>) -> Result<Entry, StoreError> {
    let (seq, at) = (Seq(columns.next()?), Timestamp(columns.next()?));
    let origin = columns.next::<Option<Uuid>>()?.map(DeviceId);
    let kind: i64 = columns.next()?;
    let kind = EntryKind::from_code(kind)
        .ok_or_else(|| StoreError::Corrupt(format!("a mailbox entry has the unknown kind {kind}")))?;
    let peer = columns.address()?;
    let parts = Parts {
        peer,
        chat: ChatId(columns.next()?),
        message: columns.next::<Option<_>>()?.map(MessageKey),
        status: columns.next()?,
        up_to: columns.next()?,
        unread: columns.next()?,
        code: columns.next()?,
        reason: columns.next()?,
        unknown: columns.next()?,
        id: columns.next()?,
        text: columns.next()?,
        sent_at: columns.next()?,
    };
    let body = parts.body(kind).ok_or_else(|| {
        StoreError::Corrupt(format!("mailbox entry {} of the kind {kind:?} lacks a part", seq.0))
    })?;
    Ok(Entry { seq, at, origin, body })
}

impl Parts {
    fn body(self, kind: EntryKind) -> Option<EntryBody> {
        let (chat, peer) = (self.chat, self.peer.clone());
        Some(match kind {
            EntryKind::InvitationReceived => {
                EntryBody::InvitationReceived { chat, peer, message: self.view() }
            }
            EntryKind::InvitationUpdate => {
                let status = self.status.as_deref().and_then(InvitationStatus::from_name)?;
                EntryBody::InvitationUpdate { chat, peer, status }
            }
            EntryKind::MessageReceived => EntryBody::MessageReceived { chat, peer, message: self.view()? },
            EntryKind::MessageSent => EntryBody::MessageSent { chat, peer, message: self.view()? },
            EntryKind::MessageDelivered => EntryBody::MessageDelivered { chat, peer, id: self.message_id()? },
            EntryKind::MessageFailed => {
                let (id, code, unknown) = (self.message_id()?, self.code?, self.unknown?);
                EntryBody::MessageFailed { chat, peer, id, code, reason: self.reason?, unknown }
            }
            EntryKind::ChatEnded => EntryBody::ChatEnded { chat, peer },
            EntryKind::ConversationRead => {
                EntryBody::ConversationRead { chat, peer, up_to: Seq(self.up_to?), unread: self.unread? }
            }
        })
    }

    fn view(&self) -> Option<MessageView> {
        Some(MessageView {
            key: self.message?,
            id: self.message_id()?,
            text: MessageText::stored(self.text.clone()?),
            sent_at: Timestamp(self.sent_at?),
        })
    }

    fn message_id(&self) -> Option<MessageId> {
        self.id.as_deref()?.parse().ok()
    }
}
