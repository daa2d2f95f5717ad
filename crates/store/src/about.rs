use sqlx::{Executor, SqlSafeStr};

use crate::{
    Store, StoreError,
    engine::{Place, Pool, query},
    sql,
};

/// Of the database and of its log, in bytes.
const SQLITE_SIZE: &str = "SELECT (SELECT page_count FROM pragma_page_count()) * (SELECT page_size FROM \
    pragma_page_size())";
const POSTGRES_SIZE: &str = "SELECT pg_database_size(current_database())";

const SQLITE_VERSION: &str = "SELECT sqlite_version()";
const POSTGRES_VERSION: &str = "SELECT current_setting('server_version')";

impl Store {
    /// Name and version of the SQL engine, e.g. `PostgreSQL 15.14 (Debian 15.14-0+deb12u1)`.
    pub async fn engine(&self) -> Result<String, StoreError> {
        engine(self.readers().into()).await
    }

    /// How many bytes the database takes; for SQLite without its log.
    pub async fn size(&self) -> Result<u64, StoreError> {
        size(self.readers().into()).await
    }

    /// Has the database prepare every statement of this program, so that a schema that does not fit is found before
    /// people find it; gives how many.
    pub async fn prepare_all(&self) -> Result<usize, StoreError> {
        let texts = sql::every(self.readers());
        for text in &texts {
            let prepared = match self.readers() {
                Pool::Sqlite(pool) => pool.prepare(text.into_sql_str()).await.map(|_| ()),
                Pool::Postgres(pool) => pool.prepare(text.into_sql_str()).await.map(|_| ()),
            };
            prepared.map_err(|error| StoreError::Database(format!("{error} in {text}")))?;
        }
        Ok(texts.len())
    }
}

pub(crate) async fn engine(place: Place<'_>) -> Result<String, StoreError> {
    let (name, text) =
        if place.is_sqlite() { ("SQLite", SQLITE_VERSION) } else { ("PostgreSQL", POSTGRES_VERSION) };
    let version: String = query(text).fetch_one(place).await?.try_get(0)?;
    Ok(format!("{name} {version}"))
}

pub(crate) async fn size(place: Place<'_>) -> Result<u64, StoreError> {
    let text = if place.is_sqlite() { SQLITE_SIZE } else { POSTGRES_SIZE };
    let size: i64 = query(text).fetch_one(place).await?.try_get(0)?;
    Ok(u64::try_from(size).unwrap_or_default())
}
