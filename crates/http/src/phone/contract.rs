use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::Value;

/// A document of the contract, as it is served; it stays the same while the program runs.
struct Document {
    body: Bytes,
    etag: HeaderValue,
}

static OPENRPC: LazyLock<Document> =
    LazyLock::new(|| Document::new(&trunkline_wire::contract::openrpc(env!("CARGO_PKG_VERSION"))));

static OPENAPI: LazyLock<Document> =
    LazyLock::new(|| Document::new(&super::openapi::openapi(env!("CARGO_PKG_VERSION"))));

/// `GET /v1/openapi.json`: the phones' addresses, as data.
pub(super) async fn openapi(headers: HeaderMap) -> Response {
    OPENAPI.answer(&headers)
}

/// `GET /v1/openrpc.json`: the methods and events, as data.
pub(super) async fn openrpc(headers: HeaderMap) -> Response {
    OPENRPC.answer(&headers)
}

impl Document {
    fn new(content: &Value) -> Self {
        let body = Bytes::from(content.to_string());
        let hash: String =
            digest(&SHA256, &body).as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let etag = HeaderValue::from_str(&format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { body, etag }
    }

    /// The document, or 304 when the caller has it.
    fn answer(&self, asked: &HeaderMap) -> Response {
        let known = asked.get_all(header::IF_NONE_MATCH).iter().any(|tags| has_tag(tags, &self.etag));
        let headers = [
            (header::ETAG, self.etag.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        ];
        if known {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        (headers, kind, self.body.clone()).into_response()
    }
}

/// Whether an If-None-Match names this tag (RFC 9110, 13.1.2: weakly compared).
fn has_tag(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(tags), Ok(etag)) = (tags.to_str(), etag.to_str()) else { return false };
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}
