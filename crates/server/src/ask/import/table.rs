use std::collections::{HashMap, hash_map::Entry};

use csv::{ByteRecord, ReaderBuilder};
use serde::Serialize;
use trunkline_config::nearest;
use trunkline_model::Address;

use crate::admin::{ImportRow, ProfileChange};

const ADDRESS: &str = "address";
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a file says: its good rows, and everything that is wrong with it.
#[derive(Default)]
pub(super) struct Table {
    pub(super) rows: Vec<ImportRow>,
    pub(super) problems: Vec<Problem>,
    /// The first line is wrong, so that no row can be understood.
    pub(super) hopeless: bool,
}

/// One thing that is wrong with a file.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// From 1.
    pub(super) line: u64,
    /// Which cell of the line, from 1; absent when it concerns the whole line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<usize>,
    /// The column's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) message: String,
}

impl Table {
    /// Reads a CSV file (RFC 4180; commas or semicolons) with column names in its first line.
    pub(super) fn read(content: &[u8]) -> Self {
        let mut table = Self::default();
        if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
            table.give_up(1, None, "the file is UTF-16: save it as UTF-8 (\u{201C}CSV UTF-8\u{201D})");
            return table;
        }
        let content = content.strip_prefix(BOM).unwrap_or(content);
        let records = records(content);
        let Some((head, rest)) = records.split_first() else {
            table.give_up(
                1,
                None,
                "the file is empty: its first line must name the columns, address among them",
            );
            return table;
        };
        let Some(columns) = table.head(head) else { return table };
        let mut seen = HashMap::new();
        for record in rest {
            table.row(record, &columns, &mut seen);
        }
        table
    }

    /// The names of the columns; `None` when no row can be understood.
    fn head(&mut self, head: &Record) -> Option<Vec<String>> {
        let known: Vec<&str> =
            [ADDRESS].into_iter().chain(ProfileChange::FIELDS.map(|(name, _)| name)).collect();
        let mut columns: Vec<String> = Vec::new();
        for (at, cell) in head.cells.iter().enumerate() {
            let told = String::from_utf8_lossy(cell).trim().to_owned();
            let name = told.to_lowercase();
            if !known.contains(&name.as_str()) {
                let hint = match nearest(&told, known.iter().copied()) {
                    Some(near) => format!("did you mean {near}?"),
                    None => format!("there are {}", known.join(", ")),
                };
                self.give_up(head.line, Some(at), &format!("there is no column {told:.40?}: {hint}"));
            } else if columns.contains(&name) {
                self.give_up(head.line, Some(at), &format!("the column {name} is there twice"));
            }
            columns.push(name);
        }
        if !columns.iter().any(|name| name == ADDRESS) && !self.hopeless {
            self.give_up(head.line, None, "there is no column address");
        }
        (!self.hopeless).then_some(columns)
    }

    fn row(&mut self, record: &Record, columns: &[String], seen: &mut HashMap<Address, u64>) {
        let before = self.problems.len();
        if record.open_quote {
            self.problem(
                record.line,
                None,
                "a quotation mark is missing: one within a cell is written twice",
            );
        } else if record.cells.len() != columns.len() {
            let message = format!("expected {} cells, found {}", columns.len(), record.cells.len());
            self.problem(record.line, None, &message);
        }
        if self.problems.len() > before {
            return;
        }
        let (mut address, mut change) = (None, ProfileChange::default());
        for (at, (cell, name)) in record.cells.iter().zip(columns).enumerate() {
            let fault = match std::str::from_utf8(cell).map(str::trim) {
                Err(_) => Some("it is not UTF-8: save the file as UTF-8".to_owned()),
                Ok(text) if name == ADDRESS => take_address(text, record.line, seen, &mut address),
                Ok(text) => take_field(text, name, &mut change),
            };
            if let Some(fault) = fault {
                self.cell_problem(record.line, at, name, fault);
            }
        }
        if let Some(address) = address.filter(|_| self.problems.len() == before) {
            self.rows.push(ImportRow { address, change });
        }
    }

    fn give_up(&mut self, line: u64, at: Option<usize>, message: &str) {
        self.hopeless = true;
        self.problem(line, at, message);
    }

    fn problem(&mut self, line: u64, at: Option<usize>, message: &str) {
        let column = at.map(|at| at + 1);
        self.problems.push(Problem { line, column, name: None, message: message.to_owned() });
    }

    fn cell_problem(&mut self, line: u64, at: usize, name: &str, message: String) {
        self.problems.push(Problem { line, column: Some(at + 1), name: Some(name.to_owned()), message });
    }
}

/// Notes the row's address; gives what is wrong with it.
fn take_address(
    text: &str,
    line: u64,
    seen: &mut HashMap<Address, u64>,
    address: &mut Option<Address>,
) -> Option<String> {
    if text.is_empty() {
        return Some("there is no address".to_owned());
    }
    let parsed: Address = match text.parse() {
        Ok(parsed) => parsed,
        Err(error) => return Some(format!("{text:.80?}: {error}")),
    };
    match seen.entry(parsed.clone()) {
        Entry::Occupied(first) => return Some(format!("{parsed} is in line {} already", first.get())),
        Entry::Vacant(place) => drop(place.insert(line)),
    }
    *address = Some(parsed);
    None
}

/// Notes one field of the row's profile; gives what is wrong with it.
fn take_field(text: &str, name: &str, change: &mut ProfileChange) -> Option<String> {
    let fault = ProfileChange::fault(text);
    if fault.is_none()
        && let Some((_, field)) = ProfileChange::FIELDS.iter().find(|(field, _)| *field == name)
    {
        *field(change) = Some(text.to_owned());
    }
    fault
}

/// One line of a table; several lines of the file when a cell has line breaks.
struct Record {
    line: u64,
    cells: Vec<Vec<u8>>,
    /// The parser forgives an odd number of quotation marks, and takes what follows for the cell's text.
    open_quote: bool,
}

/// Every record that is not empty.
fn records(content: &[u8]) -> Vec<Record> {
    let delimiter = delimiter(content);
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(content);
    let (mut records, mut record) = (Vec::new(), ByteRecord::new());
    // Reading from memory, flexibly and as bytes, has no errors.
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        let (line, from) = record.position().map_or((0, 0), |position| (position.line(), position.byte()));
        let text = slice(content, from, reader.position().byte());
        let cells: Vec<Vec<u8>> = record.iter().map(<[u8]>::to_vec).collect();
        if cells.iter().any(|cell| !cell.trim_ascii().is_empty()) {
            let quotes = text.iter().filter(|byte| **byte == b'"').count();
            records.push(Record { line, cells, open_quote: quotes % 2 == 1 });
        }
    }
    records
}

fn slice(content: &[u8], from: u64, to: u64) -> &[u8] {
    let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(content.len());
    content.get(at(from)..at(to)).unwrap_or_default()
}

/// What stands between the cells of the first line: no name of a column has either.
fn delimiter(content: &[u8]) -> u8 {
    let first = content.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.contains(&b';') { b';' } else { b',' }
}

#[cfg(test)]
mod tests;
