use trunkline_model::{
    AccountId, Address, ChatId, DeviceId, MessageId, MessageKey, MessageState, MessageText, MessageView,
    Timestamp,
};

use crate::{StoreError, crypto::Keys, engine::Row, sql::columns::Columns};

/// A row of `messages` within a run.
#[derive(Debug, Clone)]
pub(crate) struct MessageRow {
    pub(crate) key: MessageKey,
    /// The writer, when it lives on the relay.
    pub(crate) account: Option<AccountId>,
    pub(crate) device: Option<DeviceId>,
    pub(crate) id: MessageId,
    pub(crate) peer: Address,
    pub(crate) chat: ChatId,
    pub(crate) text: MessageText,
    /// Stands in for a text that retention has removed.
    pub(crate) digest: Option<Vec<u8>>,
    /// Whose line brought it, and under which id.
    pub(crate) inbox: Option<AccountId>,
    pub(crate) foreign_id: Option<String>,
    pub(crate) state: MessageState,
    pub(crate) failure: Option<(i64, String)>,
    pub(crate) sent_at: Timestamp,
    pub(crate) delivered_at: Option<Timestamp>,
    pub(crate) attempts: i64,
    /// What the run has to write of it.
    pub(crate) change: Change,
}

/// How a row is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Not at all.
    None,
    /// As a new row.
    New,
    /// Only that it was delivered, at the run's end.
    Delivered,
    /// Only its state, without a failure.
    State,
    /// Everything that can change.
    Whole,
}

impl Change {
    /// What is to be written when this comes on top of an earlier change.
    pub(crate) fn and(self, later: Self) -> Self {
        match (self, later) {
            (Self::New, _) => Self::New,
            (Self::None, later) => later,
            (earlier, later) if earlier == later => later,
            _ => Self::Whole,
        }
    }
}

impl MessageRow {
    pub(crate) fn view(&self) -> MessageView {
        MessageView { key: self.key, id: self.id.clone(), text: self.text.clone(), sent_at: self.sent_at }
    }

    pub(crate) fn changed(&mut self, change: Change) {
        self.change = self.change.and(change);
    }

    /// Whether this was the text, also after retention has removed it.
    pub(crate) fn had_text(&self, text: &MessageText, keys: &Keys) -> bool {
        match &self.digest {
            Some(digest) => *digest == keys.text_digest(text.expose()),
            None => self.text == *text,
        }
    }

    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Self::columns(&mut Columns::of(row))
    }

    pub(crate) fn columns(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        let impossible = |what: &str| StoreError::Corrupt(format!("a message has an unknown {what}"));
        Ok(Self {
            key: MessageKey(columns.next()?),
            account: columns.next::<Option<i64>>()?.map(AccountId),
            device: columns.next::<Option<_>>()?.map(DeviceId),
            id: columns.message_id()?,
            peer: columns.address()?,
            chat: ChatId(columns.next()?),
            text: MessageText::stored(columns.next()?),
            digest: columns.next()?,
            inbox: columns.next::<Option<i64>>()?.map(AccountId),
            foreign_id: columns.next()?,
            state: MessageState::from_code(columns.next()?).ok_or_else(|| impossible("state"))?,
            failure: columns.next::<Option<i64>>()?.zip(columns.next::<Option<String>>()?),
            sent_at: Timestamp(columns.next()?),
            delivered_at: columns.next::<Option<i64>>()?.map(Timestamp),
            attempts: columns.next()?,
            change: Change::None,
        })
    }
}
