use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    LogId, Phone, cookie, notify,
    opening::{device_token, opening, word},
};
use crate::{caller::Caller, limit::Place, problem::Problem, socket};

/// `GET /GaslampService/ws`.
pub(super) async fn upgrade(
    State(phone): State<Arc<Phone>>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<LogId>,
    request: Request,
) -> Response {
    if notify::is_wanted(request.headers()) && !shakes_hands(request.headers()) {
        return notify::notify(State(phone), Extension(caller), request).await;
    }
    match admit(&phone, caller, &request) {
        Ok((key, place)) => accept(phone, caller, id, request, key, place).await,
        Err(problem) => problem.into_response(),
    }
}

/// All reasons to refuse, before anything is asked of the core.
fn admit(phone: &Phone, caller: Caller, request: &Request) -> Result<(String, Option<Place>), Problem> {
    let key = check_handshake(request)?;
    let settings = phone.settings.get();
    if !settings.allow_websockets {
        return Err(Problem::WebSocketsOff);
    }
    let place = if caller.exempt {
        None
    } else {
        let most = settings.sockets_per_address;
        Some(phone.limit.take(caller.address, most).ok_or(Problem::TooManySockets)?)
    };
    Ok((key, place))
}

async fn accept(
    phone: Arc<Phone>,
    caller: Caller,
    id: LogId,
    mut request: Request,
    key: String,
    place: Option<Place>,
) -> Response {
    let device = device_token(request.headers());
    let connection = phone.relay.open(opening(request.headers(), &device, caller)).await;
    let mut response = switching(&key);
    let headers = response.headers_mut();
    cookie::offer_device_token(headers, &device, caller);
    if let Some(session) = connection.session_id() {
        cookie::set(headers, "sessionId", &session, None, caller.secure);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let frame_max_bytes = phone.settings.get().frame_max_bytes;
    let ticket = socket::Ticket { id, source: caller.address, place, frame_max_bytes };
    phone.sockets.begin(upgrade, connection, ticket);
    response
}

/// Whether a phone tries to open a WebSocket, be it that a proxy on the way took the upgrade out.
fn shakes_hands(headers: &HeaderMap) -> bool {
    headers.contains_key(header::UPGRADE) || headers.contains_key(header::SEC_WEBSOCKET_KEY)
}

/// RFC 6455 4.2.1; returns the client's key.
fn check_handshake(request: &Request) -> Result<String, Problem> {
    let headers = request.headers();
    let asks = has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket");
    if !asks || request.method() != Method::GET || request.version() != Version::HTTP_11 {
        return Err(Problem::UpgradeRequired);
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version.as_bytes().trim_ascii() != b"13")
    {
        return Err(Problem::UpgradeRequired);
    }
    let key = word(headers, &header::SEC_WEBSOCKET_KEY);
    let key = key.ok_or(Problem::BadHandshake("Sec-WebSocket-Key is missing"))?;
    if key.len() != 24 || !key.ends_with("==") {
        return Err(Problem::BadHandshake("Sec-WebSocket-Key must be 16 bytes in base64"));
    }
    Ok(key.to_owned())
}

/// Neither a subprotocol nor an extension, whatever was offered: the vendor's client knows none.
fn switching(key: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}
