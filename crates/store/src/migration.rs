use std::borrow::Cow;

use sqlx::{
    Row, SqlSafeStr, SqliteConnection,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use crate::StoreError;

/// Every schema change, oldest first; a released one is never edited.
const STEPS: &[(i64, &str, &str)] = &[(1, "start", include_str!("../../../migrations/0001_start.sql"))];

const TABLE: &str = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations";

/// Brings the schema up to date; refuses a database that a newer program has changed.
pub(crate) async fn run(sql: &mut SqliteConnection) -> Result<(), StoreError> {
    let known = STEPS.iter().map(|(version, ..)| *version).max().unwrap_or_default();
    if let Some(found) = newest(sql).await?.filter(|found| *found > known) {
        return Err(StoreError::TooNew { found, known });
    }
    let steps = STEPS.iter().map(|(version, name, text)| {
        Migration::new(*version, Cow::Borrowed(name), MigrationType::Simple, text.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    migrator.run_direct(None, sql, false).await.map_err(told)
}

async fn newest(sql: &mut SqliteConnection) -> Result<Option<i64>, StoreError> {
    let tables: i64 = sqlx::query(TABLE).fetch_one(&mut *sql).await?.try_get(0)?;
    if tables == 0 {
        return Ok(None);
    }
    Ok(sqlx::query(NEWEST).fetch_one(sql).await?.try_get(0)?)
}

fn told(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => error.into(),
        error => StoreError::Database(format!("the schema cannot be brought up to date: {error}")),
    }
}
