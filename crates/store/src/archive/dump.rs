use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use serde_json::Value as Json;
use sqlx::{AssertSqlSafe, SqlSafeStr};

use super::{ArchiveError, TableLine, schema::Table, write::Output};
use crate::{
    StoreError,
    engine::{Connection, Row},
    sql::archive as sql,
};

/// Writes the rows of every table; the connection shows one moment of the database.
pub(super) async fn dump(
    connection: &mut Connection,
    tables: Vec<Table>,
    output: &mut Output,
    rows: &AtomicU64,
) -> Result<(), ArchiveError> {
    for Table { name, columns } in tables {
        let only = if name == "meta" { sql::META } else { "" };
        let list: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        // The names come from the catalog and are those of our own schema.
        let text = format!("SELECT {} FROM {name}{only}", list.join(", "));
        let line = TableLine { table: name, columns };
        output.line(&line).await?;
        let mut found = stream(connection, text);
        let unreadable = |error| of_table(error, &line.table);
        while let Some(row) = found.try_next().await.map_err(|error| unreadable(error.into()))? {
            let told = line.columns.iter().enumerate().map(|(at, column)| column.kind.told(&row, at));
            let told = told.collect::<Result<Vec<Json>, StoreError>>().map_err(unreadable)?;
            output.row(&told).await?;
            rows.fetch_add(1, Ordering::Relaxed);
        }
        drop(found);
        output.end_table(&line.table);
    }
    Ok(())
}

/// Says where what cannot be read is.
fn of_table(error: StoreError, table: &str) -> StoreError {
    match error {
        StoreError::Damaged(words) => StoreError::Damaged(format!("{words} (in the table {table})")),
        StoreError::Corrupt(words) => StoreError::Corrupt(format!("{words} (in the table {table})")),
        error => error,
    }
}

fn stream(connection: &mut Connection, text: String) -> BoxStream<'_, Result<Row, sqlx::Error>> {
    let query = AssertSqlSafe(text).into_sql_str();
    match connection {
        Connection::Sqlite(sql) => sqlx::query(query).fetch(sql).map_ok(Row::Sqlite).boxed(),
        Connection::Postgres(sql) => sqlx::query(query).fetch(sql).map_ok(Row::Postgres).boxed(),
    }
}
