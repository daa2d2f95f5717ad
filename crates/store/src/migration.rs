//! The schema and its history.

mod plan;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, future::Future, pin::pin, time::Duration};

use sqlx::{
    AssertSqlSafe, SqlSafeStr, SqlStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};
use tokio::time::{Instant, interval_at};

use crate::{
    StoreError,
    engine::{Connection, query},
};

pub use plan::{MigrationPlan, PlannedStep, TouchedTable, migration_plan};

/// A change of the schema.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    version: i64,
    name: &'static str,
    text: &'static str,
}

/// Every schema change, oldest first; a released one is never edited.
const STEPS: &[Step] = &[
    Step { version: 1, name: "start", text: include_str!("../../../migrations/0001_start.sql") },
    Step {
        version: 2,
        name: "session people",
        text: include_str!("../../../migrations/0002_session_people.sql"),
    },
];

const SQLITE_TABLE: &str =
    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
const POSTGRES_TABLE: &str = "SELECT COUNT(to_regclass('_sqlx_migrations'))";
const NEWEST: &str = "SELECT MAX(version) FROM _sqlx_migrations";

/// How often a step that takes long says that it goes on.
const PROGRESS: Duration = Duration::from_secs(5);

/// The newest step that this program knows.
pub(crate) fn newest() -> i64 {
    last(STEPS)
}

fn last(steps: &[Step]) -> i64 {
    steps.iter().map(|step| step.version).max().unwrap_or_default()
}

/// Brings the schema up to date; refuses a database that a newer program has changed.
pub(crate) async fn run(sql: &mut Connection) -> Result<(), StoreError> {
    apply(sql, STEPS).await
}

/// Brings an empty database to the schema of an earlier program.
pub(crate) async fn run_up_to(sql: &mut Connection, newest: i64) -> Result<(), StoreError> {
    let steps: Vec<Step> = STEPS.iter().copied().filter(|step| step.version <= newest).collect();
    apply(sql, &steps).await
}

/// Takes the missing steps one by one, and says how they go when there is something to change already.
async fn apply(sql: &mut Connection, steps: &[Step]) -> Result<(), StoreError> {
    let (found, known) = (version(sql).await?, last(steps));
    if let Some(found) = found.filter(|found| *found > known) {
        return Err(StoreError::TooNew { found, known });
    }
    for (at, step) in steps.iter().enumerate() {
        match found {
            Some(found) if step.version > found => {
                tracing::info!(version = step.version, name = step.name, "changing the database's schema");
                let since = Instant::now();
                told(step, take(sql, &steps[..=at])).await?;
                let seconds = since.elapsed().as_secs();
                tracing::info!(version = step.version, name = step.name, seconds, "the schema is changed");
            }
            _ => {}
        }
    }
    // All of them for a new database; else it proves that the steps taken before are those of this program.
    take(sql, steps).await
}

/// Says from time to time that a step goes on.
async fn told<T>(step: &Step, work: impl Future<Output = T>) -> T {
    let since = Instant::now();
    let mut ticks = interval_at(since + PROGRESS, PROGRESS);
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = ticks.tick() => {
                let seconds = since.elapsed().as_secs();
                tracing::info!(version = step.version, name = step.name, seconds, "changing the schema goes on");
            }
        }
    }
}

async fn take(sql: &mut Connection, steps: &[Step]) -> Result<(), StoreError> {
    let text: fn(&'static str) -> SqlStr = match sql {
        Connection::Sqlite(_) => SqlSafeStr::into_sql_str,
        Connection::Postgres(_) => ordered_by_bytes,
    };
    let steps = steps.iter().map(|step| {
        Migration::new(step.version, Cow::Borrowed(step.name), MigrationType::Simple, text(step.text), false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    match sql {
        Connection::Sqlite(sql) => migrator.run_direct(None, sql, false).await,
        Connection::Postgres(sql) => migrator.run_direct(None, sql, false).await,
    }
    .map_err(failed)
}

/// SQLite orders and compares text by its bytes; PostgreSQL does so only when it is told.
fn ordered_by_bytes(step: &'static str) -> SqlStr {
    AssertSqlSafe(step.replace(" TEXT", " TEXT COLLATE \"C\"")).into_sql_str()
}

/// The newest step that the database has taken; `None` for an empty one.
pub(crate) async fn version(sql: &mut Connection) -> Result<Option<i64>, StoreError> {
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

fn failed(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        error => StoreError::Database(format!("the schema cannot be brought up to date: {error}")),
    }
}
