use std::time::Duration;

use trunkline_model::Timestamp;

use crate::{Store, StoreError, store::unbuilt};

/// What may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purge {
    /// The present.
    pub now: Timestamp,
    /// How long acknowledged entries stay; `None` for ever.
    pub retention: Option<Duration>,
    /// How long entries stay that some device has not acknowledged.
    pub undelivered: Duration,
}

impl Store {
    /// Removes a small batch of what may go; true when there is more to look at: call again.
    pub async fn purge(&self, _purge: Purge) -> Result<bool, StoreError> {
        unbuilt()
    }
}
