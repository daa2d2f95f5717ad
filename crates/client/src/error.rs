use std::time::Duration;

use trunkline_wire::ApiError;

/// Why no connection to a relay came about.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No such host, nobody listens there, or the network is down.
    #[error("cannot reach {authority}: {source}")]
    Unreachable {
        /// `HOST:PORT`.
        authority: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// TLS failed: most often an untrusted certificate.
    #[error("no trusted TLS with {authority}: {source}")]
    Tls {
        /// `HOST:PORT`.
        authority: String,
        /// What TLS said.
        source: std::io::Error,
    },
    /// An answer other than 101 to the WebSocket upgrade.
    #[error("the relay refused the WebSocket with HTTP status {0}")]
    Upgrade(u16),
    /// The peer does not speak WebSocket as RFC 6455 has it.
    #[error("the WebSocket handshake failed: {0}")]
    Handshake(String),
    /// A header of ours cannot be sent.
    #[error("{0} holds a character that an HTTP header cannot have")]
    Header(String),
    /// Too slow.
    #[error("{authority} did not answer within {} s", .after.as_secs())]
    TimedOut {
        /// `HOST:PORT`.
        authority: String,
        /// The limit.
        after: Duration,
    },
}

/// Why a request has no good answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The relay says no.
    #[error("{0}")]
    Refused(ApiError),
    /// No answer in time; it may have been carried out all the same.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The socket broke between request and answer; it may have been carried out all the same.
    #[error("the connection broke before the answer came")]
    ConnectionLost,
    /// The phone no longer connects.
    #[error("the phone is disconnected for good: {0}")]
    Stopped(StopReason),
    /// The answer lacks what such an answer must hold.
    #[error("the relay's answer lacks {0}")]
    Answer(&'static str),
}

/// Why a phone no longer connects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// The same device opened a newer socket (4001).
    #[error("another connection of this device took over")]
    Replaced,
    /// The account is disabled or the device revoked (4403).
    #[error("the device or the account is no longer allowed in")]
    Revoked,
    /// The token is unknown, expired or revoked (1007, 1008).
    #[error("the token is not accepted: {0}")]
    TokenRefused(String),
    /// The IM system refused the password, or one is needed and the phone has none.
    #[error("no good password for the IM system: {0}")]
    PasswordRefused(String),
    /// Signing in cannot succeed by trying again.
    #[error("the relay refuses the session: {0}")]
    SessionRefused(String),
    /// TerminateSession was asked for.
    #[error("signed out")]
    SignedOut,
    /// [`crate::Phone::close`] was called or the last handle dropped.
    #[error("closed")]
    Closed,
}

impl RequestError {
    /// The relay's error, if the relay answered with one.
    pub fn refused(&self) -> Option<&ApiError> {
        match self {
            Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}
