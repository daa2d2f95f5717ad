use std::borrow::Cow;

use sqlx::{
    AssertSqlSafe, SqlSafeStr, SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::{
    StoreError,
    engine::{Connection, query},
};

/// Every schema change, oldest first; a released one is never edited.
const STEPS: &[(i64, &str, &str)] = &[(1, "start", include_str!("../../../migrations/0001_start.sql"))];

const SQLITE_TABLE: &str =
    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
const POSTGRES_TABLE: &str = "SELECT COUNT(to_regclass('_sqlx_migrations'))";
const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations";

/// Brings the schema up to date; refuses a database that a newer program has changed.
pub(crate) async fn run(sql: &mut Connection) -> Result<(), StoreError> {
    let known = STEPS.iter().map(|(version, ..)| *version).max().unwrap_or_default();
    if let Some(found) = newest(sql).await?.filter(|found| *found > known) {
        return Err(StoreError::TooNew { found, known });
    }
    let text: fn(&'static str) -> SqlStr = match sql {
        Connection::Sqlite(_) => SqlSafeStr::into_sql_str,
        Connection::Postgres(_) => ordered_by_bytes,
    };
    let steps = STEPS.iter().map(|(version, name, step)| {
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, text(step), false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    match sql {
        Connection::Sqlite(sql) => migrator.run_direct(None, sql, false).await,
        Connection::Postgres(sql) => migrator.run_direct(None, sql, false).await,
    }
    .map_err(told)
}

/// SQLite orders and compares text by its bytes; PostgreSQL does so only when it is told.
fn ordered_by_bytes(step: &'static str) -> SqlStr {
    AssertSqlSafe(step.replace(" TEXT", " TEXT COLLATE \"C\"")).into_sql_str()
}

async fn newest(sql: &mut Connection) -> Result<Option<i64>, StoreError> {
    let table = match sql {
        Connection::Sqlite(_) => SQLITE_TABLE,
        Connection::Postgres(_) => POSTGRES_TABLE,
    };
    let tables: i64 = query(table).fetch_one(&mut *sql).await?.try_get(0)?;
    if tables == 0 {
        return Ok(None);
    }
    Ok(query(NEWEST).fetch_one(sql).await?.try_get(0)?)
}

fn told(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        error => StoreError::Database(format!("the schema cannot be brought up to date: {error}")),
    }
}
