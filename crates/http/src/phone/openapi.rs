//! The OpenAPI document of the phones' ports.

mod http_form;

use std::{collections::BTreeMap, time::Duration};

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use trunkline_wire::contract::{activation_components, components, example_activated, example_activation};

use crate::problem::Problem;

/// One method of one address.
struct Operation {
    path: &'static str,
    method: &'static str,
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    parameters: Value,
    body: Option<Value>,
    /// Status and response when all is well.
    good: Vec<(u16, Value)>,
    problems: Vec<Problem>,
}

/// The document; `version` is the relay's.
pub(super) fn openapi(version: &str) -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations() {
        let methods = paths.entry(operation.path).or_default();
        methods.insert(operation.method.to_owned(), operation.object());
    }
    let mut schemas = components();
    schemas.extend(activation_components());
    let schemas = reached(schemas, &json!(paths));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trunkline",
            "version": version,
            "description": INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas},
    })
}

/// Those schemas that the paths refer to, and those that these refer to.
fn reached(mut all: Map<String, Value>, paths: &Value) -> Map<String, Value> {
    let mut kept = Map::new();
    let mut left = vec![paths.clone()];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(members) => {
                let named =
                    members.get("$ref").and_then(Value::as_str).and_then(|place| place.rsplit('/').next());
                if let Some((name, schema)) = named.and_then(|name| all.remove_entry(name)) {
                    left.push(schema.clone());
                    kept.insert(name, schema);
                }
                left.extend(members.into_iter().map(|(_, value)| value));
            }
            Value::Array(values) => left.extend(values),
            _ => {}
        }
    }
    kept
}

const INTRODUCTION: &str = "What phones ask over HTTP. The methods and events of the Connect API, which travel inside \
WebSocket frames or, where there is no WebSocket, in bodies of requests, are described in /v1/openrpc.json. Every answer carries X-Request-Id. A request with an Origin that \
the administrator has not allowed is refused with 403 wherever it goes. Errors are problem documents (RFC 9457); their \
code is stable.";

fn operations() -> Vec<Operation> {
    let others = [activation(), document("openrpc"), document("openapi")];
    [upgrade()].into_iter().chain(http_form::operations()).chain(others).collect()
}

fn upgrade() -> Operation {
    let header = |name: &str, schema: Value, meaning: &str| json!({"name": name, "in": "header", "schema": schema, "description": meaning});
    let text = json!({"type": "string"});
    Operation {
        path: "/GaslampService/ws",
        method: "get",
        id: "openSocket",
        summary: "Opens a WebSocket (RFC 6455, version 13, no subprotocol, no extension).",
        description: "With a valid token and its device id, and a session that lives, the socket is bound to it at \
                      once and events flow without a request; else it has 30 s for a BeginSession. A header that makes no sense \
                      counts as absent.",
        parameters: json!([
            header("x-good-gd-authtoken", text.clone(), "The device's token; empty or null: none."),
            header(
                "X-GC-DeviceToken",
                json!({"type": "string", "maxLength": 255}),
                "The install's own stable id."
            ),
            header(
                "sequence",
                json!({"type": "integer", "minimum": -1}),
                "The highest sequence that the phone has received; -1: none."
            ),
            header("x-good-background", json!({"type": "boolean"}), "Whether the app is in the background."),
        ]),
        body: None,
        good: vec![
            (
                101,
                json!({"description": "The socket is open.", "headers": {
                    "Set-Cookie": {"schema": text, "description": "deviceToken, made up for a client that shows none; sessionId, when the socket is bound."},
                }}),
            ),
            (
                200,
                http_form::polled("With X-Notify: true and nothing of a handshake, the request is a poll."),
            ),
        ],
        problems: vec![
            Problem::BadHandshake("Sec-WebSocket-Key is not 16 bytes in base64"),
            Problem::OriginRefused,
            Problem::WebSocketsOff,
            Problem::UpgradeRequired,
            Problem::TooManySockets,
        ],
    }
}

