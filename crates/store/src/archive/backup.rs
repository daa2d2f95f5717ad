use std::{path::Path, sync::atomic::AtomicU64};

use trunkline_model::Timestamp;

use super::{ArchiveError, FORMAT, Head, Manifest, dump, schema, write::Output};
use crate::{
    Database, KeyId, StoreError,
    engine::{Connection, query},
    hold, key, migration,
    sql::mailbox,
};

/// Writes one moment of the database to a new file, mode 0600, while others go on writing; `rows` counts along. An
/// existing file is replaced only with `force`.
pub async fn backup(
    database: &Database,
    file: &Path,
    force: bool,
    rows: &AtomicU64,
) -> Result<Manifest, ArchiveError> {
    if !force && file.exists() {
        return Err(ArchiveError::Exists(file.display().to_string()));
    }
    let mut connection = hold::snapshot(database).await?.ok_or(ArchiveError::Nothing)?;
    let head = head(&mut connection).await?;
    let tables = schema::tables(&mut connection).await?;
    let mut output = Output::create(file)?;
    output.line(&head).await?;
    dump::dump(&mut connection, tables, &mut output, rows).await?;
    connection.close().await?;
    let foot = output.finish(force).await?;
    Ok(Manifest { head, foot })
}

async fn head(connection: &mut Connection) -> Result<Head, ArchiveError> {
    let schema = migration::version(connection).await?.ok_or(ArchiveError::Nothing)?;
    let known = migration::newest();
    if schema > known {
        return Err(StoreError::TooNew { found: schema, known }.into());
    }
    let epoch: i64 = query(mailbox::EPOCH).fetch_one(&mut *connection).await?.try_get(0)?;
    let key: Option<KeyId> = key::in_force(connection).await?;
    let engine = match connection {
        Connection::Sqlite(_) => "sqlite",
        Connection::Postgres(_) => "postgresql",
    };
    Ok(Head {
        what: "trunkline backup".to_owned(),
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: engine.to_owned(),
        schema,
        epoch,
        key,
        created_at: Timestamp::now().0,
    })
}
