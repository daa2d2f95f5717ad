use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr};

use super::{STEPS, Step, last, version};
use crate::{Database, StoreError, archive::tables_of, engine::Connection, hold};

/// What bringing a database's schema up to date would do.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationPlan {
    /// The newest step that the database has taken; `None` when there is none yet.
    pub found: Option<i64>,
    /// The newest step that this program knows.
    pub known: i64,
    /// The steps that are missing, in their order.
    pub steps: Vec<PlannedStep>,
}

/// A missing step.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Its number.
    pub version: i64,
    /// What it is about.
    pub name: String,
    /// The tables with rows that it names: how much it may have to read or write.
    pub touches: Vec<TouchedTable>,
}

/// A table that a step names.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TouchedTable {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: i64,
    /// How many bytes it and its indexes take.
    pub bytes: i64,
}

/// Says which steps [`crate::Store::open`] would take on a database, and changes nothing; also while a server uses it.
pub async fn migration_plan(database: &Database) -> Result<MigrationPlan, StoreError> {
    match hold::snapshot(database).await? {
        Some(mut connection) => {
            let plan = plan(&mut connection, STEPS).await?;
            connection.close().await?;
            Ok(plan)
        }
        None => Ok(MigrationPlan { found: None, known: last(STEPS), steps: missing(STEPS, None) }),
    }
}

pub(super) async fn plan(sql: &mut Connection, steps: &[Step]) -> Result<MigrationPlan, StoreError> {
    let found = version(sql).await?;
    let mut planned = missing(steps, found);
    if !planned.is_empty() {
        let present = tables_of(sql).await?;
        for step in &mut planned {
            let text =
                steps.iter().find(|known| known.version == step.version).map_or("", |known| known.text);
            for table in present.iter().filter(|table| names(text, table)) {
                step.touches.push(measure(sql, table).await?);
            }
            step.touches.retain(|touched| touched.rows > 0);
        }
    }
    Ok(MigrationPlan { found, known: last(steps), steps: planned })
}

fn missing(steps: &[Step], found: Option<i64>) -> Vec<PlannedStep> {
    let missing = steps.iter().filter(|step| found.is_none_or(|found| step.version > found));
    missing
        .map(|step| PlannedStep { version: step.version, name: step.name.to_owned(), touches: Vec::new() })
        .collect()
}

/// Whether a text has a name as a word of its own.
fn names(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word.eq_ignore_ascii_case(name))
}

/// The name is one of the catalog's, and ours.
async fn measure(sql: &mut Connection, table: &str) -> Result<TouchedTable, StoreError> {
    let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")).into_sql_str();
    let (rows, bytes) = match sql {
        Connection::Sqlite(sql) => {
            let pages = "SELECT COALESCE(SUM(s.pgsize), 0) FROM dbstat s JOIN sqlite_master m ON m.name = s.name \
                WHERE m.tbl_name = $1";
            let bytes: i64 =
                sqlx::query(pages).bind(table.to_owned()).fetch_one(&mut *sql).await?.try_get(0)?;
            (sqlx::query(count).fetch_one(sql).await?.try_get(0)?, bytes)
        }
        Connection::Postgres(sql) => {
            let size = "SELECT pg_total_relation_size($1::regclass)";
            let bytes: i64 =
                sqlx::query(size).bind(table.to_owned()).fetch_one(&mut *sql).await?.try_get(0)?;
            (sqlx::query(count).fetch_one(sql).await?.try_get(0)?, bytes)
        }
    };
    Ok(TouchedTable { table: table.to_owned(), rows, bytes })
}
