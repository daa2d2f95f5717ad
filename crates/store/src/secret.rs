use secrecy::SecretString;
use trunkline_model::AccountId;

use crate::{Store, StoreError, store::unbuilt};

impl Store {
    /// An account's secret, e.g. its password on an IM system; [`StoreError::Crypto`] when it cannot be opened.
    pub async fn secret(&self, _account: AccountId, _name: &str) -> Result<Option<SecretString>, StoreError> {
        unbuilt()
    }

    /// Keeps a secret, sealed with AES-256-GCM and bound to its row.
    pub async fn secret_set(&self, _: AccountId, _: &str, _: &SecretString) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Forgets a secret; fine when there is none.
    pub async fn secret_drop(&self, _account: AccountId, _name: &str) -> Result<(), StoreError> {
        unbuilt()
    }
}
