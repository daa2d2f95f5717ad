//! The seam between the store and its two SQL engines: statements, values and rows that know neither.
//!
//! A statement is written `query(sql::area::NAME).bind(value)…` and run on the readers' [`Pool`] or on a
//! [`Connection`]. Values and columns are `i64`, `bool`, text, bytes and UUIDs, or an `Option` of them.

mod connection;
mod place;
mod query;
mod row;
mod value;

use sqlx::{PgPool, postgres::PgRow, sqlite::SqliteRow};

use crate::damage::Readers;
pub(crate) use connection::Connection;
pub(crate) use place::Place;
pub(crate) use query::{Query, query};
pub(crate) use row::Column;
pub(crate) use value::Value;

/// The same thing of one engine or the other.
#[derive(Debug, Clone)]
pub(crate) enum Engine<S, P> {
    Sqlite(S),
    Postgres(P),
}

/// Connections that only read.
pub(crate) type Pool = Engine<Readers, PgPool>;

/// A row that was read.
pub(crate) type Row = Engine<SqliteRow, PgRow>;

impl Pool {
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
