use std::{
    fs::{self, File},
    io,
    path::Path,
    time::SystemTime,
};

use trunkline_model::Timestamp;

use super::{Present, present};
use crate::{
    StoreError,
    archive::ArchiveError,
    engine::Connection,
    hold::{Hold, beside},
    writer::checkpoint,
};

/// By so many seconds the epoch rises above the last moment at which one can have been given, where nobody can read the
/// one that was: the clock may have been wrong then, or restores may have followed upon each other.
const UNKNOWN: i64 = 24 * 60 * 60;

/// The SQLite file whose place will be taken.
pub(super) struct OldFile<'a> {
    path: &'a Path,
    /// Absent when it cannot be read.
    connection: Option<Connection>,
    present: Present,
    replace: bool,
}

impl<'a> OldFile<'a> {
    /// Looks at it. What cannot be read is no hindrance to who says that it may be replaced, for that is what he has a
    /// backup for; but another process that uses it is, as far as SQLite can tell: of a damaged file it cannot.
    pub(super) async fn open(path: &'a Path, hold: &mut Hold, replace: bool) -> Result<Self, ArchiveError> {
        // Before SQLite touches it.
        let lost = Present { epoch: last_written(path).saturating_add(UNKNOWN), ..Present::default() };
        let mut old = Self { path, connection: None, present: lost, replace };
        match hold.connect().await {
            Err(error) => old.unreadable(error)?,
            Ok(mut connection) => match present(&mut connection).await {
                Ok(present) => {
                    old.present = present;
                    old.connection = Some(connection);
                }
                Err(error) => {
                    // Its counts cannot be had; perhaps its epoch can.
                    let epoch = super::epoch(&mut connection).await.unwrap_or_default();
                    old.present.epoch = old.present.epoch.max(epoch);
                    // Where SQLite cannot end well, the file is as it was.
                    drop(connection.close().await);
                    old.unreadable(error)?;
                }
            },
        }
        Ok(old)
    }

    pub(super) fn present(&self) -> Present {
        self.present
    }

    /// Leaves all of it in one file; false when it is damaged, and lies as it lay.
    pub(super) async fn close(mut self) -> Result<bool, ArchiveError> {
        let Some(mut connection) = self.connection.take() else { return Ok(false) };
        let emptied = checkpoint::truncate(&mut connection).await;
        let closed = connection.close().await.map_err(StoreError::from);
        match emptied.and_then(|emptied| closed.map(|()| emptied)) {
            // A WAL of the old file would be taken for one of the new.
            Ok(emptied) if !emptied || ["-wal", "-shm"].iter().any(|end| beside(self.path, end).exists()) => {
                Err(ArchiveError::InUse)
            }
            Ok(_) => Ok(true),
            Err(error) => self.unreadable(error).map(|()| false),
        }
    }

    fn unreadable(&self, error: StoreError) -> Result<(), ArchiveError> {
        let words = match error {
            StoreError::Damaged(words) | StoreError::Corrupt(words) => words,
            StoreError::Database(words) if self.is_broken(&words) => words,
            // The disk is full, or the folder closed: that is no reason to call the file damaged.
            error => return Err(error.into()),
        };
        if !self.replace {
            return Err(ArchiveError::Unreadable { path: self.path.display().to_string(), words });
        }
        tracing::warn!(file = %self.path.display(), error = words, "the old database cannot be read, and is set aside");
        Ok(())
    }

    /// Whether it is the file that fails where SQLite does not call it damaged: its disk has lost blocks, or it lacks a
    /// table. Its connection is closed by now, so that reading it beside SQLite drops no lock.
    fn is_broken(&self, words: &str) -> bool {
        let lost = |end: &str| {
            let file = File::open(beside(self.path, end));
            let file = file.ok().filter(|file| file.metadata().is_ok_and(|kind| kind.is_file()));
            file.is_some_and(|mut file| io::copy(&mut file, &mut io::sink()).is_err())
        };
        words.starts_with("no such ") || lost("") || lost("-wal")
    }
}

/// The last moment that is known of the file or of the clock, in seconds: no epoch was given after it.
fn last_written(path: &Path) -> i64 {
    let times = ["", "-wal"].map(|end| fs::metadata(beside(path, end)).and_then(|file| file.modified()));
    let seconds =
        |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|time| time.as_secs());
    let times = times.into_iter().flatten().filter_map(seconds).filter_map(|secs| i64::try_from(secs).ok());
    times.fold(Timestamp::now().as_secs(), i64::max)
}
