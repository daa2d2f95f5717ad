use std::{io, path::Path};

use crate::{KeyId, StoreError};

/// Why a backup could not be made, read or restored; plain words for people who run the relay.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The system does not let the file be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// The system's word.
        error: io::Error,
    },
    /// There is a file of that name.
    #[error("{0} is there already")]
    Exists(String),
    /// It is no backup, or not whole.
    #[error("{path} is no whole backup: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        what: String,
    },
    /// A newer program has made it.
    #[error(
        "{path} was made by a newer program ({program}): its {what} is {found}, this program knows up to {known}"
    )]
    TooNew {
        /// The file.
        path: String,
        /// The version of the program that made it.
        program: String,
        /// Its form or its schema.
        what: &'static str,
        /// The version in the file.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// It needs another master key.
    #[error("the backup needs the master key {needed}, and this is the key {given}")]
    WrongKey {
        /// The key that it was made under.
        needed: KeyId,
        /// The key that is there.
        given: KeyId,
    },
    /// There is a database with something in it.
    #[error("the database is not empty: it has {accounts} accounts and {messages} messages")]
    NotEmpty {
        /// How many accounts.
        accounts: i64,
        /// How many messages.
        messages: i64,
    },
    /// What is there cannot be read.
    #[error("{path} is there, and cannot be read: {words}")]
    Unreadable {
        /// The SQLite file.
        path: String,
        /// The database's word.
        words: String,
    },
    /// Another program has the database open that is to be replaced.
    #[error("the old database cannot be replaced: another program reads it, or has it open")]
    InUse,
    /// There is no database to make a backup of.
    #[error("there is no database yet")]
    Nothing,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ArchiveError {
    pub(super) fn file(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(path.display().to_string()),
            _ => Self::File { path: path.display().to_string(), error },
        }
    }

    pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { path: path.display().to_string(), what: what.into() }
    }
}

impl From<sqlx::Error> for ArchiveError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}
