use trunkline_model::{AccountId, Address, Availability, DeviceId, Seq, Timestamp};

use crate::{Store, StoreError, store::unbuilt};

/// A device's signed-in state; outlives its socket and the process. One row per device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The device.
    pub device: DeviceId,
    /// Whose it is; ignored on write.
    pub account: AccountId,
    /// The account's address; ignored on write.
    pub address: Address,
    /// The account's name; ignored on write.
    pub display_name: String,
    /// The install's own id; ignored on write.
    pub device_token: String,
    /// When the session began.
    pub started_at: Timestamp,
    /// Sequences below this may be given out.
    pub reserved: i64,
    /// The app told that it is in the background.
    pub background: bool,
    /// The push type that the app told.
    pub push_type: i64,
    /// The availability that this session tells, if it told one.
    pub availability: Option<Availability>,
    /// The note that this session told; may be empty.
    pub personal_message: String,
    /// When the device was last heard of.
    pub last_active: Timestamp,
    /// The device's acknowledged mark; ignored on write.
    pub acknowledged: Seq,
}

/// The part of a session that changes at a phone's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// The app told that it is in the background.
    pub background: bool,
    /// The push type that the app told.
    pub push_type: i64,
    /// The availability that this session tells.
    pub availability: Option<Availability>,
    /// The note that this session told.
    pub personal_message: String,
}

impl Store {
    /// Begins a session, in place of the device's earlier one; [`StoreError::NotFound`] for an unknown device.
    pub async fn session_begin(&self, _row: SessionRow) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Keeps what a phone told; nothing happens without a session.
    pub async fn session_state(&self, _device: DeviceId, _state: SessionState) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Reserves sequences below `reserved`; nothing happens without a session.
    pub async fn session_reserve(&self, _device: DeviceId, _reserved: i64) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Notes when devices were last heard of; only forward.
    pub async fn session_touch(&self, _heard: Vec<(DeviceId, Timestamp)>) -> Result<(), StoreError> {
        unbuilt()
    }

    /// Ends the device's session; fine when there is none.
    pub async fn session_end(&self, _device: DeviceId) -> Result<(), StoreError> {
        unbuilt()
    }

    /// The device's session, if its account is enabled and it is not revoked.
    pub async fn session(&self, _device: DeviceId) -> Result<Option<SessionRow>, StoreError> {
        unbuilt()
    }

    /// All sessions of enabled accounts and devices that are not revoked.
    pub async fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        unbuilt()
    }

    /// The session's id for phones, 32 hex digits: keyed with the master key, so that nothing secret is stored.
    pub fn session_id(&self, _device: DeviceId, _started_at: Timestamp) -> String {
        String::new()
    }
}
