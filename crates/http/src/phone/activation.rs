use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use tracing::error;
use trunkline_core::ActivationError;
use trunkline_wire::activation::{ActivationReply, ActivationRequest};

use super::{Phone, body};
use crate::{
    caller::{Caller, Peer},
    problem::Problem,
};

/// Largest body.
pub(super) const BODY_BYTES: usize = 16 * 1024;
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// `POST /v1/activation`: an access key against a device's token.
pub(super) async fn activate(
    State(phone): State<Arc<Phone>>,
    Extension(peer): Extension<Peer>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Response {
    match exchange(&phone, peer, caller, body).await {
        Ok(reply) => (StatusCode::CREATED, Json(reply)).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn exchange(phone: &Phone, peer: Peer, caller: Caller, body: Body) -> Result<ActivationReply, Problem> {
    if !may_carry_secrets(peer, caller) {
        return Err(Problem::EncryptionRequired);
    }
    let request = read(body).await?;
    request.check().map_err(Problem::InvalidRequest)?;
    phone.relay.activate(request, caller.address).await.map_err(|error| match error {
        ActivationError::Refused => Problem::ActivationRefused,
        ActivationError::TooMany { retry_after } => Problem::TooManyAttempts(retry_after),
        ActivationError::Invalid(what) => Problem::InvalidRequest(what),
        ActivationError::Unavailable => {
            error!("activation failed because the store does not answer");
            Problem::Unavailable
        }
    })
}

/// The access key and the token that answers it are seen by nobody on the way: TLS, the computer itself, or a
/// trusted proxy that took the TLS off.
fn may_carry_secrets(peer: Peer, caller: Caller) -> bool {
    peer.tls || peer.address.is_loopback() || caller.proxied
}

async fn read(body: Body) -> Result<ActivationRequest, Problem> {
    let bytes = body::read(body, BODY_BYTES, BODY_LIMIT).await?;
    // The parser's own words can quote the value at fault, which may be the access key.
    serde_json::from_slice(&bytes).map_err(|error| {
        Problem::InvalidRequest(format!(
            "the body is not the expected JSON object (line {}, column {}): address, accessKey and deviceToken \
             are required, and every member is a string",
            error.line(),
            error.column()
        ))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::*;

    #[test]
    fn keys_travel_over_plain_http_only_from_loopback_or_a_trusted_proxy() {
        let trusted = ["10.0.0.0/8".parse().expect("a net")];
        let table = [
            ("192.0.2.7:1", false, false),
            ("192.0.2.7:1", true, true),
            ("127.0.0.1:1", false, true),
            ("[::ffff:127.0.0.1]:1", false, true),
            ("[::1]:1", false, true),
            ("10.0.0.1:1", false, true),
        ];
        for (address, tls, may) in table {
            let peer = Peer::new(address.parse().expect("an address"), tls);
            let caller = Caller::find(peer, &HeaderMap::new(), &trusted);
            assert_eq!(may_carry_secrets(peer, caller), may, "{address} {tls}");
        }
    }
}
