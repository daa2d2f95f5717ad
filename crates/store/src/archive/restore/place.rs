use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sqlx::{
    ConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{aside::set_aside, clear, old::OldFile};
use crate::{archive::ArchiveError, engine::Connection, hold::beside};

const WAL: &str = "PRAGMA journal_mode = WAL";

/// The draft and what SQLite makes beside it.
const DRAFT: [&str; 3] = ["", "-wal", "-shm"];

/// An SQLite file that is being made beside the one whose place it will take; gone when it is dropped before.
pub(super) struct NewFile {
    path: PathBuf,
    draft: Draft,
    connection: Connection,
}

struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // After the rename there is none.
        for end in DRAFT {
            let _ = fs::remove_file(beside(&self.0, end));
        }
    }
}

impl NewFile {
    /// Whatever an earlier restore left there goes.
    pub(super) async fn create(path: &Path) -> Result<Self, ArchiveError> {
        let draft = Draft(beside(path, ".restore"));
        for end in DRAFT {
            remove(&beside(&draft.0, end))?;
        }
        crate::hold::make_file(&draft.0).map_err(|error| ArchiveError::file(&draft.0, error))?;
        // Nobody reads it before it is whole, so it needs no journal on disk and one sync at its end.
        let options = SqliteConnectOptions::new()
            .filename(&draft.0)
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off)
            .foreign_keys(true)
            .disable_statement_logging();
        let mut connection = Connection::Sqlite(options.connect().await?);
        connection.begin_nesting().await?;
        Ok(Self { path: path.to_owned(), draft, connection })
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Puts the file, whole and on disk, in the place of the old one; gives where that lies when it was damaged.
    pub(super) async fn replace(mut self, old: OldFile<'_>) -> Result<Option<PathBuf>, ArchiveError> {
        self.connection.commit().await?;
        // As it will be used: a change of this needs the file alone, and who reads it would be in the way.
        self.connection.run(WAL).await?;
        self.connection.close().await?;
        let draft = &self.draft.0;
        File::open(draft)
            .and_then(|file| file.sync_all())
            .map_err(|error| ArchiveError::file(draft, error))?;
        let set_aside = if old.close().await? { None } else { Some(set_aside(&self.path)?) };
        let renamed = fs::rename(draft, &self.path).and_then(|()| sync_folder(&self.path));
        renamed.map_err(|error| ArchiveError::file(&self.path, error))?;
        Ok(set_aside)
    }
}

/// The tables of a PostgreSQL database that are being replaced, in one transaction.
pub(super) struct InPlace(Connection);

impl InPlace {
    pub(super) async fn begin(mut connection: Connection) -> Result<Self, ArchiveError> {
        connection.begin_nesting().await?;
        clear(&mut connection).await?;
        Ok(Self(connection))
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.0
    }

    pub(super) async fn commit(mut self) -> Result<(), ArchiveError> {
        self.0.commit().await?;
        Ok(self.0.close().await?)
    }
}

pub(super) fn remove(path: &Path) -> Result<(), ArchiveError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ArchiveError::file(path, error)),
        _ => Ok(()),
    }
}

pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}
