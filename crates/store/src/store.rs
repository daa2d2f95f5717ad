use trunkline_model::Epoch;

use crate::{StoreError, StoreMetrics, metrics::Gauges};

/// A handle to the one store of this process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    gauges: std::sync::Arc<Gauges>,
}

impl Store {
    /// Finishes what is queued, checkpoints, closes; later calls fail with [`StoreError::Closed`].
    pub async fn close(&self) {}

    /// Which life of the database its seqs belong to.
    pub fn epoch(&self) -> Epoch {
        Epoch(1)
    }

    /// Proves that the database can be read and that the writer answers.
    pub async fn check(&self) -> Result<(), StoreError> {
        unbuilt()
    }

    /// What the writer has done so far.
    pub fn metrics(&self) -> StoreMetrics {
        self.gauges.snapshot(0)
    }
}

pub(crate) fn unbuilt<T>() -> Result<T, StoreError> {
    Err(StoreError::Database("not built yet".to_owned()))
}
