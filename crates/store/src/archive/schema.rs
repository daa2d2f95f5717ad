use serde::{Deserialize, Serialize};

use super::{ArchiveError, value::Kind};
use crate::{
    StoreError,
    engine::{Connection, query},
    sql::archive as sql,
};

/// Every table that a backup has, each after those that it refers to.
const TABLES: &[&str] = &[
    "meta",
    "accounts",
    "devices",
    "cursors",
    "access_keys",
    "secrets",
    "contacts",
    "roster_groups",
    "group_contacts",
    "blocks",
    "mailboxes",
    "conversations",
    "messages",
    "entries",
    "outbox",
];

/// Tables that no backup has: after a restore every session begins anew, and the steps of the schema are run.
const LEFT_OUT: &[&str] = &["sessions", "session_people", "_sqlx_migrations"];

/// A table as a database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<ColumnLine>,
}

/// A column's name and type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnLine {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// Every table of a database that a backup has, in the order in which rows can be written.
pub(super) async fn tables(connection: &mut Connection) -> Result<Vec<Table>, ArchiveError> {
    let present = names(connection).await?;
    let mut tables = Vec::new();
    for name in TABLES.iter().filter(|name| present.iter().any(|present| present == *name)) {
        tables.push(table(connection, name).await?);
    }
    Ok(tables)
}

/// The names of all tables, the schema's own too.
pub(super) async fn names(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let text = match connection {
        Connection::Sqlite(_) => sql::SQLITE_TABLES,
        Connection::Postgres(_) => sql::POSTGRES_TABLES,
    };
    let rows = query(text).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Whether a backup may have a table of this name.
pub(super) fn kept(name: &str) -> bool {
    TABLES.contains(&name)
}

/// Whether a table of this name is ours; a PostgreSQL schema may hold other people's too.
pub(super) fn ours(name: &str) -> bool {
    TABLES.contains(&name) || LEFT_OUT.contains(&name)
}

pub(super) async fn table(connection: &mut Connection, name: &str) -> Result<Table, ArchiveError> {
    let text = match connection {
        Connection::Sqlite(_) => sql::SQLITE_COLUMNS,
        Connection::Postgres(_) => sql::POSTGRES_COLUMNS,
    };
    let mut columns = Vec::new();
    for row in query(text).bind(name).fetch_all(connection).await? {
        let (column, declared): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let kind = Kind::declared(&declared).ok_or_else(|| {
            StoreError::Corrupt(format!("the column {name}.{column} has the type {declared}"))
        })?;
        columns.push(ColumnLine { name: column, kind });
    }
    Ok(Table { name: name.to_owned(), columns })
}

#[cfg(test)]
mod tests {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

    use super::{LEFT_OUT, TABLES, names, tables};
    use crate::{engine::Connection, migration};

    /// Whoever adds a table decides here whether a backup has it.
    #[tokio::test]
    async fn every_table_is_in_a_backup_or_left_out_on_purpose() {
        let connection = SqliteConnectOptions::new().in_memory(true).connect().await.unwrap();
        let mut connection = Connection::Sqlite(connection);
        migration::run(&mut connection).await.unwrap();
        let mut present = names(&mut connection).await.unwrap();
        let mut known: Vec<_> = TABLES.iter().chain(LEFT_OUT).map(|name| (*name).to_owned()).collect();
        present.sort();
        known.sort();
        assert_eq!(present, known);
        let tables = tables(&mut connection).await.unwrap();
        assert!(tables.iter().all(|table| !table.columns.is_empty()));
    }
}
