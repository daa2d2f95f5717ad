use trunkline_model::{AccountId, Address};

use crate::{Store, StoreError, store::unbuilt};

impl Store {
    /// The addresses whose messages the account does not want, in order.
    pub async fn blocks(&self, _account: AccountId) -> Result<Vec<Address>, StoreError> {
        unbuilt()
    }

    /// Blocks an address; again is fine.
    pub async fn block(&self, _account: AccountId, _address: &Address) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Unblocks an address; fine when it was not blocked.
    pub async fn unblock(&self, _account: AccountId, _address: &Address) -> Result<(), StoreError> {
        unbuilt()
    }
}