fn activation() -> Operation {
    let content = |schema: &str, example: Value| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}, "example": example}});
    Operation {
        path: "/v1/activation",
        method: "post",
        id: "activate",
        summary: "Exchanges a person's address and access key for a device's auth token.",
        description: "The body is read as JSON whatever its Content-Type says, at most 16 KiB. Only failures are \
                      limited: ten an hour from one source. Over plain HTTP only from loopback and from trusted proxies.",
        parameters: json!([]),
        body: Some(json!({"required": true, "content": content("ActivationRequest", example_activation())})),
        good: vec![(
            201,
            json!({"description": "The device's token.", "content": content("ActivationReply", example_activated())}),
        )],
        problems: vec![
            Problem::InvalidRequest("deviceToken is empty".into()),
            Problem::OriginRefused,
            Problem::EncryptionRequired,
            Problem::ActivationRefused,
            Problem::TooSlow,
            Problem::TooLarge(super::activation::BODY_BYTES),
            Problem::TooManyAttempts(Duration::from_secs(840)),
            Problem::Unavailable,
        ],
    }
}

fn document(name: &str) -> Operation {
    let (path, id, summary) = match name {
        "openrpc" => {
            ("/v1/openrpc.json", "getOpenrpc", "The Connect API's methods and events (OpenRPC 1.3).")
        }
        _ => ("/v1/openapi.json", "getOpenapi", "This document."),
    };
    let headers = json!({
        "ETag": {"schema": {"type": "string"}},
        "Cache-Control": {"schema": {"type": "string"}},
    });
    Operation {
        path,
        method: "get",
        id,
        summary,
        description: "",
        parameters: json!([{"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}]),
        body: None,
        good: vec![
            (
                200,
                json!({"description": "The document.", "headers": headers, "content": {"application/json": {"schema": {"type": "object"}}}}),
            ),
            (304, json!({"description": "It is the one that the caller has.", "headers": headers})),
        ],
        problems: vec![Problem::OriginRefused],
    }
}

impl Operation {
    fn object(&self) -> Value {
        let mut responses: BTreeMap<u16, Value> = self.good.iter().cloned().collect();
        responses.extend(by_status(&self.problems));
        let responses: Map<String, Value> =
            responses.into_iter().map(|(status, response)| (status.to_string(), response)).collect();
        let mut all = json!({
            "operationId": self.id,
            "summary": self.summary,
            "parameters": self.parameters,
            "responses": responses,
        });
        if !self.description.is_empty() {
            all["description"] = json!(self.description);
        }
        if let Some(body) = &self.body {
            all["requestBody"] = body.clone();
        }
        all
    }
}

/// A response for each status, with each problem of that status as an example.
fn by_status(problems: &[Problem]) -> BTreeMap<u16, Value> {
    let mut all: BTreeMap<u16, Vec<&Problem>> = BTreeMap::new();
    for problem in problems {
        all.entry(problem.status().as_u16()).or_default().push(problem);
    }
    let response = |(status, problems): (u16, Vec<&Problem>)| {
        let examples: Map<String, Value> = problems
            .iter()
            .map(|problem| (problem.code().to_owned(), json!({"value": problem.document()})))
            .collect();
        let hints: Map<String, Value> = problems
            .iter()
            .filter_map(|problem| problem.hint())
            .map(|(name, _)| (name.to_string(), json!({"schema": {"type": "string"}})))
            .collect();
        let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
        let content = json!({"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}});
        let mut response = json!({"description": title.unwrap_or("Error"), "content": content});
        if !hints.is_empty() {
            response["headers"] = hints.into();
        }
        (status, response)
    };
    all.into_iter().map(response).collect()
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::PathBuf};

    use super::openapi;

    #[test]
    fn the_openapi_document_is_the_one_that_the_code_makes() {
        let made = format!("{:#}\n", openapi(env!("CARGO_PKG_VERSION")));
        let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../docs/openapi.json"].iter().collect();
        if env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &made).expect("docs can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == made, "docs/openapi.json is old: run `cargo xtask gen`");
    }
}
