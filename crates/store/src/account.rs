use trunkline_model::{AccountId, Address, Profile, Timestamp};

use crate::{Store, StoreError, store::unbuilt};

/// A person here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Row number; never used again after removal.
    pub id: AccountId,
    /// Who.
    pub address: Address,
    /// What the directory shows.
    pub profile: Profile,
    /// False: may not sign in, and its sessions end.
    pub enabled: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

impl Store {
    /// Adds an enabled account; [`StoreError::Conflict`] when the address has one.
    pub async fn account_add(&self, _address: &Address, _profile: &Profile) -> Result<Account, StoreError> {
        unbuilt()
    }

    /// Replaces the profile; [`StoreError::NotFound`] for an unknown account.
    pub async fn account_set(&self, _account: AccountId, _profile: &Profile) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Enables or disables; [`StoreError::NotFound`] for an unknown account.
    pub async fn account_enable(&self, _account: AccountId, _enabled: bool) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Removes the account with everything of it; the people it wrote to keep their copies.
    pub async fn account_remove(&self, _account: AccountId) -> Result<(), StoreError> {
        unbuilt()
    }

    /// The account with this number.
    pub async fn account(&self, _account: AccountId) -> Result<Option<Account>, StoreError> {
        unbuilt()
    }

    /// The account with this address.
    pub async fn account_by_address(&self, _address: &Address) -> Result<Option<Account>, StoreError> {
        unbuilt()
    }

    /// Accounts in the order of their addresses, those after `after`, at most `limit`.
    pub async fn accounts(
        &self,
        _after: Option<&Address>,
        _limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        unbuilt()
    }
}
