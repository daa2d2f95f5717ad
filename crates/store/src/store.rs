use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch};
use trunkline_model::Epoch;

use crate::{
    Pending, StoreError, StoreMetrics,
    disk::Disk,
    engine::Pool,
    job::{ChatCommand, Job, PlainCommand},
    key::Keyring,
    metrics::Gauges,
    purge,
};

/// A handle to the one store of this process; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) shared: Arc<Shared>,
}

/// What all handles share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) queue: mpsc::Sender<Job>,
    pub(crate) readers: Pool,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) epoch: Epoch,
    pub(crate) gauges: Arc<Gauges>,
    /// SQLite's files.
    pub(crate) disk: Option<Disk>,
    pub(crate) purge: tokio::sync::Mutex<purge::Round>,
    /// Its other end goes when the writer has closed the database; then it tells why, if nobody wanted that.
    pub(crate) finished: watch::Receiver<Option<StoreError>>,
}

impl Store {
    /// Finishes what is queued, checkpoints, closes; later calls fail with [`StoreError::Closed`].
    pub async fn close(&self) {
        // An error means that another close came first.
        drop(self.shared.queue.send(Job::Close).await);
        self.ended().await;
    }

    /// Waits until the store is closed: `None` when it was told to, else what made it end by itself (another
    /// process has taken the database).
    pub async fn ended(&self) -> Option<StoreError> {
        let mut finished = self.shared.finished.clone();
        while finished.changed().await.is_ok() {}
        finished.borrow().clone()
    }

    /// Which life of the database its seqs belong to.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// Shows what the writer counts in `/metrics`.
    pub fn register(&self, registry: &mut Registry) {
        self.shared.gauges.register(registry);
    }

    /// What the writer has done so far.
    pub fn metrics(&self) -> StoreMetrics {
        let queue = &self.shared.queue;
        self.shared.gauges.snapshot(queue.max_capacity() - queue.capacity())
    }

    pub(crate) fn readers(&self) -> &Pool {
        &self.shared.readers
    }

    /// Enqueues a chat command, waiting while the queue is full.
    pub(crate) async fn chat<C: ChatCommand>(&self, command: C) -> Result<Pending<C::Answer>, StoreError> {
        let (job, pending) = Job::chat(command);
        self.shared.queue.send(job).await.map_err(|_| StoreError::Closed)?;
        Ok(pending)
    }

    /// Enqueues any other change and waits for its commit.
    pub(crate) async fn plain<C: PlainCommand>(&self, command: C) -> Result<C::Answer, StoreError> {
        let (job, pending) = Job::plain(command);
        self.shared.queue.send(job).await.map_err(|_| StoreError::Closed)?;
        pending.await
    }
}
