mod activation;
mod body;
mod contract;
mod cookie;
mod message;
mod notify;
mod openapi;
mod opening;
mod page;
mod rpc;
mod upgrade;
mod visitor;

use std::{sync::Arc, time::Instant};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use tracing::{Instrument, debug, info_span};
use trunkline_core::{Refusal, Relay};
use uuid::Uuid;

use crate::{
    caller::{Caller, Peer},
    limit::AddressLimit,
    metric::Metrics,
    problem::Problem,
    settings::Live,
    socket::Sockets,
};

/// What the phones' routes share.
pub(crate) struct Phone {
    pub(crate) relay: Relay,
    pub(crate) settings: Arc<Live>,
    pub(crate) limit: Arc<AddressLimit>,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) metrics: Metrics,
}

/// Names a request or a socket in logs, and a request to its caller in `X-Request-Id`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogId(u64);

impl LogId {
    fn fresh() -> Self {
        Self(Uuid::new_v4().as_u64_pair().1)
    }
}

impl std::fmt::Display for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The routes of HTTPS_BIND and HTTP_BIND.
pub(crate) fn router(phone: Arc<Phone>) -> Router {
    Router::new()
        .route("/GaslampService/ws", get(upgrade::upgrade))
        .route("/GaslampService", any(rpc::rpc))
        .route("/GaslampService/", any(rpc::rpc))
        .route("/GaslampService/rpc", any(rpc::rpc))
        .route("/GaslampService/notify", any(notify::notify))
        .route("/GaslampService/{*rest}", any(notify::elsewhere))
        .route("/v1/activation", post(activation::activate))
        .route("/v1/openrpc.json", get(contract::openrpc))
        .route("/v1/openapi.json", get(contract::openapi))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .layer(from_fn_with_state(Arc::clone(&phone), watch))
        .with_state(phone)
}

/// What every request of a phone goes through: who asks, may its page ask, what is logged and counted.
async fn watch(State(phone): State<Arc<Phone>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        return Problem::Unavailable.into_response();
    };
    let settings = phone.settings.get();
    let caller = Caller::find(peer, request.headers(), &settings.trusted_proxies);
    let route = route_name(request.uri().path());
    let method = request.method().clone();
    let id = LogId::fresh();
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(id);
    let span = info_span!("request", %id);
    let sound = message::check(&request);
    let ends = sound.is_err() || message::ends_connection(request.headers());
    let admitted = sound.and_then(|()| {
        let may = page::may_ask(request.headers(), &settings.allowed_origins);
        may.then_some(()).ok_or(Problem::OriginRefused)
    });
    let mut response = match (admitted, phone.sockets.leaving()) {
        (Ok(()), None) => next.run(request).instrument(span.clone()).await,
        (Ok(()), Some(wait)) => Problem::Restarting(wait).into_response(),
        (Err(problem), _) => {
            if problem == Problem::OriginRefused {
                phone.relay.refused(Refusal::Origin, caller.address);
            }
            problem.into_response()
        }
    };
    if ends {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    seal(response.headers_mut(), id);
    let status = response.status().as_u16();
    phone.metrics.request(route, status);
    debug!(parent: &span, %method, route, status, source = %caller.address, took = ?began.elapsed(), "request");
    response
}

/// Paths come from anybody, so only these become log fields and labels.
fn route_name(path: &str) -> &'static str {
    match path {
        "/GaslampService/ws" => "ws",
        "/GaslampService" | "/GaslampService/" | "/GaslampService/rpc" => "rpc",
        "/GaslampService/notify" => "notify",
        "/v1/activation" => "activation",
        "/v1/openrpc.json" | "/v1/openapi.json" => "contract",
        _ => "other",
    }
}

fn seal(headers: &mut HeaderMap, id: LogId) {
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-request-id", id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
