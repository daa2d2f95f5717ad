use sqlx::{Connection as _, Error, Executor, PgConnection, SqliteConnection};

use super::Engine;

const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE";
/// Whatever the server's defaults are.
const BEGIN_POSTGRES: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// A connection of our own.
pub(crate) type Connection = Engine<SqliteConnection, PgConnection>;

impl Connection {
    /// Begins a transaction that may write.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        let text = match self {
            Self::Sqlite(_) => BEGIN_SQLITE,
            Self::Postgres(_) => BEGIN_POSTGRES,
        };
        self.run(text).await
    }

    /// PostgreSQL takes this for a rollback when a statement of the transaction has failed, and says nothing.
    pub(crate) async fn commit(&mut self) -> Result<(), Error> {
        self.run(COMMIT).await
    }

    pub(crate) async fn rollback(&mut self) -> Result<(), Error> {
        self.run(ROLLBACK).await
    }

    /// Begins a transaction within which those that sqlx itself begins are savepoints, as steps of the schema do.
    /// sqlx then takes the connection to be within it until it is closed.
    pub(crate) async fn begin_nesting(&mut self) -> Result<(), Error> {
        // Dropped, it would be rolled back.
        match self {
            Self::Sqlite(sql) => sql.begin().await.map(std::mem::forget),
            Self::Postgres(sql) => sql.begin().await.map(std::mem::forget),
        }
    }

    /// Runs a text without values.
    pub(crate) async fn run(&mut self, text: &'static str) -> Result<(), Error> {
        match self {
            Self::Sqlite(sql) => sql.execute(text).await.map(|_| ()),
            Self::Postgres(sql) => sql.execute(text).await.map(|_| ()),
        }
    }

    pub(crate) async fn close(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(sql) => sql.close().await,
            Self::Postgres(sql) => sql.close().await,
        }
    }
}
