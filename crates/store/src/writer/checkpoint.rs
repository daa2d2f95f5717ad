use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::task::JoinHandle;

use crate::{StoreError, engine::Connection};

/// Commits between two checkpoints.
const EVERY: u32 = 1_000;

/// Growth of the WAL's file, in bytes, that makes a checkpoint due before that: large batches fill it sooner.
const GROWTH: u64 = 32 << 20;

/// Pages in the WAL (64 MiB) from which the writer itself waits for a checkpoint, so that the WAL can start
/// anew.
const TOO_LONG: i64 = 16_384;

/// How long a checkpoint waits for readers, and how long all else waits for locks, in milliseconds.
const IMPATIENT: &str = "PRAGMA busy_timeout = 250";
const PATIENT: &str = "PRAGMA busy_timeout = 5000";
const RESTART: &str = "PRAGMA wal_checkpoint(RESTART)";
const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// Moves the WAL into the database, aside, without holding anybody up.
pub(super) struct Checkpoint {
    pool: SqlitePool,
    running: Option<JoinHandle<()>>,
    pages: Arc<AtomicI64>,
    commits: u32,
    wal: PathBuf,
    /// The size of its file at the last checkpoint aside, or since, when it was cut.
    size: u64,
}

impl Checkpoint {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        let pool = SqlitePoolOptions::new()
            .min_connections(0)
            .max_connections(1)
            .idle_timeout(Duration::from_secs(600));
        let mut wal = options.get_filename().as_os_str().to_owned();
        wal.push("-wal");
        Self {
            pool: pool.connect_lazy_with(options),
            running: None,
            pages: Arc::default(),
            commits: 0,
            wal: wal.into(),
            size: 0,
        }
    }

    /// Notes a commit.
    pub(super) fn committed(&mut self) {
        self.commits += 1;
        let now = self.size_now();
        self.size = self.size.min(now);
        if self.commits >= EVERY || now > self.size + GROWTH {
            self.start();
        }
    }

    fn size_now(&self) -> u64 {
        std::fs::metadata(&self.wal).map_or(0, |metadata| metadata.len())
    }

    /// True when the writer is to run [`Checkpoint::inline`] now.
    pub(super) fn overdue(&self) -> bool {
        self.pages.load(Ordering::Relaxed) > TOO_LONG
    }

    /// Nothing has come for a while.
    pub(super) fn idle(&mut self) {
        if self.commits > 0 {
            self.start();
        }
    }

    /// On the writer's own connection, so that no write comes between. Waits a moment for those who still read
    /// from the WAL: only without them can the next write start it anew.
    pub(super) async fn inline(&mut self, connection: &mut Connection) {
        let Connection::Sqlite(connection) = connection else { return };
        let done = async {
            sqlx::query(IMPATIENT).execute(&mut *connection).await?;
            let done = sqlx::query(RESTART).fetch_one(&mut *connection).await;
            sqlx::query(PATIENT).execute(&mut *connection).await?;
            done
        };
        if let Err(error) = done.await {
            tracing::warn!(%error, "a checkpoint failed");
        }
        // Whatever came of it, the next one aside tells.
        self.pages.store(0, Ordering::Relaxed);
    }

    pub(super) async fn close(&mut self) {
        if let Some(running) = self.running.take() {
            // It logs its own failure.
            drop(running.await);
        }
        self.pool.close().await;
    }

    fn start(&mut self) {
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        (self.commits, self.size) = (0, self.size_now());
        let (pool, pages) = (self.pool.clone(), Arc::clone(&self.pages));
        self.running = Some(tokio::spawn(async move {
            let done = async { passive(&mut *pool.acquire().await?).await };
            match done.await {
                Ok(found) => pages.store(found, Ordering::Relaxed),
                Err(error) => tracing::warn!(%error, "a checkpoint failed"),
            }
        }));
    }
}

/// Moves what no reader holds; gives the pages that the WAL has.
async fn passive(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query(PASSIVE).fetch_one(connection).await?.try_get(1)
}

/// Writes all of the WAL into the database, syncs that, and empties the WAL; false when another program still reads
/// from it, or writes: then it is as good as before, and only longer.
pub(crate) async fn truncate(connection: &mut Connection) -> Result<bool, StoreError> {
    let Connection::Sqlite(connection) = connection else { return Ok(true) };
    let busy: i64 = sqlx::query(TRUNCATE).fetch_one(connection).await?.try_get(0)?;
    Ok(busy == 0)
}

/// Empties the WAL at the end; where that fails, the next start makes up for it.
pub(super) async fn last(connection: &mut Connection) {
    match truncate(connection).await {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!("another program uses the database: its log stays beside it until the next start");
        }
        Err(error) => tracing::warn!(%error, "the last checkpoint failed; the next start makes up for it"),
    }
}

/// [`truncate`] that does not wait for readers.
pub(crate) async fn truncate_soon(connection: &mut Connection) -> Result<bool, StoreError> {
    connection.run(IMPATIENT).await?;
    let done = truncate(connection).await;
    connection.run(PATIENT).await?;
    done
}
