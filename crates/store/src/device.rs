use secrecy::SecretString;
use trunkline_model::{AccountId, DeviceId, Seq, Timestamp};

use crate::{Account, Store, StoreError, store::unbuilt};

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// The account, enabled or not.
    pub account: Account,
    /// The device.
    pub device: DeviceId,
    /// The install's own id, to which the token is bound.
    pub device_token: String,
}

/// An install of a phone app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub account: AccountId,
    /// What the person calls it.
    pub name: String,
    /// Operating system.
    pub platform: String,
    /// Version of the app.
    pub app_version: String,
    /// Language tag.
    pub locale: String,
    /// When it was first activated.
    pub created_at: Timestamp,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// Everything up to here is acknowledged.
    pub acknowledged: Seq,
    /// Revoked or expired: its token is dead and its mark holds nothing back.
    pub revoked: bool,
}

impl Store {
    /// Whose token this is; `None` when it is unknown, replaced, revoked or expired.
    pub async fn token(&self, _token: &SecretString) -> Result<Option<TokenOwner>, StoreError> {
        unbuilt()
    }

    /// The account's devices, revoked ones too, oldest first.
    pub async fn devices(&self, _account: AccountId) -> Result<Vec<DeviceRow>, StoreError> {
        unbuilt()
    }

    /// One device.
    pub async fn device(&self, _device: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        unbuilt()
    }

    /// Kills the device's token and its session; gives the account. [`StoreError::NotFound`] for an unknown device.
    pub async fn device_revoke(&self, _device: DeviceId) -> Result<AccountId, StoreError> {
        unbuilt()
    }

    /// Revokes the devices that were not heard of since; at most 256 a call.
    pub async fn expire_devices(
        &self,
        _unseen_since: Timestamp,
    ) -> Result<Vec<(AccountId, DeviceId)>, StoreError> {
        unbuilt()
    }

    /// The device's acknowledged mark; [`StoreError::NotFound`] for an unknown device.
    pub async fn acknowledged(&self, _device: DeviceId) -> Result<Seq, StoreError> {
        unbuilt()
    }
}
