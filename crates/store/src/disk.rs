//! The files of an SQLite database as the operating system sees them.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::StoreError;

/// Less room than this on the disk is a fault: what phones send needs it soon.
const LEAST_FREE: u64 = 16 * 1024 * 1024;

/// Where the database is, and which file it was when it was opened.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    path: PathBuf,
    opened: (u64, u64),
}

impl Disk {
    /// Remembers which file the path names now; it must exist.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), opened: identity(&fs::metadata(path)?) })
    }

    /// Fails when the file was deleted or replaced, which SQLite itself does not notice, or when the disk is all but
    /// full. Blocks.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let path = self.path.display();
        match fs::metadata(&self.path) {
            Ok(metadata) if identity(&metadata) == self.opened => {}
            Ok(_) => {
                return Err(StoreError::Database(format!(
                    "the file {path} was replaced while it is open: what is written now goes to the old one and is lost \
                     at the end of the program; stop it, put the right file in place, and start it again"
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Database(format!(
                    "the file {path} was deleted or moved while it is open: what is written now is lost at the end of \
                     the program; put it back before you stop the program, or restore a backup"
                )));
            }
            Err(error) => {
                return Err(StoreError::Database(format!("the file {path} cannot be seen: {error}")));
            }
        }
        match self.free() {
            Some(free) if free < LEAST_FREE => Err(StoreError::Database(format!(
                "the disk that holds {path} is full: {} MiB are left, at least {} are needed; make room",
                free / (1024 * 1024),
                LEAST_FREE / (1024 * 1024)
            ))),
            _ => Ok(()),
        }
    }

    /// The database and its WAL, in bytes. Blocks.
    pub(crate) fn bytes(&self) -> u64 {
        let mut wal = self.path.clone().into_os_string();
        wal.push("-wal");
        let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
        size(&self.path) + size(Path::new(&wal))
    }

    /// What this user may still write to the disk, in bytes; `None` when it cannot be told. Blocks.
    pub(crate) fn free(&self) -> Option<u64> {
        let disk = rustix::fs::statvfs(self.path.parent()?).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
