//! The whole database: backing it up, restoring it, bringing its schema up to date.

mod backup;
mod migrate;
mod progress;
mod restore;

pub(crate) use backup::backup;
pub(crate) use migrate::migrate;
pub(crate) use restore::restore;

use trunkline_store::{ArchiveError, Manifest, StoreError};

use crate::exit::Failure;

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
