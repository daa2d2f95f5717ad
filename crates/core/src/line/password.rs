//! The IM passwords of accounts: kept once they are known to be right, dropped once they are refused.

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use trunkline_model::{AccountId, Address};
use trunkline_store::{Store, StoreError};

use super::{Lines, Slot};
use crate::port::{LineError, LineState, Person};

/// The name under which an account's IM password lies in the store.
const IM_PASSWORD: &str = "im-password";

/// The IM password that is kept for an account: one that was right when it was last used.
pub async fn stored_password(store: &Store, account: AccountId) -> Result<Option<SecretString>, StoreError> {
    store.secret(account, IM_PASSWORD).await
}

impl Lines {
    /// Whether somebody must give an IM password before the account's line can open.
    pub(crate) async fn password_wanted(
        &self,
        account: AccountId,
        address: &Address,
    ) -> Result<bool, StoreError> {
        Ok(self.backend(address).needs_password() && self.store.secret(account, IM_PASSWORD).await?.is_none())
    }

    /// Whether a password is neither the one that the account's line signed in with nor the one that is kept.
    pub(crate) async fn is_guess(
        &self,
        person: &Person,
        password: &SecretString,
    ) -> Result<bool, StoreError> {
        if !self.backend(&person.address).needs_password() {
            return Ok(false);
        }
        let used = |slot: &Slot| slot.uses(password) && !matches!(slot.state(), LineState::PasswordRefused);
        if self.slot(person.account).is_some_and(|slot| used(&slot)) {
            return Ok(false);
        }
        let stored = self.store.secret(person.account, IM_PASSWORD).await?;
        Ok(stored.is_none_or(|stored| !same(&stored, password)))
    }

    pub(super) async fn stored_password(
        &self,
        account: AccountId,
    ) -> Result<Option<SecretString>, LineError> {
        Ok(stored_password(&self.store, account).await?)
    }

    pub(super) async fn keep_password(&self, slot: &Slot, password: &SecretString) {
        let account = slot.person.account;
        let result = match self.store.secret(account, IM_PASSWORD).await {
            Ok(Some(stored)) if same(&stored, password) => return,
            Ok(_) => self.store.secret_set(account, IM_PASSWORD, password).await,
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::warn!(account = %slot.person.address, %error, "could not keep the IM password: it is needed again after a restart");
        }
    }

    /// A refused password is never tried again by itself.
    pub(super) async fn drop_password(&self, slot: &Slot, refused: &SecretString) {
        tracing::warn!(target: "audit", account = %slot.person.address, backend = slot.backend.kind(), "the IM system refused the password");
        let account = slot.person.account;
        let result = match self.store.secret(account, IM_PASSWORD).await {
            Ok(Some(stored)) if same(&stored, refused) => self.store.secret_drop(account, IM_PASSWORD).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = result {
            tracing::error!(account = %slot.person.address, %error, "could not drop a refused IM password");
        }
    }
}

/// Compares two secrets in constant time.
pub(super) fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret().as_bytes().ct_eq(other.expose_secret().as_bytes()).into()
}
