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
}

impl Fault {
    /// What to tell the one who asked.
    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Refused(error) | Self::Failed { error, .. } => error,
        }
    }

    /// A fault of the database rather than of one command.
    pub(crate) fn everywhere(error: sqlx::Error) -> Self {
        Self::Failed { error: error.into(), everywhere: true }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt(_) | StoreError::Database(_) | StoreError::Busy => {
                Self::Failed { error, everywhere: false }
            }
            error => Self::Refused(error),
        }
    }
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        let everywhere = match &error {
            sqlx::Error::Database(inner) => in_trouble(inner.code().as_deref()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::Encode(_) => false,
            _ => true,
        };
        Self::Failed { error: error.into(), everywhere }
    }
}

/// SQLite codes (low byte) that concern the file and not a row: BUSY, LOCKED, NOMEM, READONLY, IOERR,
/// CORRUPT, FULL, CANTOPEN, NOTADB.
fn in_trouble(code: Option<&str>) -> bool {
    code.and_then(|code| code.parse::<i64>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6 | 7 | 8 | 10 | 11 | 13 | 14 | 26))
}
