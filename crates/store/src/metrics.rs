use std::sync::atomic::{AtomicU64, Ordering};

/// What the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreMetrics {
    /// Transactions committed.
    pub commits: u64,
    /// Commands in them.
    pub commands: u64,
    /// Time spent in COMMIT, in microseconds.
    pub commit_micros_total: u64,
    /// Commands in the last transaction.
    pub last_batch: u64,
    /// Commands that wait for the writer now.
    pub queue_len: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Gauges {
    commits: AtomicU64,
    commands: AtomicU64,
    commit_micros: AtomicU64,
    last_batch: AtomicU64,
}

impl Gauges {
    pub(crate) fn committed(&self, commands: usize, micros: u64) {
        let commands = u64::try_from(commands).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands, Ordering::Relaxed);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
        self.last_batch.store(commands, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, queue_len: usize) -> StoreMetrics {
        StoreMetrics {
            commits: self.commits.load(Ordering::Relaxed),
            commands: self.commands.load(Ordering::Relaxed),
            commit_micros_total: self.commit_micros.load(Ordering::Relaxed),
            last_batch: self.last_batch.load(Ordering::Relaxed),
            queue_len: u64::try_from(queue_len).unwrap_or(u64::MAX),
        }
    }
}
