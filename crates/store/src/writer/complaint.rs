use std::time::{Duration, Instant};

use crate::StoreError;

/// Between two lines of a kind: a failing disk fails every transaction, and the log may lie on it.
const BETWEEN: Duration = Duration::from_secs(10);

/// What the log has been told of a database that does not take what is written.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    /// The log has heard that it takes nothing, and not yet that it does again.
    failing: bool,
    /// When it last heard so.
    told: Option<Instant>,
    /// When it last heard of a single transaction.
    single: Option<Instant>,
}

impl Complaints {
    /// A transaction failed; `everywhere` when no other would have fared better.
    pub(super) fn failed(&mut self, error: &StoreError, commands: usize, everywhere: bool) {
        if everywhere && !self.failing && due(&mut self.told) {
            self.failing = true;
            tracing::error!(%error, "the database cannot be written");
        }
        if due(&mut self.single) {
            tracing::error!(%error, commands, "a transaction failed");
        }
    }

    /// A transaction is committed.
    pub(super) fn committed(&mut self) {
        if std::mem::take(&mut self.failing) {
            tracing::info!("the database can be written again");
        }
    }
}

/// Whether the last line is long enough ago; then this is the last.
fn due(last: &mut Option<Instant>) -> bool {
    let due = last.is_none_or(|at| at.elapsed() >= BETWEEN);
    if due {
        *last = Some(Instant::now());
    }
    due
}
