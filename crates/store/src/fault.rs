use sqlx::{error::DatabaseError, postgres::PgDatabaseError};

use crate::StoreError;

/// Why a command of a batch did not go through.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The command asked for what cannot be; nothing was written for it and the rest of the batch goes on.
    Refused(StoreError),
    /// A statement failed: the whole transaction is void.
    Failed {
        /// What to tell.
        error: StoreError,
        /// True when the database itself is in trouble, so that no other command would fare better.
        everywhere: bool,
    },
    /// The connection is gone, and with it the word on what became of the transaction.
    Lost(StoreError),
    /// The database is no longer ours to write to.
    Ended(StoreError),
}

impl Fault {
    /// What to tell the one who asked.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Refused(error) | Self::Failed { error, .. } | Self::Lost(error) | Self::Ended(error) => {
                error
            }
        }
    }

    /// A fault of the database rather than of one command.
    pub(crate) fn everywhere(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Failed { error, .. } => Self::Failed { error, everywhere: true },
            fault => fault,
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(_) | StoreError::Damaged(_) | StoreError::Database(_) | StoreError::Busy => {
                Self::Failed { error, everywhere: false }
            }
            StoreError::Unreachable(_) => Self::Failed { error, everywhere: true },
            StoreError::Locked(_) => Self::Ended(error),
            error => Self::Refused(error),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        if is_lost(&error) {
            return Self::Lost(error.into());
        }
        let everywhere = match &error {
            sqlx::Error::Database(inner) => in_trouble(inner.as_ref()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => false,
            _ => true,
        };
        Self::Failed { error: error.into(), everywhere }
    }
}

/// The connection is gone.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(inner) => is_farewell(inner.as_ref()),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        _ => false,
    }
}

/// PostgreSQL ends the session with this word: the server stops, an admin ends it, it waited too long. (08:
/// connection; 57P: operator intervention; 25P03: idle in a transaction.)
pub(crate) fn is_farewell(error: &dyn DatabaseError) -> bool {
    postgres(error).is_some_and(|code| code.starts_with("08") || code.starts_with("57P") || code == "25P03")
}

/// True when the error concerns the database and not a row. SQLite codes (low byte): BUSY, LOCKED, NOMEM,
/// READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB. PostgreSQL classes: insufficient resources (disk full,
/// memory, connections), operator intervention, system error, internal error, read-only transaction.
fn in_trouble(error: &dyn DatabaseError) -> bool {
    if let Some(code) = postgres(error) {
        return ["53", "57", "58", "XX"].contains(&&code[..2.min(code.len())]) || code == "25006";
    }
    sqlite(error).is_some_and(|code| matches!(code, 5 | 6 | 7 | 8 | 10 | 11 | 13 | 14 | 26))
}

/// SQLITE_BUSY with any extension.
pub(crate) fn is_busy(error: &dyn DatabaseError) -> bool {
    sqlite(error) == Some(5)
}

/// SQLITE_CORRUPT or SQLITE_NOTADB with any extension.
pub(crate) fn is_damage(error: &dyn DatabaseError) -> bool {
    matches!(sqlite(error), Some(11 | 26))
}

/// What SQLite says of a damaged file, if that is the trouble.
pub(crate) fn damage(error: &sqlx::Error) -> Option<String> {
    let inner = error.as_database_error()?;
    (postgres(inner).is_none() && is_damage(inner)).then(|| inner.message().to_owned())
}

/// SQLite's code without its extension, which is all but the low byte.
fn sqlite(error: &dyn DatabaseError) -> Option<i64> {
    Some(error.code()?.parse::<i64>().ok()? & 0xff)
}

/// The SQLSTATE of an error of PostgreSQL's.
pub(crate) fn postgres(error: &dyn DatabaseError) -> Option<&str> {
    error.try_downcast_ref::<PgDatabaseError>().map(PgDatabaseError::code)
}
