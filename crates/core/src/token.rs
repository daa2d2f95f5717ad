use async_trait::async_trait;
use trunkline_store::Store;

use crate::port::{AuthenticationError, Authenticator, Credential, Identity};

/// What every token that the relay itself gives out begins with.
const PREFIX: &str = "tl1.";

/// The [`Authenticator`] for the tokens that activation gives out.
pub(crate) struct StoreTokens {
    store: Store,
}

impl StoreTokens {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }
}

#[async_trait]
impl Authenticator for StoreTokens {
    async fn authenticate(&self, credential: &Credential) -> Result<Identity, AuthenticationError> {
        use secrecy::ExposeSecret;
        if !credential.token.expose_secret().starts_with(PREFIX) {
            return Err(AuthenticationError::NotMine);
        }
        let owner = self.store.token(&credential.token).await.map_err(|error| {
            tracing::error!(%error, "a token could not be checked");
            AuthenticationError::Unavailable
        })?;
        let owner = owner.ok_or(AuthenticationError::Refused)?;
        if !owner.account.enabled {
            return Err(AuthenticationError::Disabled { account: owner.account.address });
        }
        if credential.device_token.as_ref().is_some_and(|told| *told != owner.device_token) {
            return Err(AuthenticationError::OtherDevice { account: owner.account.address });
        }
        Ok(Identity {
            account: owner.account.id,
            address: owner.account.address,
            device: owner.device,
            device_token: owner.device_token,
        })
    }
}
