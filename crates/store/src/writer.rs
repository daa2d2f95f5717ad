//! The one task that changes the database: it puts what is queued into one transaction and answers after the
//! commit.

mod batch;
mod checkpoint;

use std::{fs::File, sync::Arc, time::Duration};

use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    CommitListener, StoreError, cache::Cache, clock::Clock, crypto::Keys, job::Job, metrics::Gauges,
};
use checkpoint::Checkpoint;

/// Commands that wait for the writer at most; whoever comes then waits for a place.
pub(crate) const QUEUE: usize = 1_024;

/// Commands that share a transaction at most.
const BATCH: usize = 256;

/// After this long without work the WAL is moved into the database.
const IDLE: Duration = Duration::from_millis(500);

/// What the writer works with.
pub(crate) struct Writer {
    options: SqliteConnectOptions,
    /// Absent after a failure that may have hurt it: the next batch opens another.
    connection: Option<SqliteConnection>,
    readers: SqlitePool,
    checkpoint: Checkpoint,
    queue: mpsc::Receiver<Job>,
    cache: Cache,
    clock: Clock,
    keys: Arc<Keys>,
    listener: Arc<dyn CommitListener>,
    gauges: Arc<Gauges>,
    /// The lock against other processes, if it was asked for.
    lock: Option<File>,
    /// Dropped at the very end.
    finish: watch::Sender<()>,
}

/// What [`Writer::new`] needs.
pub(crate) struct Parts {
    pub(crate) options: SqliteConnectOptions,
    pub(crate) connection: SqliteConnection,
    pub(crate) readers: SqlitePool,
    pub(crate) queue: mpsc::Receiver<Job>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) listener: Arc<dyn CommitListener>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) lock: Option<File>,
    pub(crate) finish: watch::Sender<()>,
}

impl Writer {
    pub(crate) fn new(parts: Parts) -> Self {
        let checkpoint = Checkpoint::new(parts.options.clone());
        Self {
            options: parts.options,
            connection: Some(parts.connection),
            readers: parts.readers,
            checkpoint,
            queue: parts.queue,
            cache: Cache::new(),
            clock: Clock::default(),
            keys: parts.keys,
            listener: parts.listener,
            gauges: parts.gauges,
            lock: parts.lock,
            finish: parts.finish,
        }
    }

    /// Works until told to close, or until every handle is gone.
    pub(crate) async fn run(mut self) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            let Ok(taken) = timeout(IDLE, self.queue.recv_many(&mut waiting, BATCH)).await else {
                self.checkpoint.idle();
                continue;
            };
            if taken == 0 {
                break;
            }
            let batch = self.without_close(&mut waiting);
            self.settle(batch).await;
            self.keep_wal_short().await;
        }
        self.close().await;
        drop((self.lock, self.finish));
    }

    /// Takes the word to close out of a batch: then nothing more is let in, but what is queued is still done.
    fn without_close(&mut self, jobs: &mut Vec<Job>) -> Vec<Job> {
        let taken = jobs.len();
        let batch: Vec<Job> = jobs.drain(..).filter(|job| !matches!(job, Job::Close)).collect();
        if batch.len() < taken {
            self.queue.close();
        }
        batch
    }

    async fn keep_wal_short(&mut self) {
        if self.checkpoint.overdue()
            && let Some(connection) = self.connection.as_mut()
        {
            self.checkpoint.inline(connection).await;
        }
    }

    async fn close(&mut self) {
        self.readers.close().await;
        self.checkpoint.close().await;
        let Some(mut connection) = self.connection.take() else { return };
        if let Err(error) = checkpoint::truncate(&mut connection).await {
            tracing::warn!(%error, "the last checkpoint failed; the next start makes up for it");
        }
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }

    async fn connect(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        if self.connection.is_none() {
            self.connection = Some(self.options.connect().await?);
        }
        self.connection.as_mut().ok_or(StoreError::Closed)
    }
}
