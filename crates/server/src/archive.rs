//! The whole database: backing it up, restoring it, bringing its schema up to date.

mod backup;
mod key;
mod migrate;
mod progress;
mod restore;

pub(crate) use backup::backup;
pub(crate) use migrate::migrate;
pub(crate) use restore::restore;

use serde_json::Value;
use trunkline_model::Timestamp;
use trunkline_store::{ArchiveError, Manifest, StoreError};

use crate::{admin::rfc3339, exit::Failure};

fn failure(error: &ArchiveError) -> Failure {
    let failure = Failure::failed(error.to_string());
    match error {
        ArchiveError::Exists(_) => failure.advise("another name, or --force"),
        ArchiveError::Damaged { .. } => failure.advise("an earlier backup"),
        ArchiveError::TooNew { .. } | ArchiveError::Store(StoreError::TooNew { .. }) => {
            failure.advise("the newer version of trunkline that wrote it")
        }
        ArchiveError::NotEmpty { .. } => {
            failure.advise("back it up first, then the same with --replace: what is in it now will be gone")
        }
        ArchiveError::Unreadable { .. } => {
            failure.advise("the same with --replace: the old file is kept under another name")
        }
        ArchiveError::Store(StoreError::Damaged(_) | StoreError::Corrupt(_)) => failure.advise(
            "trunkline doctor looks for damage; an earlier backup takes the place of a damaged database: trunkline restore \
             BACKUP --replace",
        ),
        ArchiveError::Store(StoreError::Locked(_)) => failure.advise("stop the server first"),
        ArchiveError::Store(StoreError::Busy) => {
            failure.advise("the same again when nobody else writes to the database, e.g. an SQL shell")
        }
        ArchiveError::Store(StoreError::Database(_)) => {
            failure.advise("what was there is as it was: look at the space on its disk, and who may write to its folder")
        }
        ArchiveError::InUse => failure.advise(
            "the same again when nobody reads the old database any more, e.g. a backup or an SQL shell",
        ),
        _ => failure,
    }
}

fn rows(manifest: &Manifest, table: &str) -> u64 {
    manifest.foot.tables.iter().find(|sum| sum.table == table).map_or(0, |sum| sum.rows)
}

/// `accounts 2, devices 3 (revoked ones too), messages 40`
fn content(manifest: &Manifest) -> String {
    let of = |table| format!("{table} {}", rows(manifest, table));
    [of("accounts"), format!("{} (revoked ones too)", of("devices")), of("messages")].join(", ")
}

/// As JSON, with the moment as everywhere on the command line: the file itself counts microseconds.
fn dated(value: &impl serde::Serialize) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(value).map_err(|error| Failure::failed(error.to_string()))?;
    if let Some(created) = value.get_mut("createdAt") {
        *created = rfc3339(Timestamp(created.as_i64().unwrap_or_default())).into();
    }
    Ok(value)
}
