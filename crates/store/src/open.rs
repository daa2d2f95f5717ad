use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{mpsc, watch};
use trunkline_model::Epoch;

use crate::{
    CommitListener, MasterKey, Store, StoreError,
    crypto::Keys,
    metrics::Gauges,
    migration, purge,
    sql::mailbox as sql,
    store::Shared,
    writer::{self, Writer},
};

const READERS: u32 = 4;
const BUSY: Duration = Duration::from_secs(5);

/// What a store needs to open.
#[derive(Debug)]
pub struct OpenStore {
    /// Where the data lie.
    pub database: Database,
    /// The key that guards secrets.
    pub master_key: MasterKey,
    /// Hears of every committed entry.
    pub listener: Arc<dyn CommitListener>,
    /// Take an OS lock beside the database; [`StoreError::Locked`] when another process holds it. Only one
    /// store may write at a time, because the writer keeps mailbox heads in memory.
    pub exclusive: bool,
}

/// Where the data lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file; it and its folder are made (modes 0600 and 0700) when absent.
    Sqlite(PathBuf),
}

impl Store {
    /// Opens the database, brings its schema up to date and starts the writer. [`StoreError::TooNew`] when a
    /// newer program has changed the schema.
    pub async fn open(open: OpenStore) -> Result<Store, StoreError> {
        let Database::Sqlite(path) = &open.database;
        make_file(path).map_err(|error| cannot("open", path, &error))?;
        let lock = if open.exclusive { Some(lock(path)?) } else { None };
        make_private(path).map_err(|error| cannot("protect", path, &error))?;
        let options = options(path);
        let mut connection = options.connect().await?;
        migration::run(&mut connection).await?;
        let epoch = epoch(&mut connection).await?;
        let reading = options.clone().pragma("query_only", "ON");
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(reading).await?;
        let (queue, jobs) = mpsc::channel(writer::QUEUE);
        let (finish, finished) = watch::channel(());
        let shared = Shared {
            queue,
            readers,
            keys: Arc::new(Keys::derive(&open.master_key)?),
            epoch,
            gauges: Arc::new(Gauges::default()),
            purge: tokio::sync::Mutex::new(purge::Stage::default()),
            finished,
        };
        let writer = Writer::new(writer::Parts {
            options,
            connection,
            readers: shared.readers.clone(),
            queue: jobs,
            keys: Arc::clone(&shared.keys),
            listener: open.listener,
            gauges: Arc::clone(&shared.gauges),
            lock,
            finish,
        });
        tokio::spawn(writer.run());
        Ok(Store { shared: Arc::new(shared) })
    }
}

/// WAL with full durability; checkpoints are the writer's business.
fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("wal_autocheckpoint", "0")
        .statement_cache_capacity(256)
        .disable_statement_logging()
}

async fn epoch(connection: &mut SqliteConnection) -> Result<Epoch, StoreError> {
    Ok(Epoch(sqlx::query(sql::EPOCH).fetch_one(connection).await?.try_get(0)?))
}

/// Makes the file beforehand, because SQLite gives its companions (-wal, -shm) the mode of the database.
fn make_file(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(|_| ())
}

/// Takes from others what an earlier hand left open to them. Goes by path: closing a handle of the database
/// would drop the locks that this process holds on it.
fn make_private(path: &Path) -> io::Result<()> {
    for path in ["", "-wal", "-shm"].map(|suffix| beside(path, suffix)) {
        let mut permissions = match fs::metadata(&path) {
            Ok(metadata) => metadata.permissions(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if permissions.mode() & 0o077 == 0 {
            continue;
        }
        permissions.set_mode(0o600);
        match fs::set_permissions(&path, permissions) {
            // It is somebody else's, who must answer for it.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::warn!(path = %path.display(), "others can read this file of the database, and its mode cannot be changed");
            }
            set => set?,
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Holds `<database>.lock` for as long as the file is open.
fn lock(path: &Path) -> Result<File, StoreError> {
    let path = beside(path, ".lock");
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let file = file.map_err(|error| cannot("make", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(format!(
            "another process has the database open (it holds the lock on {})",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
    }
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Database(format!("cannot {verb} {}: {error}", path.display()))
}
