//! What phones are told when something fails: which Connect API code stands for which fault.

use std::sync::atomic::{AtomicI64, Ordering};

use trunkline_model::Timestamp;
use trunkline_store::StoreError;
use trunkline_wire::{ApiError, ErrorCode};

use crate::port::{AuthenticationError, LineError};

/// A fault of the store; its own words stay in the log.
pub(crate) fn store(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound(what) => ApiError::new(ErrorCode::InvalidArgument, what),
        StoreError::Conflict(what) => ApiError::new(ErrorCode::InvalidOperation, what),
        StoreError::AlreadyAnswered => ApiError::new(
            ErrorCode::InvalidOperation,
            "already-answered: the invitation was answered or ended before",
        ),
        StoreError::Reused => ApiError::new(
            ErrorCode::InvalidArgument,
            "message-id-reused: this messageId was used for another text or contact",
        ),
        fault => {
            complain(&fault);
            ApiError::new(
                ErrorCode::GeneralFailure,
                "store-failed: the server could not store or read this; try again",
            )
        }
    }
}

fn complain(fault: &StoreError) {
    static LAST: Seldom = Seldom::new();
    if LAST.is_due() {
        tracing::error!(error = %fault, "the store failed");
    }
}

/// A line of the log that comes every ten seconds at most: when the disk fails, every request of every phone does, and the
/// log may lie on it.
pub(crate) struct Seldom(AtomicI64);

impl Seldom {
    /// In whole seconds.
    const BETWEEN: i64 = 10;

    pub(crate) const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// Whether the last is long enough ago; then this is the last.
    pub(crate) fn is_due(&self) -> bool {
        let (now, last) = (Timestamp::now().as_secs(), self.0.load(Ordering::Relaxed));
        // A clock that was set back must not silence it.
        let due = (now - last).abs() >= Self::BETWEEN;
        due && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A line that cannot do what was asked.
pub(crate) fn line(error: LineError) -> ApiError {
    match error {
        LineError::NotConnected(_) => {
            ApiError::new(ErrorCode::OperationFailure, format!("line-not-connected: {error}"))
        }
        LineError::PasswordNeeded => {
            ApiError::new(ErrorCode::OperationFailure, format!("im-password-needed: {error}"))
        }
        LineError::NotFound(what) => ApiError::new(ErrorCode::InvalidArgument, what),
        LineError::Conflict(what) => ApiError::new(ErrorCode::InvalidOperation, what),
        LineError::GroupNotEmpty => {
            ApiError::new(ErrorCode::InvalidOperation, "group-not-empty: the group is not empty")
        }
        LineError::AlreadyInGroup => ApiError::new(ErrorCode::InvalidOperation, error.to_string()),
        LineError::Refused(_) => ApiError::new(ErrorCode::PublishSubscribe, error.to_string()),
        LineError::NotSupported(_) => ApiError::new(ErrorCode::NotSupported, error.to_string()),
        LineError::Store(fault) => store(StoreError::Database(fault)),
    }
}

/// A credential that proves nothing.
pub(crate) fn authentication(error: AuthenticationError) -> ApiError {
    let code = match error {
        AuthenticationError::NotMine
        | AuthenticationError::Refused
        | AuthenticationError::Disabled { .. } => ErrorCode::AuthTokenInvalid,
        AuthenticationError::OtherDevice { .. } => ErrorCode::InvalidArgument,
        AuthenticationError::TooMany | AuthenticationError::Unavailable => ErrorCode::GeneralFailure,
    };
    ApiError::new(code, error.to_string())
}

/// No session, or one that is over.
pub(crate) fn no_session() -> ApiError {
    ApiError::new(ErrorCode::SessionTimeout, "there is no session: call BeginSession first")
}

/// The code for a message that an IM system refused.
pub(crate) fn refusal(permanent: bool) -> ErrorCode {
    if permanent { ErrorCode::OperationFailure } else { ErrorCode::ImSystemFailure }
}
