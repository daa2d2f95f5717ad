use async_trait::async_trait;
use secrecy::SecretString;
use trunkline_model::{AccountId, Address, DeviceId};

/// Proves who a phone is. The relay's own device tokens are one; BlackBerry Dynamics tokens and OIDC can be others.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Checks one credential. An authenticator that does not know the credential's form answers
    /// [`AuthenticationError::NotMine`], so that the next one is asked.
    async fn authenticate(&self, credential: &Credential) -> Result<Identity, AuthenticationError>;
}

/// What a phone shows to prove who it is.
#[derive(Debug)]
pub struct Credential {
    /// `gdAuthToken`, or the header `X-Good-GD-AuthToken`.
    pub token: SecretString,
    /// The install's own id (`deviceToken`), when the phone told one.
    pub device_token: Option<String>,
}

/// Who a phone is, proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// Its address.
    pub address: Address,
    /// The install.
    pub device: DeviceId,
    /// The install's own id, to which the token is bound.
    pub device_token: String,
}

/// Why a credential does not prove anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticationError {
    /// Another authenticator may know this form.
    #[error("the token has a form that this server does not know")]
    NotMine,
    /// Unknown, wrong, expired or revoked; which of them is not told.
    #[error("the token is not valid")]
    Refused,
    /// The token was issued to another install.
    #[error("the token belongs to another device")]
    OtherDevice {
        /// Whose token it is, for the log.
        account: Address,
    },
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled {
        /// Which one, for the log.
        account: Address,
    },
    /// Too many wrong tokens came from the same place; this one was not looked up.
    #[error("too-many-tokens: too many wrong tokens came from this network address; try again in a minute")]
    TooMany,
    /// The place that knows could not be asked.
    #[error("the token cannot be checked now")]
    Unavailable,
}
