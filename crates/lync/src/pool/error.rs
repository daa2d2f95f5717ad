use std::net::SocketAddr;

use tokio::time::Instant;

use crate::{connection::CloseReason, tls::Refusal};

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DialError {
    /// Every address was tried just now; the error is the last one's.
    #[error("{last}")]
    Failed {
        /// When to ask again.
        until: Instant,
        /// What the last address came to.
        last: RoundError,
    },
    /// A round failed a while ago, or connections end as soon as they open, and the next is not due.
    #[error("waiting before the next try{}", last.as_ref().map(|last| format!(" after: {last}")).unwrap_or_default())]
    Resting {
        /// When to ask again.
        until: Instant,
        /// What the last round came to.
        last: Option<RoundError>,
    },
    /// Too many servers are connected to already.
    #[error("there are connections to too many servers already")]
    TooMany,
    /// Everything stops.
    #[error("the relay is stopping")]
    Stopped,
}

impl DialError {
    /// When it makes sense to ask again; None when it does not.
    pub fn retry_at(&self) -> Option<Instant> {
        match self {
            Self::Failed { until, .. } | Self::Resting { until, .. } => Some(*until),
            Self::TooMany | Self::Stopped => None,
        }
    }
}

/// What dialling a target came to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoundError {
    /// Its name is none that a certificate can bear.
    #[error("{0:?} is not the name of a server")]
    Name(String),
    /// DNS has no address for it.
    #[error("the addresses of {host} are not known: {problem}")]
    Resolve {
        /// What was looked up.
        host: String,
        /// What the system said.
        problem: String,
    },
    /// An address does not take connections.
    #[error("cannot connect to {address}: {problem}")]
    Connect {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        problem: String,
    },
    /// Who is there is not to be trusted.
    #[error("{address}: {refusal}")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Why.
        refusal: Refusal,
    },
    /// There was a connection, and it ended soon.
    #[error("the connection to {address} ended soon: {reason}")]
    Ended {
        /// Where.
        address: SocketAddr,
        /// Why; with TLS 1.3 this is how a server says that it does not accept the relay's certificate.
        reason: CloseReason,
    },
    /// TLS did not come about; the server may not like the relay's certificate, or speak a TLS that is too old.
    #[error("TLS with {address} failed: {problem}")]
    Handshake {
        /// Where.
        address: SocketAddr,
        /// What the library said.
        problem: String,
    },
}

impl RoundError {
    /// What an administrator can do about it; None when the error says all that is known.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.reason.advice()),
            _ => None,
        }
    }
}
