mod health;

use std::{net::IpAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text, registry::Registry};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use tracing::error;
use trunkline_core::Refusal;

pub use self::health::Health;
pub(crate) use self::health::{DoorHealth, Vitals};
use crate::{caller::Peer, metric::Metrics, problem::Problem, settings::Live};

/// What the admin port's routes share.
pub(crate) struct Admin {
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
    pub(crate) settings: Arc<Live>,
    pub(crate) vitals: Arc<Vitals>,
}

const LIVE: &str = "/health/live";
const LIVE_ROUTE: &str = "live";

/// The routes of ADMIN_BIND.
pub(crate) fn router(admin: Arc<Admin>) -> Router {
    Router::new()
        .route(LIVE, get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(from_fn_with_state(Arc::clone(&admin), guard))
        .with_state(admin)
}

/// The token, if one is set, for everything but `/health/live`.
async fn guard(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let route = match request.uri().path() {
        LIVE => LIVE_ROUTE,
        "/health/ready" => "ready",
        "/metrics" => "metrics",
        _ => "admin-other",
    };
    let token = admin.settings.get().admin_token.clone();
    let mut response = match admitted(token.as_ref(), route == LIVE_ROUTE, request.headers()) {
        Ok(()) => next.run(request).await,
        Err((problem, refusal)) => {
            if let Some(peer) = request.extensions().get::<Peer>() {
                admin.vitals.relay.refused(refusal, peer.address);
            }
            problem.into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    admin.metrics.request(route, response.status().as_u16());
    response
}

/// Programs ask here, no pages of browsers: none may, not even one that had its own name resolved to this computer's
/// loopback address, which the `Host` header betrays.
fn admitted(token: Option<&SecretString>, live: bool, headers: &HeaderMap) -> Result<(), (Problem, Refusal)> {
    if headers.contains_key(header::ORIGIN) {
        return Err((Problem::OriginRefused, Refusal::Origin));
    }
    match token {
        Some(token) if !live && !bears(headers, token) => Err((Problem::Unauthorized, Refusal::AdminToken)),
        None if !headers.get_all(header::HOST).iter().all(is_loopback) => {
            Err((Problem::ForeignHost, Refusal::Host))
        }
        _ => Ok(()),
    }
}

/// `localhost` or a loopback address, with or without a port.
fn is_loopback(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else { return false };
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && !name.ends_with(':') => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn bears(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let Some((scheme, given)) = given.split_at_checked(7) else { return false };
    scheme.eq_ignore_ascii_case(b"bearer ")
        && bool::from(given.trim_ascii().ct_eq(token.expose_secret().as_bytes()))
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let mut page = String::new();
    admin.vitals.relay.measure().await;
    if let Err(error) = text::encode(&mut page, &admin.registry) {
        error!(%error, "the metrics cannot be written");
        return Problem::Unavailable.into_response();
    }
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, KIND)], page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_the_loopback_are_the_computers_own() {
        for own in ["localhost", "LOCALHOST:8443", "127.0.0.1", "127.1.2.3:1", "[::1]", "[::1]:8443", "::1"] {
            assert!(is_loopback(&HeaderValue::from_static(own)), "{own}");
        }
        for foreign in [
            "",
            "relay.test",
            "localhost.evil.test",
            "127.0.0.1.evil.test:8443",
            "192.0.2.1",
            "[2001:db8::1]:1",
            "evil.test#localhost",
            "0.0.0.0",
            "localhost:evil",
        ] {
            assert!(!is_loopback(&HeaderValue::from_static(foreign)), "{foreign}");
        }
    }
}
