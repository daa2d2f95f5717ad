use trunkline_model::{AccountId, Address, Group, GroupId};

use crate::{Store, StoreError, store::unbuilt};

/// A contact in the roster of a local account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRow {
    /// Who.
    pub address: Address,
    /// The groups that hold the contact, by name.
    pub groups: Vec<Group>,
}

impl Store {
    /// The account's roster, by address.
    pub async fn contacts(&self, _account: AccountId) -> Result<Vec<ContactRow>, StoreError> {
        unbuilt()
    }

    /// One contact of the roster.
    pub async fn contact(&self, _: AccountId, _: &Address) -> Result<Option<ContactRow>, StoreError> {
        unbuilt()
    }

    /// Adds a contact, into a group if one is named; again is fine. [`StoreError::NotFound`] for an unknown group.
    pub async fn contact_add(&self, _: AccountId, _: &Address, _: Option<GroupId>) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Removes a contact from the roster and its groups; [`StoreError::NotFound`] when it is not there.
    pub async fn contact_remove(&self, _: AccountId, _: &Address) -> Result<(), StoreError> {
        unbuilt()
    }

    /// The accounts that have the address in their roster.
    pub async fn watchers(&self, _: &Address) -> Result<Vec<AccountId>, StoreError> {
        unbuilt()
    }
}
