//! This process's right to write to the database, and how the writer comes by its connection.

mod postgres;
mod sqlite;

use sqlx::{
    ConnectOptions as _,
    postgres::PgPoolOptions,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};

use crate::{
    Database, StoreError,
    damage::{Damage, Readers},
    disk::Disk,
    engine::{Connection, Engine, Pool},
    fault::Fault,
};
use postgres::PostgresHold;
use sqlite::SqliteHold;

pub(crate) use postgres::holds_data;
pub use postgres::{PostgresUrl, PostgresUrlError};

pub(crate) use sqlite::{beside, locked, make_file};

/// A connection that sees one moment of the database, whoever writes meanwhile; `None` when there is none yet.
pub(crate) async fn snapshot(database: &Database) -> Result<Option<Connection>, StoreError> {
    match database {
        Database::Sqlite(path) => sqlite::snapshot(path).await,
        Database::Postgres(url) => postgres::snapshot(url).await,
    }
}

/// The hold on either engine's database.
pub(crate) type Hold = Engine<SqliteHold, PostgresHold>;

/// What became of the transaction whose end was not heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Committed,
    /// Nothing of it was kept, or there was none.
    Void,
}

impl Hold {
    /// `known`: there was something in it before, as far as the master key tells; an empty file is refused then.
    pub(crate) fn of(database: &Database, exclusive: bool, known: bool) -> Result<Self, StoreError> {
        Ok(match database {
            Database::Sqlite(path) => Self::Sqlite(SqliteHold::open(path, exclusive, known)?),
            Database::Postgres(url) => Self::Postgres(PostgresHold::new(url)),
        })
    }

    /// A connection that may write. [`StoreError::Locked`] when another process writes or has written: then
    /// what this one remembers is void, and it must end.
    pub(crate) async fn connect(&mut self) -> Result<Connection, StoreError> {
        match self {
            Self::Sqlite(hold) => Ok(Connection::Sqlite(hold.options().connect().await?)),
            Self::Postgres(hold) => Ok(Connection::Postgres(hold.connect().await?)),
        }
    }

    /// Before anything is read for good: makes that durable which an earlier process has left. [`StoreError::Busy`] when
    /// another program writes; those that read are no hindrance.
    pub(crate) async fn settle(&self, sql: &mut Connection) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(hold) => hold.settle(sql).await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Says for the first time that this process writes now, on a schema that is up to date.
    pub(crate) async fn begin(&mut self, sql: &mut Connection) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(hold) => hold.begin(sql).await,
        }
    }

    /// Before a COMMIT: leaves a mark in the transaction by which it is known later.
    pub(crate) async fn mark(&mut self, sql: &mut Connection) -> Result<(), Fault> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(hold) => hold.mark(sql).await,
        }
    }

    /// The last marked transaction was committed.
    pub(crate) fn committed(&mut self) {
        if let Self::Postgres(hold) = self {
            hold.committed();
        }
    }

    /// After connecting anew: how the last marked transaction ended.
    pub(crate) async fn verdict(&mut self, sql: &mut Connection) -> Result<Verdict, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(Verdict::Void),
            Self::Postgres(hold) => hold.verdict(sql).await,
        }
    }

    /// Connections that only read.
    pub(crate) async fn readers(&self, damage: Damage) -> Result<Pool, StoreError> {
        Ok(match self {
            Self::Sqlite(hold) => {
                let options = hold.options().clone().pragma("query_only", "ON");
                let pool = SqlitePoolOptions::new().max_connections(sqlite::READERS);
                Pool::Sqlite(Readers { pool: pool.connect_with(options).await?, damage })
            }
            Self::Postgres(hold) => Pool::Postgres(hold.readers(PgPoolOptions::new())),
        })
    }

    /// The files, where they are on a disk of ours.
    pub(crate) fn disk(&self) -> Option<Disk> {
        match self {
            Self::Sqlite(hold) => Some(hold.disk().clone()),
            Self::Postgres(_) => None,
        }
    }

    /// How checkpoints connect, where they are ours to make.
    pub(crate) fn checkpoints(&self) -> Option<SqliteConnectOptions> {
        match self {
            Self::Sqlite(hold) => Some(hold.options().clone()),
            Self::Postgres(_) => None,
        }
    }
}
