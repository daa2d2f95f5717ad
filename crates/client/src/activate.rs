use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    header::{ACCEPT, CONTENT_TYPE, HOST, RETRY_AFTER},
};
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use tokio::time::timeout;
use trunkline_model::{Address, DeviceId};
use trunkline_wire::activation::{ActivationReply, ActivationRequest, Problem};

use crate::{ConnectError, Server, stream::Stream};

/// How long the relay may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

/// What an activation gives; its `Debug` hides the token.
#[derive(Debug, Clone)]
pub struct Activated {
    /// The device's token: keep it, the access key is spent.
    pub token: SecretString,
    /// The device.
    pub device_id: DeviceId,
    /// The account's address.
    pub address: Address,
    /// The person's name.
    pub display_name: String,
}

/// Why an activation gave no token.
#[derive(Debug, thiserror::Error)]
pub enum ActivateError {
    /// Something in the request cannot be right; it was not sent.
    #[error("{0}")]
    Invalid(String),
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Address and key do not go together, or the key is used or expired (403).
    #[error("the relay does not accept this address and access key: {0}")]
    Refused(Problem),
    /// Too many wrong keys from here (429).
    #[error("too many wrong attempts from this network; try again {}", shown(.retry_after))]
    TooMany {
        /// How long to wait, if the relay says so.
        retry_after: Option<Duration>,
    },
    /// Another answer than the API has.
    #[error("the relay answered with HTTP status {status}: {problem}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What it said.
        problem: Problem,
    },
    /// The link broke, or what came is not a relay's answer.
    #[error("no usable answer to the activation: {0}")]
    Answer(String),
}

fn shown(retry_after: &Option<Duration>) -> String {
    retry_after.map_or_else(|| "later".to_owned(), |wait| format!("in {} s", wait.as_secs()))
}

pub(crate) async fn activate(
    server: &Server,
    request: &ActivationRequest,
) -> Result<Activated, ActivateError> {
    request.check().map_err(ActivateError::Invalid)?;
    let stream = Stream::open(server).await?;
    match timeout(ANSWER_LIMIT, exchange(server, stream, request)).await {
        Ok(result) => result,
        Err(_) => Err(ActivateError::Answer(format!("nothing came within {} s", ANSWER_LIMIT.as_secs()))),
    }
}

async fn exchange(
    server: &Server,
    stream: Stream,
    request: &ActivationRequest,
) -> Result<Activated, ActivateError> {
    let broken = |error: hyper::Error| ActivateError::Answer(error.to_string());
    let body = serde_json::to_vec(request).map_err(|error| ActivateError::Invalid(error.to_string()))?;
    let post = Request::builder()
        .method(Method::POST)
        .uri("/v1/activation")
        .header(HOST, server.authority())
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json, application/problem+json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| ActivateError::Invalid(error.to_string()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(post).await.map_err(broken)?;
    let (head, body) = answer.into_parts();
    let body = Limited::new(body, MAX_ANSWER)
        .collect()
        .await
        .map_err(|error| ActivateError::Answer(error.to_string()));
    driver.abort();
    let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    read(head.status, retry_after.map(Duration::from_secs), &body?.to_bytes())
}

fn read(status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Result<Activated, ActivateError> {
    if status.is_success() {
        let reply: ActivationReply = serde_json::from_slice(body)
            .map_err(|_| ActivateError::Answer("it is not what a relay answers".to_owned()))?;
        return Ok(Activated {
            token: reply.auth_token,
            device_id: reply.device_id,
            address: reply.account.address,
            display_name: reply.account.display_name,
        });
    }
    let problem = serde_json::from_slice(body).unwrap_or_else(|_| Problem {
        kind: "about:blank".to_owned(),
        title: status.canonical_reason().unwrap_or("unknown").to_owned(),
        status: status.as_u16(),
        detail: String::new(),
        code: String::new(),
    });
    Err(match status {
        StatusCode::FORBIDDEN => ActivateError::Refused(problem),
        StatusCode::TOO_MANY_REQUESTS => ActivateError::TooMany { retry_after },
        _ => ActivateError::Rejected { status: status.as_u16(), problem },
    })
}
