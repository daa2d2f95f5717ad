use std::{sync::PoisonError, time::Duration};

use trunkline_store::Measure;

use super::{Inner, Relay};

/// How long the metrics wait for the database.
const MEASURE_LIMIT: Duration = Duration::from_secs(2);

impl Relay {
    /// Measures the database for the next look at the metrics; takes 2 s at most.
    pub async fn measure(&self) {
        let measured = match tokio::time::timeout(MEASURE_LIMIT, self.0.store.measure()).await {
            Ok(Ok(measure)) => Some(measure),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the database could not be measured");
                None
            }
            Err(_) => None,
        };
        *self.0.measured.lock().unwrap_or_else(PoisonError::into_inner) = measured;
    }
}

impl Inner {
    /// What the last measuring found; `None` when the database could not be read.
    pub(crate) fn measured(&self) -> Option<Measure> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
