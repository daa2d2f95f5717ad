use std::io;

use sqlx::error::DatabaseError;

use crate::{KeyId, fault};

/// Why the store could not do what was asked; the texts are plain words for people who run the relay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No such account, device, group or message; the text says which.
    #[error("{0}")]
    NotFound(String),
    /// It is there already, or not empty; the text says what.
    #[error("{0}")]
    Conflict(String),
    /// The device used this message id for another text or another contact.
    #[error("this message id was used for another text or contact")]
    Reused,
    /// The invitation was accepted, declined or ended before.
    #[error("the invitation was already answered")]
    AlreadyAnswered,
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(String),
    /// The database server cannot be reached, or does not let us in; what waited for a commit when it was lost
    /// may be stored or not.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// Another program holds the database's write lock for too long, or one that keeps everybody out.
    #[error("the database is busy: another program writes to it, or keeps it locked")]
    Busy,
    /// Another process has the store open.
    #[error("{0}")]
    Locked(String),
    /// A newer program has changed the database's schema.
    #[error("the database has schema version {found}, this program knows up to {known}: use a newer program")]
    TooNew {
        /// The version in the database.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database was made with another master key.
    #[error("the master key does not fit the database: {}", wrong_key(*.given, *.database))]
    WrongKey {
        /// The key that was given.
        given: KeyId,
        /// The key that the database was made with; `None` when only its secrets say that it was another.
        database: Option<KeyId>,
    },
    /// The file is no SQLite database any more, or its pages contradict each other.
    #[error("the database file is damaged: {0}")]
    Damaged(String),
    /// The database file has nothing in it, and the master key of what it held is there.
    #[error(
        "the file {0} is empty (0 bytes), although there is a master key: what was in it is lost, or the file was cut \
         short"
    )]
    Emptied(String),
    /// The database holds what no version wrote.
    #[error("the database holds something impossible: {0}")]
    Corrupt(String),
    /// A secret could not be sealed or opened, e.g. because the master key is another one.
    #[error("a secret cannot be read or written: {0}")]
    Crypto(String),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

fn wrong_key(given: KeyId, database: Option<KeyId>) -> String {
    match database {
        Some(id) => format!("this is the key {given}, the database was made with the key {id}"),
        None => format!("this is the key {given}, and passwords in the database were sealed with another"),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(inner) => told(inner.as_ref()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt(error.to_string()),
            sqlx::Error::PoolClosed => Self::Closed,
            sqlx::Error::PoolTimedOut => {
                Self::Unreachable("no connection came about in time; is the server up?".to_owned())
            }
            sqlx::Error::Io(inner) => Self::Unreachable(match inner.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                    format!("{inner}; is the server up?")
                }
                _ => inner.to_string(),
            }),
            sqlx::Error::Tls(inner) => Self::Unreachable(format!("TLS: {inner}")),
            sqlx::Error::Protocol(words) => Self::Unreachable(words.clone()),
            _ => Self::Database(error.to_string()),
        }
    }
}

fn told(error: &dyn DatabaseError) -> StoreError {
    if error.is_foreign_key_violation() {
        return StoreError::NotFound("the account, device or message that this refers to is gone".to_owned());
    }
    match fault::postgres(error) {
        // The server says no before anything begins: not yet, no longer, too many, not you, no such database.
        Some(code)
            if fault::is_farewell(error) || code == "53300" || code.starts_with("28") || code == "3D000" =>
        {
            StoreError::Unreachable(format!("{} (SQLSTATE {code})", error.message()))
        }
        Some(code) => StoreError::Database(format!("{} (SQLSTATE {code})", error.message())),
        None if fault::is_busy(error) => StoreError::Busy,
        None if fault::is_damage(error) => StoreError::Damaged(error.message().to_owned()),
        None => StoreError::Database(error.message().to_owned()),
    }
}
