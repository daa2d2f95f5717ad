use std::time::Duration;

use serde_json::{Value, json};

use super::Operation;
use crate::problem::Problem;

/// The requests and polls of phones without a WebSocket.
pub(super) fn operations() -> Vec<Operation> {
    vec![post(), poll()]
}

fn frame(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn header(name: &str, schema: Value, meaning: &str) -> Value {
    json!({"name": name, "in": "header", "schema": schema, "description": meaning})
}

/// What shows whose request it is.
fn identity() -> Vec<Value> {
    let text = json!({"type": "string"});
    vec![
        json!({"name": "sessionId", "in": "cookie", "schema": text, "description": "The session, as Set-Cookie told it. Alone it needs X-User-Agent."}),
        header("sessionId", text.clone(), "The session, instead of the cookie; never in the URL."),
        header(
            "X-User-Agent",
            text.clone(),
            "Android, iOS or anything else: what no page can have a browser send.",
        ),
        header("x-good-gd-authtoken", text.clone(), "With X-GC-DeviceToken, instead of a session's id."),
        header(
            "X-GC-DeviceToken",
            json!({"type": "string", "maxLength": 255}),
            "The install's own stable id.",
        ),
    ]
}

fn problems() -> Vec<Problem> {
    vec![
        Problem::SessionInUrl,
        Problem::InvalidRequest("the length of the body is told twice".into()),
        Problem::OriginRefused,
        Problem::UserAgentMissing,
        Problem::MethodNotAllowed,
        Problem::TooManyRequests(Duration::from_secs(1)),
        Problem::Unavailable,
        Problem::Restarting(Duration::from_secs(12)),
    ]
}

fn post() -> Operation {
    let requests = json!({"anyOf": [frame("Request"), {"type": "array", "minItems": 1, "maxItems": 1000, "items": frame("Request")}]});
    let answers =
        json!({"anyOf": [frame("EarlyFrame"), {"type": "array", "minItems": 1, "items": frame("Frame")}]});
    let mut parameters = identity();
    parameters.push(header(
        "X-Notify",
        json!({"type": "boolean"}),
        "true: the answer may bring, behind the first phases and in one array, what a poll would find now.",
    ));
    let mut all = problems();
    all.extend([Problem::TooSlow, Problem::TooLarge(65_536)]);
    Operation {
        path: "/GaslampService",
        method: "post",
        id: "postRequests",
        summary: "Takes one request or an array of them, without a WebSocket.",
        description: "Answered by the first phase of each, in the order of requests; second phases and events are fetched \
                      by polls. JSON-RPC errors have status 200. Also at /GaslampService/ and /GaslampService/rpc. At most \
                      FRAME_MAX_BYTES, whatever the Content-Type.",
        parameters: parameters.into(),
        body: Some(json!({"required": true, "content": {"application/json": {"schema": requests}}})),
        good: vec![(
            200,
            json!({"description": "The first phases.", "content": {"application/json": {"schema": answers}}, "headers": {
                "Set-Cookie": {"schema": {"type": "string"}, "description": "sessionId, when the request did not name the session itself; then also deviceToken, for a client that shows none."},
            }}),
        )],
        problems: all,
    }
}

/// The answer to a poll.
pub(super) fn polled(description: &str) -> Value {
    let schema = json!({"type": "array", "maxItems": 200, "items": frame("Frame")});
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn poll() -> Operation {
    let sequence = json!({"type": "integer", "minimum": -1});
    let meaning = "The highest sequence that the phone has received, which acknowledges everything up to it; -1 or absent: \
                   everything that waits.";
    let mut parameters = identity();
    parameters.push(header("sequence", sequence.clone(), meaning));
    parameters.push(json!({"name": "sequence", "in": "query", "schema": sequence, "description": "Instead of the header."}));
    parameters.push(header(
        "X-Notify",
        json!({"type": "boolean"}),
        "true makes any GET below /GaslampService a poll.",
    ));
    Operation {
        path: "/GaslampService/notify",
        method: "get",
        id: "poll",
        summary: "Fetches second phases and events, without a WebSocket.",
        description: "Answered at once when something waits, else as soon as there is something, or after POLL_HOLD_SECS \
                      with an empty array. Everything comes again until a poll tells its sequence. A second poll of the \
                      session, or its WebSocket, ends the first with an empty array. Without a session: one frame with \
                      error 1017.",
        parameters: parameters.into(),
        body: None,
        good: vec![(200, polled("At most 200 frames, in rising sequence."))],
        problems: problems(),
    }
}
