use std::{fmt, fs, path::PathBuf, sync::Arc};

use tokio::sync::{mpsc, watch};
use trunkline_model::{Epoch, Timestamp};

use crate::{
    CommitListener, KeyId, MasterKey, PostgresUrl, Store, StoreError,
    clock::Clock,
    crypto::Keys,
    engine::{Connection, query},
    hold::{self, Hold},
    key::{self, Keyring},
    metrics::Gauges,
    migration, purge,
    sql::mailbox as sql,
    store::Shared,
    writer::{self, Writer},
};

/// What a store needs to open.
#[derive(Debug)]
pub struct OpenStore {
    /// Where the data lie.
    pub database: Database,
    /// The key that guards secrets.
    pub master_key: MasterKey,
    /// Hears of every committed entry.
    pub listener: Arc<dyn CommitListener>,
    /// Take an OS lock beside an SQLite database; [`StoreError::Locked`] when another process holds it. Only
    /// one store may write at a time, because the writer keeps mailbox heads in memory. On PostgreSQL a lock
    /// in the database is always taken.
    pub exclusive: bool,
}

/// Where the data lie.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file; it and its folder are made (modes 0600 and 0700) when absent.
    Sqlite(PathBuf),
    /// A database that exists, of a user who may make tables in it.
    Postgres(PostgresUrl),
}

impl Database {
    /// True when there is something in it already; makes nothing.
    pub async fn holds_data(&self) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(fs::metadata(path).is_ok_and(|file| file.len() > 0)),
            Self::Postgres(url) => hold::holds_data(url).await,
        }
    }
}

impl Database {
    /// The master key that it is under, asked beside whoever uses it; `None` when there is nothing yet that says so.
    pub async fn key_id(&self) -> Result<Option<KeyId>, StoreError> {
        let Some(mut connection) = hold::snapshot(self).await? else { return Ok(None) };
        let told = match migration::version(&mut connection).await {
            Ok(Some(_)) => key::in_force(&mut connection).await,
            other => other.map(|_| None),
        };
        // What it says at the end of a connection that only reads does not count.
        drop(connection.close().await);
        told
    }

    /// Which lock another process holds on an SQLite database; makes nothing. Nothing is said of a database server, nor
    /// of a lock that this user may not see.
    pub fn locked(&self) -> Option<String> {
        match self {
            Self::Sqlite(path) => hold::locked(path),
            Self::Postgres(_) => None,
        }
    }
}

/// The file, or the database's name and server.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl Store {
    /// Opens the database, brings its schema up to date and starts the writer. [`StoreError::TooNew`] when a
    /// newer program has changed the schema, [`StoreError::WrongKey`] when it was made with another master key,
    /// [`StoreError::Emptied`] for an SQLite file of 0 bytes when the key is older than this process.
    pub async fn open(open: OpenStore) -> Result<Store, StoreError> {
        let mut hold = Hold::of(&open.database, open.exclusive, !open.master_key.is_fresh())?;
        let mut connection = hold.connect().await?;
        hold.settle(&mut connection).await?;
        migration::run(&mut connection).await?;
        let keys = Keys::derive(&open.master_key)?;
        key::check(&mut connection, &keys).await?;
        hold.begin(&mut connection).await?;
        let epoch = epoch(&mut connection).await?;
        let clock = Clock::behind(last_moment(&mut connection).await?);
        let gauges = Arc::new(Gauges::default());
        let readers = hold.readers(gauges.damage.clone()).await?;
        let (queue, jobs) = mpsc::channel(writer::QUEUE);
        let (finish, finished) = watch::channel(None);
        let shared = Shared {
            queue,
            readers,
            keys: Arc::new(Keyring::new(keys)),
            epoch,
            gauges,
            disk: hold.disk(),
            purge: tokio::sync::Mutex::new(purge::Round::default()),
            finished,
        };
        let writer = Writer::new(writer::Parts {
            hold,
            connection,
            clock,
            readers: shared.readers.clone(),
            queue: jobs,
            keys: Arc::clone(&shared.keys),
            listener: open.listener,
            gauges: Arc::clone(&shared.gauges),
            finish,
        });
        tokio::spawn(writer.run());
        Ok(Store { shared: Arc::new(shared) })
    }
}

async fn epoch(connection: &mut Connection) -> Result<Epoch, StoreError> {
    Ok(Epoch(query(sql::EPOCH).fetch_one(connection).await?.try_get(0)?))
}

async fn last_moment(connection: &mut Connection) -> Result<Timestamp, StoreError> {
    Ok(Timestamp(query(sql::LAST_MOMENT).fetch_one(connection).await?.try_get(0)?))
}
