use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use trunkline_wire::activation;

/// Everything that a request can be told went wrong, as an RFC 9457 document whose `code` stays the same for ever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("nothing is here")]
    NotFound,
    #[error("this address does not know that method")]
    MethodNotAllowed,
    #[error("pages of this origin may not connect; the administrator can add it to ALLOWED_ORIGINS")]
    OriginRefused,
    #[error(
        "this port answers to localhost and loopback addresses only (Host); set ADMIN_TOKEN to use other names"
    )]
    ForeignHost,
    #[error("this address speaks WebSocket (RFC 6455, version 13) only")]
    UpgradeRequired,
    #[error("the WebSocket handshake is not complete: {0}")]
    BadHandshake(&'static str),
    #[error("WebSocket is switched off on this server (ALLOW_WEBSOCKETS)")]
    WebSocketsOff,
    #[error("too many sockets are open from your address")]
    TooManySockets,
    #[error(
        "a request that shows nothing but the sessionId cookie needs the header X-User-Agent, which no page can \
         have a browser send"
    )]
    UserAgentMissing,
    #[error(
        "sessionId does not belong in a URL, which everybody on the way writes down: send it as cookie or header"
    )]
    SessionInUrl,
    #[error(
        "too many requests come from this session or address, or too much waits to be polled for; slow down"
    )]
    TooManyRequests(Duration),
    #[error("activation needs an encrypted connection")]
    EncryptionRequired,
    #[error("the address or the access key is not right, or the key was used before or has expired")]
    ActivationRefused,
    #[error("too many wrong attempts from your address; try again later")]
    TooManyAttempts(Duration),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the server cannot do this now; try again later")]
    Unavailable,
    #[error("the server is about to restart; come back in a while")]
    Restarting(Duration),
    #[error("the admin token is missing or wrong (Authorization: Bearer …)")]
    Unauthorized,
}

impl Problem {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::OriginRefused
            | Self::WebSocketsOff
            | Self::UserAgentMissing
            | Self::EncryptionRequired
            | Self::ActivationRefused => StatusCode::FORBIDDEN,
            Self::ForeignHost => StatusCode::MISDIRECTED_REQUEST,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::BadHandshake(_) | Self::InvalidRequest(_) | Self::SessionInUrl => StatusCode::BAD_REQUEST,
            Self::TooManySockets | Self::TooManyAttempts(_) | Self::TooManyRequests(_) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Unavailable | Self::Restarting(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::OriginRefused => "origin-refused",
            Self::ForeignHost => "foreign-host",
            Self::UpgradeRequired => "upgrade-required",
            Self::BadHandshake(_) => "bad-handshake",
            Self::WebSocketsOff => "websockets-off",
            Self::TooManySockets => "too-many-sockets",
            Self::UserAgentMissing => "user-agent-missing",
            Self::SessionInUrl => "session-in-url",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::EncryptionRequired => "encryption-required",
            Self::ActivationRefused => "activation-refused",
            Self::TooManyAttempts(_) => "too-many-attempts",
            Self::InvalidRequest(_) => "invalid-request",
            Self::TooLarge(_) => "too-large",
            Self::TooSlow => "too-slow",
            Self::Unavailable => "unavailable",
            Self::Restarting(_) => "restarting",
            Self::Unauthorized => "unauthorized",
        }
    }

    pub(crate) fn document(&self) -> activation::Problem {
        let status = self.status();
        activation::Problem {
            kind: format!("urn:trunkline:problem:{}", self.code()),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
            code: self.code().to_owned(),
        }
    }

    /// The header that tells what to do about it, if there is one.
    pub(crate) fn hint(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::UpgradeRequired => Some((header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))),
            Self::TooManySockets => Some((header::RETRY_AFTER, HeaderValue::from_static("60"))),
            Self::TooManyAttempts(wait) | Self::TooManyRequests(wait) | Self::Restarting(wait) => {
                let secs = wait.as_millis().div_ceil(1_000).max(1);
                let secs = HeaderValue::from(u64::try_from(secs).unwrap_or(u64::MAX));
                Some((header::RETRY_AFTER, secs))
            }
            Self::Unavailable => Some((header::RETRY_AFTER, HeaderValue::from_static("5"))),
            Self::Unauthorized => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            _ => None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // A document of strings and a number always serializes.
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let restarting = matches!(self, Self::Restarting(_));
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.hint() {
            headers.insert(name, value);
        }
        if self == Self::UpgradeRequired {
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        } else if restarting {
            // A proxy that keeps connections should not bring its next request here.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
