use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use trunkline_model::Epoch;

use crate::{
    Pending, StoreError, StoreMetrics,
    engine::{Pool, query},
    fault::Fault,
    job::{ChatCommand, Job, PlainCommand, Transaction},
    key::Keyring,
    metrics::Gauges,
    purge,
    sql::mailbox as sql,
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
    pub(crate) purge: tokio::sync::Mutex<purge::Stage>,
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

    /// Proves that the database can be read and written to.
    pub async fn check(&self) -> Result<(), StoreError> {
        // First, because it knows of an outage and need not wait for one.
        self.plain(Probe).await?;
        query(sql::EPOCH).fetch_one(self.readers()).await?;
        Ok(())
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

/// Changes nothing.
struct Probe;

#[async_trait::async_trait]
impl PlainCommand for Probe {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        query(sql::PROBE).execute(&mut *change.sql).await?;
        Ok(())
    }
}
