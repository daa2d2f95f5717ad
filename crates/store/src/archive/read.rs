use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use aws_lc_rs::digest::{Context, SHA256};
use flate2::read::GzDecoder;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{ArchiveError, FORMAT, Foot, Head, Manifest, TableLine, TableSum, hex};
use crate::{engine::Value, migration};

/// Longest line, in bytes: a row's texts are far shorter.
const LINE_MAX: u64 = 16 * 1024 * 1024;

/// Hears what is in a backup, in the order of the file.
pub(super) trait Visitor {
    /// The rows of this table follow; an error ends the reading.
    fn table(&mut self, table: &TableLine) -> Result<(), ArchiveError>;
    fn row(&mut self, row: Vec<Value>) -> Result<(), ArchiveError>;
}

/// Nobody wants the rows.
struct Nobody;

impl Visitor for Nobody {
    fn table(&mut self, _: &TableLine) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn row(&mut self, _: Vec<Value>) -> Result<(), ArchiveError> {
        Ok(())
    }
}

/// Reads a whole backup and checks its form, its counts and its checksums; changes nothing.
pub async fn verify(file: &Path) -> Result<Manifest, ArchiveError> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || read(&path, &mut Nobody)).await;
    read.unwrap_or_else(|error| Err(ArchiveError::damaged(file, error.to_string())))
}

/// Reads a whole backup and tells the visitor; what was told holds only if this ends well.
pub(super) fn read(path: &Path, visitor: &mut impl Visitor) -> Result<Manifest, ArchiveError> {
    let file = File::open(path).map_err(|error| ArchiveError::file(path, error))?;
    let mut lines = Lines {
        path,
        from: BufReader::new(GzDecoder::new(BufReader::new(file))),
        all: Context::new(&SHA256),
        line: Vec::new(),
    };
    let head = lines.head()?;
    let mut tables: Vec<TableSum> = Vec::new();
    let mut table: Option<Rows> = None;
    loop {
        let before = lines.all.clone();
        if !lines.next()? {
            return Err(lines.damaged("it ends too early"));
        }
        // A row is an array, everything else an object.
        if lines.line.first() == Some(&b'[') {
            let Some(rows) = table.as_mut() else { return Err(lines.damaged("a row belongs to no table")) };
            visitor.row(rows.read(&lines)?)?;
            continue;
        }
        tables.extend(table.take().map(Rows::sum));
        if let Ok(line) = serde_json::from_slice::<TableLine>(&lines.line) {
            visitor.table(&line)?;
            table = Some(Rows { line, count: 0, sum: Context::new(&SHA256) });
            continue;
        }
        let foot: Foot = lines.parsed("a line is neither a table nor the end")?;
        if lines.next()? {
            return Err(lines.damaged("it goes on behind its end"));
        }
        if foot != (Foot { tables, sha256: hex(&before.finish()) }) {
            return Err(lines.damaged("its checksums do not fit what is in it"));
        }
        return Ok(Manifest { head, foot });
    }
}

/// The table whose rows are being read.
struct Rows {
    line: TableLine,
    count: u64,
    sum: Context,
}

impl Rows {
    fn read(&mut self, lines: &Lines<'_, impl BufRead>) -> Result<Vec<Value>, ArchiveError> {
        let bad = || {
            lines.damaged(&format!("row {} of {} does not fit its table", self.count + 1, self.line.table))
        };
        let cells: Vec<Json> = serde_json::from_slice(&lines.line).map_err(|_| bad())?;
        if cells.len() != self.line.columns.len() {
            return Err(bad());
        }
        let kinds = self.line.columns.iter().map(|column| column.kind);
        let values = cells.into_iter().zip(kinds).map(|(cell, kind)| kind.read(cell));
        let values = values.collect::<Option<Vec<_>>>().ok_or_else(bad)?;
        self.sum.update(&lines.line);
        self.count += 1;
        Ok(values)
    }

    fn sum(self) -> TableSum {
        TableSum { table: self.line.table, rows: self.count, sha256: hex(&self.sum.finish()) }
    }
}

/// The lines of the file, one after the other.
struct Lines<'p, R> {
    path: &'p Path,
    from: R,
    all: Context,
    /// The present one, with its end.
    line: Vec<u8>,
}

impl<R: BufRead> Lines<'_, R> {
    fn head(&mut self) -> Result<Head, ArchiveError> {
        let no_backup = "it does not begin as one";
        if !self.next().map_err(|_| self.damaged(no_backup))? {
            return Err(self.damaged(no_backup));
        }
        let form: Form = self.parsed(no_backup)?;
        let too_new = |what, found, known| ArchiveError::TooNew {
            path: self.path.display().to_string(),
            program: form.program.clone(),
            what,
            found,
            known,
        };
        if form.what != "trunkline backup" {
            return Err(self.damaged(no_backup));
        }
        if form.format > FORMAT {
            return Err(too_new("form", i64::from(form.format), i64::from(FORMAT)));
        }
        let head: Head = self.parsed(no_backup)?;
        if head.schema > migration::newest() {
            return Err(too_new("schema", head.schema, migration::newest()));
        }
        Ok(head)
    }

    /// Reads the next line; false at the end of the file.
    fn next(&mut self) -> Result<bool, ArchiveError> {
        self.line.clear();
        let mut limited = (&mut self.from).take(LINE_MAX);
        let read = limited.read_until(b'\n', &mut self.line);
        read.map_err(|error| self.damaged(&error.to_string()))?;
        if self.line.is_empty() {
            return Ok(false);
        }
        if self.line.last() != Some(&b'\n') {
            return Err(self.damaged("a line has no end"));
        }
        self.all.update(&self.line);
        Ok(true)
    }

    fn parsed<T: DeserializeOwned>(&self, otherwise: &str) -> Result<T, ArchiveError> {
        serde_json::from_slice(&self.line).map_err(|_| self.damaged(otherwise))
    }

    fn damaged(&self, what: &str) -> ArchiveError {
        ArchiveError::damaged(self.path, what)
    }
}

/// The part of a head that every form of the file has.
#[derive(serde::Deserialize)]
struct Form {
    what: String,
    format: u32,
    program: String,
}
