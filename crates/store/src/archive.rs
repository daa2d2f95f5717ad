//! A backup: one file that either engine's database can be written to and made from.
//!
//! The file is gzip around lines of JSON: first a [`Head`], then for each table a line that names its columns and a line
//! for each row, last a [`Foot`] with counts and checksums. It is written and read as a stream. Neither the master key
//! nor the sessions are in it: after a restore every phone begins anew, and asks for what it missed by the new epoch.

mod backup;
mod dump;
mod error;
mod load;
mod read;
mod restore;
mod schema;
mod value;
mod write;

use serde::{Deserialize, Serialize};

use crate::KeyId;

pub use backup::backup;
pub use error::ArchiveError;
pub use read::verify;
pub use restore::{Restore, Restored, restore};

/// The version of the file's form; a reader refuses what is above.
const FORMAT: u32 = 1;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Always `trunkline backup`.
    what: String,
    /// The version of the file's form.
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The engine that it was made on: `sqlite` or `postgresql`; it can be restored into either.
    pub engine: String,
    /// The newest schema step that the database had.
    pub schema: i64,
    /// The database's epoch.
    pub epoch: i64,
    /// The master key that it needs, which is not in it; absent when the database knew none.
    pub key: Option<KeyId>,
    /// Microseconds since 1970.
    pub created_at: i64,
}

/// The end of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Foot {
    /// What each table has, in the order of the file.
    pub tables: Vec<TableSum>,
    /// SHA-256 of every byte before this line, hex.
    pub sha256: String,
}

/// What a backup has of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TableSum {
    /// Its name.
    pub table: String,
    /// How many rows.
    pub rows: u64,
    /// SHA-256 of its rows' lines, hex.
    pub sha256: String,
}

/// A whole backup, without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Manifest {
    /// What it is of.
    #[serde(flatten)]
    pub head: Head,
    /// What is in it.
    #[serde(flatten)]
    pub foot: Foot,
}

/// The line before a table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TableLine {
    table: String,
    columns: Vec<schema::ColumnLine>,
}

/// The tables of ours that a database has.
pub(crate) async fn tables_of(
    connection: &mut crate::engine::Connection,
) -> Result<Vec<String>, crate::StoreError> {
    let names = schema::names(connection).await?;
    Ok(names.into_iter().filter(|name| schema::ours(name)).collect())
}

fn hex(digest: &aws_lc_rs::digest::Digest) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
