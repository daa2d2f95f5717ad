use trunkline_model::{AccountId, Availability};

use crate::{Store, StoreError, store::unbuilt};

/// What a person chose to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PresenceRow {
    /// The last explicit choice; `None` follows the sessions.
    pub choice: Option<Availability>,
    /// The note; may be empty.
    pub personal_message: String,
}

impl Store {
    /// What the person chose; [`StoreError::NotFound`] for an unknown account.
    pub async fn presence(&self, _account: AccountId) -> Result<PresenceRow, StoreError> {
        unbuilt()
    }

    /// Keeps a choice; [`StoreError::NotFound`] for an unknown account.
    pub async fn presence_set(&self, _account: AccountId, _row: &PresenceRow) -> Result<(), StoreError> {
        unbuilt()
    }
}
