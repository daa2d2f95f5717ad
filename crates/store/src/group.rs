use trunkline_model::{AccountId, Address, Group, GroupId};

use crate::{Store, StoreError, store::unbuilt};

impl Store {
    /// The roster's groups, by name.
    pub async fn groups(&self, _: AccountId) -> Result<Vec<Group>, StoreError> {
        unbuilt()
    }

    /// Makes a group; [`StoreError::Conflict`] when the name is there.
    pub async fn group_add(&self, _: AccountId, _: &str) -> Result<GroupId, StoreError> {
        unbuilt()
    }

    /// Renames a group; [`StoreError::Conflict`] when another has the name, [`StoreError::NotFound`].
    pub async fn group_rename(&self, _: AccountId, _: GroupId, _: &str) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Removes an empty group; [`StoreError::Conflict`] when it is not empty, [`StoreError::NotFound`].
    pub async fn group_remove(&self, _: AccountId, _: GroupId) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Puts a contact into a group, into the roster too if need be; false when it was there.
    pub async fn group_put(&self, _: AccountId, _: &Address, _: GroupId) -> Result<bool, StoreError> {
        unbuilt()
    }

    /// Takes a contact out of a group; it stays in the roster. [`StoreError::NotFound`] when it is not there.
    pub async fn group_take(&self, _: AccountId, _: &Address, _: GroupId) -> Result<(), StoreError> {
        unbuilt()
    }
}
