use std::time::{Duration, Instant};

use crate::{
    Database, StoreError,
    engine::{Connection, query},
    hold,
};

/// Faults that are told at most.
const QUICK_CHECK: &str = "PRAGMA quick_check(3)";
/// Steps of SQLite's between two looks at the clock.
const STEPS: i32 = 1_000;

/// What a look through the pages of an SQLite file has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Soundness {
    /// Every page is where it belongs and can be read.
    Sound,
    /// What is wrong: the first faults, in SQLite's words.
    Damaged(String),
    /// The file is large: the time was over before the last page.
    Unfinished,
    /// A database server sees to its own pages, or there is nothing yet.
    NotLooked,
}

/// Looks through every page of an SQLite file for at most this long, beside a server too; changes nothing.
pub async fn soundness(database: &Database, limit: Duration) -> Result<Soundness, StoreError> {
    if matches!(database, Database::Postgres(_)) {
        return Ok(Soundness::NotLooked);
    }
    let looked = match hold::snapshot(database).await {
        Ok(Some(connection)) => look(connection, limit).await,
        Ok(None) => return Ok(Soundness::NotLooked),
        Err(error) => Err(error),
    };
    match looked {
        Err(StoreError::Damaged(words)) => Ok(Soundness::Damaged(words)),
        looked => looked,
    }
}

async fn look(mut connection: Connection, limit: Duration) -> Result<Soundness, StoreError> {
    let end = Instant::now() + limit;
    if let Connection::Sqlite(sql) = &mut connection {
        sql.lock_handle().await?.set_progress_handler(STEPS, move || Instant::now() < end);
    }
    let found = query(QUICK_CHECK).fetch_all(&mut connection).await;
    if let Connection::Sqlite(sql) = &mut connection {
        sql.lock_handle().await?.remove_progress_handler();
    }
    let late = Instant::now() >= end;
    // What it says at the end of a connection that only read does not count.
    drop(connection.close().await);
    match found {
        Err(_) if late => Ok(Soundness::Unfinished),
        Err(error) => Err(error.into()),
        Ok(rows) => {
            let words = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
            Ok(if words == ["ok"] { Soundness::Sound } else { Soundness::Damaged(words.join("; ")) })
        }
    }
}
