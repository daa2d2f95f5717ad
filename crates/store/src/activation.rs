use secrecy::SecretString;
use trunkline_model::{AccountId, DeviceId, Timestamp};

use crate::{AccessKey, Account, Store, StoreError, store::unbuilt};

/// What a phone shows to become a device of an account.
#[derive(Debug)]
pub struct Activation<'a> {
    /// The account's address as it was typed.
    pub address: &'a str,
    /// The access key as it was typed: letter case, hyphens and spaces do not matter.
    pub access_key: &'a SecretString,
    /// The install's own id.
    pub device_token: String,
    /// Operating system.
    pub platform: String,
    /// What the person calls the device.
    pub name: String,
    /// Version of the app.
    pub app_version: String,
    /// Language tag.
    pub locale: String,
}

/// A device that was activated.
#[derive(Debug)]
pub struct Activated {
    /// Whose device it is.
    pub account: Account,
    /// The device.
    pub device: DeviceId,
    /// Its token, `tl1.` and 43 base64url characters: given out once, only its SHA-256 is stored.
    pub token: SecretString,
}

impl Store {
    /// Makes an access key; the oldest goes when the account has more than 16.
    pub async fn activation_issue(
        &self,
        _account: AccountId,
        _expires_at: Timestamp,
    ) -> Result<AccessKey, StoreError> {
        unbuilt()
    }

    /// Uses up an access key. `None` for every kind of wrong, at the same cost: unknown or disabled account, wrong,
    /// malformed, used or expired key. An install that the account knows keeps its device and gets a new token.
    pub async fn activate(&self, _activation: Activation<'_>) -> Result<Option<Activated>, StoreError> {
        unbuilt()
    }
}
