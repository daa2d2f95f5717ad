use std::fmt;

use sqlx::{Executor, PgConnection, Row as _};

use crate::{StoreError, sql::postgres as sql};

/// The session that holds the writer's lock.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) process: i32,
    /// Empty when it belongs to another database user.
    pub(super) name: String,
    address: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server process {}", self.process)?;
        if !self.name.is_empty() {
            write!(f, ", \"{}\"", self.name)?;
        }
        match &self.address {
            Some(address) => write!(f, ", from {address}"),
            None => Ok(()),
        }
    }
}

/// Refuses a server that cannot keep our promises, and makes the session keep them; false when the server leaves it to
/// chance what a power cut takes (fsync=off).
pub(super) async fn prepare(connection: &mut PgConnection) -> Result<bool, StoreError> {
    connection.execute(sql::PREPARE).await?;
    let row = sqlx::query(sql::LOOK).fetch_one(&mut *connection).await?;
    let (encoding, standby, fsync): (String, bool, String) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if encoding != "UTF8" {
        return Err(StoreError::Database(format!(
            "its encoding is {encoding}, and UTF8 is needed: create it with ENCODING 'UTF8' TEMPLATE template0"
        )));
    }
    if standby {
        return Err(StoreError::Unreachable(
            "this server is a standby, which only reads: name the primary".to_owned(),
        ));
    }
    Ok(fsync == "on")
}

pub(super) async fn only_read(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection.execute(sql::ONLY_READ).await.map(|_| ())
}

pub(super) async fn try_lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query(sql::TRY_LOCK).fetch_one(connection).await?.try_get(0)
}

pub(super) async fn holder(connection: &mut PgConnection) -> Result<Option<Holder>, sqlx::Error> {
    let row = sqlx::query(sql::HOLDER).fetch_optional(connection).await?;
    row.map(|row| Ok(Holder { process: row.try_get(0)?, name: row.try_get(1)?, address: row.try_get(2)? }))
        .transpose()
}

pub(super) async fn end(connection: &mut PgConnection, process: i32) -> Result<(), sqlx::Error> {
    sqlx::query(sql::END).bind(process).execute(connection).await.map(|_| ())
}
