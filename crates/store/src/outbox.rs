use trunkline_model::{AccountId, Address, MessageKey, MessageState, MessageText, Timestamp};

use crate::{Store, StoreError, store::unbuilt};

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
    pub async fn outbox(&self, _account: AccountId) -> Result<Vec<OutboxRow>, StoreError> {
        unbuilt()
    }

    /// The accounts that have waiting messages.
    pub async fn outbox_accounts(&self) -> Result<Vec<AccountId>, StoreError> {
        unbuilt()
    }
}
