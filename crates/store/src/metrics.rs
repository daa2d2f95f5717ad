use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use crate::{StoreError, damage::Damage};

/// From half a millisecond, a fast disk's, to what makes phones wait.
const SECONDS: [f64; 12] = [0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.5, 2.0, 10.0];

/// Up to the largest batch.
const COMMANDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Why commands fail, as a label.
const REASONS: [&str; 6] = ["database", "damaged", "unreachable", "busy", "locked", "other"];

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

#[derive(Debug)]
pub(crate) struct Gauges {
    commits: AtomicU64,
    commands: AtomicU64,
    commit_micros: AtomicU64,
    last_batch: AtomicU64,
    seconds: Histogram,
    sizes: Histogram,
    failed: Family<[(&'static str, Cow<'static, str>); 1], Counter>,
    pub(crate) damage: Damage,
}

impl Default for Gauges {
    fn default() -> Self {
        Self {
            commits: AtomicU64::default(),
            commands: AtomicU64::default(),
            commit_micros: AtomicU64::default(),
            last_batch: AtomicU64::default(),
            seconds: Histogram::new(SECONDS),
            sizes: Histogram::new(COMMANDS),
            failed: Family::default(),
            damage: Damage::default(),
        }
    }
}

impl Gauges {
    pub(crate) fn register(&self, registry: &mut Registry) {
        for reason in REASONS {
            drop(self.failed(reason));
        }
        registry.register(
            "trunkline_store_commit_seconds",
            "Time that a COMMIT takes, the disk's or the database server's part of every message",
            self.seconds.clone(),
        );
        registry.register(
            "trunkline_store_commit_commands",
            "Commands that share a commit: rises with load, while the rate of commits does not",
            self.sizes.clone(),
        );
        registry.register(
            "trunkline_store_commands_failed",
            "Commands that were not written because the database failed, by reason; each was answered with an error",
            self.failed.clone(),
        );
        registry.register(
            "trunkline_store_damaged",
            "1 once SQLite has said that the database file is damaged, until the server is started again",
            self.damage.gauge(),
        );
    }

    pub(crate) fn committed(&self, commands: usize, took: Duration) {
        let commands = u64::try_from(commands).unwrap_or(u64::MAX);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands, Ordering::Relaxed);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
        self.last_batch.store(commands, Ordering::Relaxed);
        self.seconds.observe(took.as_secs_f64());
        #[allow(clippy::cast_precision_loss, reason = "a batch is small")]
        self.sizes.observe(commands as f64);
    }

    /// Commands were told that they are not written.
    pub(crate) fn failed_commands(&self, commands: usize, error: &StoreError) {
        self.damage.note(error);
        let reason = match error {
            StoreError::Damaged(_) => "damaged",
            StoreError::Database(_) => "database",
            StoreError::Unreachable(_) => "unreachable",
            StoreError::Busy => "busy",
            StoreError::Locked(_) => "locked",
            _ => "other",
        };
        self.failed(reason).inc_by(u64::try_from(commands).unwrap_or(u64::MAX));
    }

    fn failed(&self, reason: &'static str) -> impl std::ops::Deref<Target = Counter> {
        self.failed.get_or_create(&[("reason", Cow::Borrowed(reason))])
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
