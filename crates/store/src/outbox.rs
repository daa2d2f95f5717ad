use trunkline_model::{AccountId, Address, MessageKey, MessageState, MessageText, Timestamp};

use crate::{
    Store, StoreError,
    engine::{Row, query},
    sql::{columns::Columns, mailbox as sql},
};

/// A message that waits for its IM system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// The relay's key.
    pub key: MessageKey,
    /// To whom.
    pub peer: Address,
    /// What was written.
    pub text: MessageText,
    /// When the relay took this attempt.
    pub sent_at: Timestamp,
    /// Stored, or submitted by a process that did not live to hear the outcome.
    pub state: MessageState,
}

impl Store {
    /// The account's waiting messages, oldest first, at most 256.
    pub async fn outbox(&self, account: AccountId) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = query(sql::OUTBOX).bind(account.0).fetch_all(self.readers()).await?;
        rows.iter().map(read).collect()
    }

    /// The accounts that have waiting messages.
    pub async fn outbox_accounts(&self) -> Result<Vec<AccountId>, StoreError> {
        let rows = query(sql::OUTBOX_ACCOUNTS).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(AccountId(row.try_get(0)?))).collect()
    }
}

fn read(row: &Row) -> Result<OutboxRow, StoreError> {
    let mut columns = Columns::of(row);
    Ok(OutboxRow {
        key: MessageKey(columns.next()?),
        peer: columns.address()?,
        text: MessageText::stored(columns.next()?),
        sent_at: Timestamp(columns.next()?),
        state: MessageState::from_code(columns.next()?)
            .ok_or_else(|| StoreError::Corrupt("a message has an unknown state".to_owned()))?,
    })
}
