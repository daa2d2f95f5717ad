mod settle;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::{StoreError, disk::Disk, engine::Connection, sql::archive as sql};

pub(super) const READERS: u32 = 4;
/// To so many bytes the WAL's file is cut when the WAL begins anew: writing over a file is faster than growing it, and
/// a checkpoint must see how it grows.
const KEPT_WAL: &str = "33554432";
const BUSY: Duration = Duration::from_secs(5);

/// An SQLite file, and the lock beside it if one was asked for.
#[derive(Debug)]
pub(crate) struct SqliteHold {
    options: SqliteConnectOptions,
    disk: Disk,
    _lock: Option<File>,
}

impl SqliteHold {
    /// Takes the lock before it touches the database: closing a handle of a file that this process has open
    /// already would drop the locks that SQLite holds on it.
    pub(super) fn open(path: &Path, exclusive: bool, known: bool) -> Result<Self, StoreError> {
        make_folder(path).map_err(|error| cannot("make the folder of", path, &error))?;
        let lock = if exclusive { Some(lock(path)?) } else { None };
        if known {
            refuse_emptied(path)?;
        }
        make_file(path).map_err(|error| cannot("open", path, &error))?;
        make_private(path).map_err(|error| cannot("protect", path, &error))?;
        let disk = Disk::of(path).map_err(|error| cannot("look at", path, &error))?;
        Ok(Self { options: options(path), disk, _lock: lock })
    }

    pub(super) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(super) fn options(&self) -> &SqliteConnectOptions {
        &self.options
    }
}

/// A key without what it was made for. Asked under the lock: whoever starts for the first time makes the key, and then an
/// empty file for a moment.
fn refuse_emptied(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(file) if file.len() == 0 => Err(StoreError::Emptied(path.display().to_string())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!(
                database = %path.display(),
                "there is a master key, but no database: a new, empty one is made. If there was one before, stop, and put it \
                 back or restore a backup"
            );
            Ok(())
        }
        _ => Ok(()),
    }
}

/// A connection that sees one moment of the database; `None` when there is none yet. Neither the database nor its log is
/// changed by it: what opens a log for writing empties it into the database when it is the last to close it.
pub(super) async fn snapshot(path: &Path) -> Result<Option<Connection>, StoreError> {
    use sqlx::ConnectOptions;
    if !fs::metadata(path).is_ok_and(|file| file.len() > 0) {
        return Ok(None);
    }
    // Without a log there is nothing to empty, and reading alone could not make the one that SQLite wants to see.
    let logged = beside(path, "-wal").exists();
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .read_only(logged)
        .busy_timeout(BUSY)
        .pragma("query_only", "ON")
        .disable_statement_logging();
    let mut connection = Connection::Sqlite(options.connect().await?);
    connection.run(sql::SNAPSHOT_SQLITE).await?;
    Ok(Some(connection))
}

/// WAL with full durability; checkpoints are the writer's business.
fn options(path: &Path) -> SqliteConnectOptions {
    use sqlx::ConnectOptions;
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", KEPT_WAL)
        .statement_cache_capacity(256)
        .disable_statement_logging()
}

fn make_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => fs::DirBuilder::new().recursive(true).mode(0o700).create(folder),
        None => Ok(()),
    }
}

/// Makes the file beforehand, because SQLite gives its companions (-wal, -shm) the mode of the database.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(|_| ()),
    }
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

pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Who holds the lock, without taking it for longer than a moment.
pub(crate) fn locked(path: &Path) -> Option<String> {
    let path = beside(path, ".lock");
    let held = matches!(File::open(&path).ok()?.try_lock_shared(), Err(TryLockError::WouldBlock));
    held.then(|| occupied(&path))
}

fn occupied(lock: &Path) -> String {
    format!("another process has the database open (it holds the lock on {})", lock.display())
}

/// Holds `<database>.lock` for as long as the file is open.
fn lock(path: &Path) -> Result<File, StoreError> {
    let path = beside(path, ".lock");
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let file = file.map_err(|error| cannot("make", &path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(occupied(&path))),
        Err(TryLockError::Error(error)) => Err(cannot("lock", &path, &error)),
    }
}

fn cannot(verb: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Database(format!("cannot {verb} {}: {error}", path.display()))
}
