//! Activation: an access key becomes a device with a token.

use std::time::Duration;

/// Why an activation did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActivationError {
    /// Unknown address, or a wrong, used or expired key: which of them is not told.
    #[error("the address and the access key do not belong together, or the key was used or has expired")]
    Refused,
    /// Too many failures from this source.
    #[error("too many failed attempts from this network address")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// A member of the request is missing or too long; says which.
    #[error("{0}")]
    Invalid(String),
    /// The store could not be asked.
    #[error("activation is not possible at the moment")]
    Unavailable,
}
