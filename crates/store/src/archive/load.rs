use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use super::{
    ArchiveError, Manifest, TableLine,
    read::{Visitor, read},
    schema,
};
use crate::{
    StoreError,
    engine::{Connection, Value},
    sql::row_list::RowList,
};

/// Rows that are handed over at a time, and how many such parts may wait.
const PART: usize = 256;
const PARTS: usize = 8;

/// Reads a backup aside and writes its rows; gives what was read once more, to be compared with what was checked
/// before. The rows of `skipped` tables are only counted.
pub(super) async fn load(
    connection: &mut Connection,
    file: &Path,
    skipped: &[&str],
    rows: &AtomicU64,
) -> Result<Manifest, ArchiveError> {
    let (parts, mut taken) = mpsc::channel(PARTS);
    let path = file.to_owned();
    let reader = tokio::task::spawn_blocking(move || {
        let mut feed = Feed { parts, part: Vec::new() };
        let manifest = read(&path, &mut feed)?;
        feed.flush()?;
        Ok(manifest)
    });
    let mut table: Option<Loading> = None;
    while let Some(part) = taken.recv().await {
        match part {
            Part::Table(line) => table = Loading::begin(connection, file, line, skipped).await?,
            Part::Rows(part) => {
                rows.fetch_add(part.len() as u64, Ordering::Relaxed);
                if let Some(table) = &table {
                    table.write(connection, part).await?;
                }
            }
        }
    }
    reader.await.unwrap_or_else(|error| Err(ArchiveError::damaged(file, error.to_string())))
}

enum Part {
    Table(TableLine),
    Rows(Vec<Vec<Value>>),
}

/// Hands what is read over to who writes it.
struct Feed {
    parts: mpsc::Sender<Part>,
    part: Vec<Vec<Value>>,
}

impl Feed {
    fn flush(&mut self) -> Result<(), ArchiveError> {
        let part = std::mem::take(&mut self.part);
        if part.is_empty() { Ok(()) } else { self.hand_over(Part::Rows(part)) }
    }

    fn hand_over(&self, part: Part) -> Result<(), ArchiveError> {
        // Whoever writes has stopped, and says why.
        self.parts.blocking_send(part).map_err(|_| ArchiveError::Store(StoreError::Closed))
    }
}

impl Visitor for Feed {
    fn table(&mut self, table: &TableLine) -> Result<(), ArchiveError> {
        self.flush()?;
        self.hand_over(Part::Table(table.clone()))
    }

    fn row(&mut self, row: Vec<Value>) -> Result<(), ArchiveError> {
        self.part.push(row);
        if self.part.len() < PART { Ok(()) } else { self.flush() }
    }
}

/// The table whose rows are being written.
struct Loading {
    insert: RowList,
}

impl Loading {
    /// `None` for a table that is skipped. Its columns must be those of the schema, for their names are put into a
    /// statement.
    async fn begin(
        connection: &mut Connection,
        file: &Path,
        line: TableLine,
        skipped: &[&str],
    ) -> Result<Option<Self>, ArchiveError> {
        let TableLine { table: name, columns } = line;
        let there =
            if schema::kept(&name) { schema::table(connection, &name).await?.columns } else { Vec::new() };
        if columns.is_empty() || columns.iter().any(|column| !there.contains(column)) {
            return Err(ArchiveError::damaged(file, format!("its table {name:.40?} is not of its schema")));
        }
        if skipped.contains(&name.as_str()) {
            return Ok(None);
        }
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let head = format!("INSERT INTO {name} ({}) VALUES ", names.join(", "));
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        // Texts of statements are static; there are two for each table, once in the life of this process.
        Ok(Some(Self { insert: RowList::values(head.leak(), row.leak(), "") }))
    }

    async fn write(
        &self,
        connection: &mut Connection,
        mut rows: Vec<Vec<Value>>,
    ) -> Result<(), ArchiveError> {
        if matches!(connection, Connection::Postgres(_)) {
            rows.iter_mut().flatten().for_each(without_nul);
        }
        let bind = |query: crate::engine::Query, row: &Vec<Value>| {
            row.iter().cloned().fold(query, |query, value| query.bind(value))
        };
        Ok(self.insert.execute(connection, &rows, |query| query, bind).await?)
    }
}

/// PostgreSQL keeps no U+0000 in a text, SQLite does.
fn without_nul(value: &mut Value) {
    if let Value::Text(Some(text)) = value
        && text.contains('\0')
    {
        *text = text.replace('\0', "\u{fffd}");
    }
}
