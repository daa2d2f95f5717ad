use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::{Body, to_bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use http_body_util::LengthLimitError;
use tokio::time::timeout;
use tracing::error;
use trunkline_core::ActivationError;
use trunkline_wire::activation::{ActivationReply, ActivationRequest};

use super::Phone;
use crate::{
    caller::{Caller, Peer},
    problem::Problem,
};

const BODY_BYTES: usize = 16 * 1024;
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
    if !(peer.tls || peer.address.is_loopback() || caller.proxied) {
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

async fn read(body: Body) -> Result<ActivationRequest, Problem> {
    let bytes = timeout(BODY_LIMIT, to_bytes(body, BODY_BYTES)).await.map_err(|_| Problem::TooSlow)?;
    let bytes = bytes.map_err(|error| {
        let error = error.into_inner();
        if error.is::<LengthLimitError>() {
            Problem::TooLarge(BODY_BYTES)
        } else {
            Problem::InvalidRequest("the body ended early".into())
        }
    })?;
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
