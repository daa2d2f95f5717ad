use sqlx::{PgConnection, PgPool, SqliteConnection};

use super::{Connection, Pool};
use crate::damage::Readers;

/// Where a statement runs.
pub(crate) enum Place<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
    SqlitePool(&'c Readers),
    PostgresPool(&'c PgPool),
}

impl Place<'_> {
    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_) | Self::SqlitePool(_))
    }

    /// The same place, for one of several statements.
    pub(crate) fn again(&mut self) -> Place<'_> {
        match self {
            Self::Sqlite(connection) => Place::Sqlite(connection),
            Self::Postgres(connection) => Place::Postgres(connection),
            Self::SqlitePool(pool) => Place::SqlitePool(pool),
            Self::PostgresPool(pool) => Place::PostgresPool(pool),
        }
    }
}

impl<'c> From<&'c mut Connection> for Place<'c> {
    fn from(connection: &'c mut Connection) -> Self {
        match connection {
            Connection::Sqlite(connection) => Self::Sqlite(connection),
            Connection::Postgres(connection) => Self::Postgres(connection),
        }
    }
}

impl<'c> From<&'c Pool> for Place<'c> {
    fn from(pool: &'c Pool) -> Self {
        match pool {
            Pool::Sqlite(pool) => Self::SqlitePool(pool),
            Pool::Postgres(pool) => Self::PostgresPool(pool),
        }
    }
}
