//! The one task that changes the database: it puts what is queued into one transaction and answers after the
//! commit.

mod attempt;
mod batch;
pub(crate) mod checkpoint;
mod complaint;
mod doubt;
mod link;

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    CommitListener, StoreError,
    cache::Cache,
    clock::Clock,
    engine::{Connection, Pool},
    hold::Hold,
    job::Job,
    key::Keyring,
    metrics::Gauges,
};
use checkpoint::Checkpoint;
use complaint::Complaints;
use doubt::Doubt;
use link::Link;

/// Commands that wait for the writer at most; whoever comes then waits for a place.
pub(crate) const QUEUE: usize = 1_024;

/// Commands that share a transaction at most.
const BATCH: usize = 256;

/// After this long without work the WAL is moved into the database, and a lost connection is looked after.
const IDLE: Duration = Duration::from_millis(500);

/// The same while commands wait for the word whether they were committed.
const DOUBTING: Duration = Duration::from_millis(50);

/// What the writer works with.
pub(crate) struct Writer {
    link: Link,
    readers: Pool,
    /// SQLite's; PostgreSQL makes its own.
    checkpoint: Option<Checkpoint>,
    queue: mpsc::Receiver<Job>,
    cache: Cache,
    clock: Clock,
    keys: Arc<Keyring>,
    /// Since the connection came anew, nobody has looked which master key is in force.
    asks_key: bool,
    listener: Arc<dyn CommitListener>,
    gauges: Arc<Gauges>,
    /// Commands whose transaction may be committed or not, and those behind them.
    doubt: Option<Doubt>,
    complaints: Complaints,
    /// Why there is nothing more to write, when another process has taken the database.
    over: Option<StoreError>,
    /// Dropped at the very end.
    finish: watch::Sender<Option<StoreError>>,
}

/// What [`Writer::new`] needs.
pub(crate) struct Parts {
    pub(crate) hold: Hold,
    pub(crate) connection: Connection,
    pub(crate) clock: Clock,
    pub(crate) readers: Pool,
    pub(crate) queue: mpsc::Receiver<Job>,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) listener: Arc<dyn CommitListener>,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) finish: watch::Sender<Option<StoreError>>,
}

impl Writer {
    pub(crate) fn new(parts: Parts) -> Self {
        let checkpoint = parts.hold.checkpoints().map(Checkpoint::new);
        Self {
            link: Link::new(parts.hold, parts.connection),
            readers: parts.readers,
            checkpoint,
            queue: parts.queue,
            cache: Cache::new(),
            clock: parts.clock,
            keys: parts.keys,
            asks_key: false,
            listener: parts.listener,
            gauges: parts.gauges,
            doubt: None,
            complaints: Complaints::default(),
            over: None,
            finish: parts.finish,
        }
    }

    /// Works until told to close, until every handle is gone, or until the database is another's.
    pub(crate) async fn run(mut self) {
        let mut waiting = Vec::with_capacity(BATCH);
        while self.over.is_none() {
            let pause = if self.doubt.is_some() { DOUBTING } else { IDLE };
            let Ok(taken) = timeout(pause, self.queue.recv_many(&mut waiting, BATCH)).await else {
                self.idle().await;
                continue;
            };
            if taken == 0 {
                break;
            }
            let batch = self.without_close(&mut waiting);
            self.dispel().await;
            self.settle(in_parts(batch), false).await;
            self.keep_wal_short().await;
        }
        self.close().await;
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

    async fn idle(&mut self) {
        if let Some(checkpoint) = self.checkpoint.as_mut() {
            checkpoint.idle();
        }
        self.dispel().await;
        if self.doubt.is_none() {
            // Its failure is told to whoever comes next.
            drop(self.mend().await);
        }
    }

    async fn keep_wal_short(&mut self) {
        if let Some(checkpoint) = self.checkpoint.as_mut().filter(|checkpoint| checkpoint.overdue())
            && let Some(connection) = self.link.present()
        {
            checkpoint.inline(connection).await;
        }
    }

    async fn close(mut self) {
        self.refuse_the_rest();
        while self.doubt.is_some() {
            tokio::time::sleep(DOUBTING).await;
            self.dispel().await;
        }
        self.readers.close().await;
        if let Some(checkpoint) = self.checkpoint.as_mut() {
            checkpoint.close().await;
        }
        self.link.close().await;
        self.finish.send_replace(self.over.take());
        // What stands for this process's right to write goes before the word that it is gone.
        drop((self.link, self.finish));
    }

    /// The database is another's: nobody who waits, or still comes, is left without a word.
    fn refuse_the_rest(&mut self) {
        let Some(error) = &self.over else { return };
        self.queue.close();
        while let Ok(job) = self.queue.try_recv() {
            job.tell(Err(error.clone()));
        }
    }
}

/// Puts what wants a transaction of its own apart, without letting anything overtake; the last part is the first to run.
fn in_parts(batch: Vec<Job>) -> Vec<Vec<Job>> {
    let mut parts = vec![Vec::new()];
    for job in batch {
        if job.alone() {
            parts.extend([vec![job], Vec::new()]);
        } else if let Some(part) = parts.last_mut() {
            part.push(job);
        }
    }
    parts.reverse();
    parts
}
