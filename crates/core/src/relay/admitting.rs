//! Who is let in, and what becomes of those who are not.

use std::{net::IpAddr, time::Duration};

use trunkline_model::Address;
use trunkline_store::Activation;
use trunkline_wire::activation::{ActivatedAccount, ActivationReply, ActivationRequest};

use super::{Inner, Relay};
use crate::{
    activation::ActivationError,
    port::{AuthenticationError, Credential, Identity},
    stranger::{Refusal, Suspect, network},
};

impl Relay {
    /// Turns an access key into a device with a token; `source` is where the request came from, proxies looked through.
    pub async fn activate(
        &self,
        request: ActivationRequest,
        source: IpAddr,
    ) -> Result<ActivationReply, ActivationError> {
        let inner = &self.0;
        request.check().map_err(ActivationError::Invalid)?;
        let limit = inner.settings().activation_failures_per_hour;
        let attempt = inner.strangers.activations.begin(network(source), limit).await;
        let attempt = attempt.map_err(|retry_after| {
            inner.metrics.activation("too_many");
            inner.strangers.refused(Refusal::AccessKeyFlood, Some(source), "");
            ActivationError::TooMany { retry_after }
        })?;
        let activation = Activation {
            address: &request.address,
            access_key: &request.access_key,
            device_token: request.device_token,
            platform: request.platform,
            name: request.name,
            app_version: request.app_version,
            locale: request.locale,
        };
        let activated = match inner.store.activate(activation).await {
            Ok(activated) => activated,
            Err(error) => {
                tracing::error!(%error, "an activation failed in the store");
                attempt.forgive();
                return Err(ActivationError::Unavailable);
            }
        };
        let Some(activated) = activated else {
            inner.metrics.activation("refused");
            // In the one form in which the log has addresses, where it is one at all.
            let address = request.address.parse::<Address>().map(|address| address.to_string());
            let address = address.unwrap_or(request.address);
            inner.strangers.refused(Refusal::AccessKey, Some(source), &address);
            return Err(ActivationError::Refused);
        };
        attempt.forgive();
        inner.metrics.activation("done");
        tracing::info!(target: "audit", account = %activated.account.address, device = %activated.device, %source, "a device was activated");
        // A session under the token that was just replaced is over.
        inner.revoke(activated.account.id, activated.device).await;
        Ok(reply(activated))
    }

    /// Counts that somebody was refused at the door, and writes it into the audit log, the same once a minute.
    pub fn refused(&self, refusal: Refusal, source: IpAddr) {
        self.0.strangers.refused(refusal, Some(source), "");
    }

    /// Forgets what failed from a network address (from a whole /64 for IPv6): access keys and IM passwords; false when
    /// nothing had.
    pub fn forgive(&self, source: IpAddr) -> bool {
        self.0.strangers.forgive(source)
    }
}

impl Inner {
    /// Asks one authenticator after the other, unless the suspect was wrong so often that he waits longer than
    /// `patience`; what is refused is counted and told to the audit log. `source` is for the log alone.
    pub(crate) async fn authenticate(
        &self,
        credential: &Credential,
        who: Suspect,
        source: Option<IpAddr>,
        patience: Duration,
    ) -> Result<Identity, AuthenticationError> {
        if !self.strangers.may_show_token(who, patience).await {
            self.strangers.refused(Refusal::TokenFlood, source, "");
            return Err(AuthenticationError::TooMany);
        }
        let answer = self.look_up(credential).await;
        match &answer {
            Ok(_) | Err(AuthenticationError::Unavailable | AuthenticationError::TooMany) => {}
            Err(AuthenticationError::Disabled { account }) => {
                self.strangers.refused(Refusal::Disabled, source, &account.uri());
            }
            Err(AuthenticationError::OtherDevice { account }) => {
                self.strangers.refused(Refusal::OtherDevice, source, &account.uri());
            }
            Err(AuthenticationError::Refused | AuthenticationError::NotMine) => {
                self.strangers.wrong_token(who);
                self.strangers.refused(Refusal::Token, source, "");
            }
        }
        answer
    }

    async fn look_up(&self, credential: &Credential) -> Result<Identity, AuthenticationError> {
        for authenticator in &self.authenticators {
            match authenticator.authenticate(credential).await {
                Err(AuthenticationError::NotMine) => {}
                answer => return answer,
            }
        }
        Err(AuthenticationError::NotMine)
    }
}

fn reply(activated: trunkline_store::Activated) -> ActivationReply {
    ActivationReply {
        auth_token: activated.token,
        device_id: activated.device,
        account: ActivatedAccount {
            address: activated.account.address,
            display_name: activated.account.profile.display_name,
        },
    }
}
