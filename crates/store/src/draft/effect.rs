//! What acts do to the two sides of a conversation and to the mailboxes.

use trunkline_model::{
    AccountId, Address, Arrival, ChatId, ConversationError, DeviceId, EntryBody, InvitationStatus,
    MessageKey, Timestamp,
};

use super::Draft;
use crate::StoreError;

/// A device that acts in a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    /// The other person.
    pub(crate) peer: Address,
    /// The other person's account, when it lives on the relay and is to notice.
    pub(crate) recipient: Option<AccountId>,
}

impl Draft<'_> {
    /// The actor accepts a pending invitation: its other devices hear so, all its devices get the
    /// invitation's message as a message, and the inviter hears so.
    pub(crate) fn accept(&mut self, actor: &Actor, at: Timestamp) -> Result<(), StoreError> {
        let accepted =
            self.change(actor.account, &actor.peer, at, |side| side.accept().map(|first| (side.chat, first)));
        let (chat, first) =
            accepted.map_err(|ConversationError::AlreadyAnswered| StoreError::AlreadyAnswered)?;
        let peer = actor.peer.clone();
        let status = InvitationStatus::Accepted;
        let update = EntryBody::InvitationUpdate { chat, peer: peer.clone(), status };
        self.append(actor.account, at, Some(actor.device), update);
        if let Some(message) = first.and_then(|key| self.view(key)) {
            self.append(actor.account, at, None, EntryBody::MessageReceived { chat, peer, message });
        }
        self.answered(actor, at, status)
    }

    /// The peer, when it lives here, hears that its invitation was accepted or declined.
    pub(crate) fn answered(
        &mut self,
        actor: &Actor,
        at: Timestamp,
        status: InvitationStatus,
    ) -> Result<(), StoreError> {
        let Some(recipient) = actor.recipient else { return Ok(()) };
        let me = self.address(actor.account)?;
        let news = self.change(recipient, &me, at, |side| match status {
            InvitationStatus::Accepted => side.accepted().then_some(side.chat),
            InvitationStatus::Declined | InvitationStatus::Expired | InvitationStatus::AnsweredElsewhere => {
                side.declined().then_some(side.chat)
            }
        });
        if let Some(chat) = news {
            self.append(recipient, at, None, EntryBody::InvitationUpdate { chat, peer: me, status });
        }
        Ok(())
    }

    /// The actor wrote, so it has read what came before.
    pub(crate) fn read_by_answering(&mut self, actor: &Actor, at: Timestamp) {
        let head = self.head(actor.account);
        let read = self.change(actor.account, &actor.peer, at, |side| {
            let news = side.unread > 0;
            if news {
                side.unread = 0;
                side.read_up_to = head.max(side.read_up_to);
            }
            news.then_some((side.chat, side.read_up_to))
        });
        if let Some((chat, up_to)) = read {
            let peer = actor.peer.clone();
            let body = EntryBody::ConversationRead { chat, peer, up_to, unread: 0 };
            self.append(actor.account, at, Some(actor.device), body);
        }
    }

    /// A message, or a bare invitation, arrives at `account` from `peer`; `fresh` names the conversation if
    /// one begins.
    pub(crate) fn arrive(
        &mut self,
        account: AccountId,
        peer: &Address,
        message: Option<MessageKey>,
        fresh: ChatId,
        at: Timestamp,
    ) {
        let (arrival, chat) =
            self.change(account, peer, at, |side| (side.receive(message, fresh), side.chat));
        let (peer, message) = (peer.clone(), message.and_then(|key| self.view(key)));
        if arrival == Arrival::Answer {
            let status = InvitationStatus::Accepted;
            self.append(account, at, None, EntryBody::InvitationUpdate { chat, peer: peer.clone(), status });
        }
        match (arrival, message) {
            (Arrival::Invitation, Some(message)) => {
                let message = Some(message);
                self.append_counted(account, at, EntryBody::InvitationReceived { chat, peer, message });
            }
            (Arrival::Invitation, None) => {
                self.append(account, at, None, EntryBody::InvitationReceived { chat, peer, message: None });
            }
            (Arrival::Message | Arrival::Answer, Some(message)) => {
                self.append_counted(account, at, EntryBody::MessageReceived { chat, peer, message });
            }
            (Arrival::Message | Arrival::Answer, None) => {}
        }
    }

    /// News about a message goes to its writer's mailbox, when it lives here.
    pub(crate) fn tell_writer(
        &mut self,
        key: MessageKey,
        at: Timestamp,
        news: impl FnOnce(&super::MessageRow) -> EntryBody,
    ) -> bool {
        let Some(row) = self.message(key) else { return false };
        let (Some(writer), device, body) = (row.account, row.device, news(row)) else { return false };
        let origin = device.filter(|_| matches!(body, EntryBody::MessageFailed { .. }));
        self.append_about(writer, at, origin, key, body);
        true
    }

    /// A message reached a device of its recipient's for the first time: its writer hears so. False when it
    /// had before.
    pub(crate) fn deliver(&mut self, key: MessageKey, at: Timestamp) -> bool {
        let Some(row) = self.message_mut(key).filter(|row| row.delivered_at.is_none()) else { return false };
        row.delivered_at = Some(at);
        row.changed(super::Change::Delivered);
        self.tell_writer(key, at, |row| EntryBody::MessageDelivered {
            chat: row.chat,
            peer: row.peer.clone(),
            id: row.id.clone(),
        });
        true
    }
}
