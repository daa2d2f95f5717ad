mod health;

use std::sync::Arc;

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
use tokio_util::sync::CancellationToken;
use tracing::error;
use trunkline_core::Relay;

pub(crate) use self::health::DoorHealth;
use crate::{metric::Metrics, problem::Problem, settings::Live};

/// What the admin port's routes share.
pub(crate) struct Admin {
    pub(crate) relay: Relay,
    pub(crate) registry: Registry,
    pub(crate) metrics: Metrics,
    pub(crate) settings: Arc<Live>,
    pub(crate) doors: Vec<DoorHealth>,
    /// The server is going: not ready any more.
    pub(crate) stopping: CancellationToken,
}

const LIVE: &str = "/health/live";

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
        LIVE => "live",
        "/health/ready" => "ready",
        "/metrics" => "metrics",
        _ => "admin-other",
    };
    let settings = admin.settings.get();
    let open =
        route == "live" || settings.admin_token.as_ref().is_none_or(|token| bears(request.headers(), token));
    let mut response = if open { next.run(request).await } else { Problem::Unauthorized.into_response() };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    admin.metrics.request(route, response.status().as_u16());
    response
}

fn bears(headers: &HeaderMap, token: &SecretString) -> bool {
    let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    let Some((scheme, given)) = given.split_at_checked(7) else { return false };
    scheme.eq_ignore_ascii_case(b"bearer ")
        && bool::from(given.trim_ascii().ct_eq(token.expose_secret().as_bytes()))
}

async fn metrics(State(admin): State<Arc<Admin>>) -> Response {
    let mut page = String::new();
    if let Err(error) = text::encode(&mut page, &admin.registry) {
        error!(%error, "the metrics cannot be written");
        return Problem::Unavailable.into_response();
    }
    const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, KIND)], page).into_response()
}
