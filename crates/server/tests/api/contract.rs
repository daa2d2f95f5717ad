//! Every frame that any of these tests receives, held against the schemas of the contract: what is told and not
//! described, and what is described and not told, fails the test that saw it.

use std::cell::RefCell;

use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};
use trunkline_wire::{
    Method,
    contract::{COMMON, closed, component_name, components, describe},
};

use crate::{
    frame::{Frame, Kind},
    house::House,
    plain::{Answer, exchange},
};

struct Judge {
    schemas: Schemas,
    compiler: Compiler,
    http: Value,
}

thread_local! {
    static JUDGE: RefCell<Judge> = RefCell::new(Judge::new());
}

impl Judge {
    fn new() -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V7);
        let all = json!({"components": {"schemas": closed(&Value::Object(components()))}});
        compiler.add_resource("trunkline:contract", all).unwrap();
        let http = kept("openapi.json");
        compiler.add_resource("trunkline:http", closed(&json!({"components": http["components"]}))).unwrap();
        Self { schemas: Schemas::new(), compiler, http }
    }

    /// Holds an HTTP answer against what the documents say of its address; one that they do not name is not looked at.
    fn check_http(&mut self, method: &str, path: &str, answer: &Answer) {
        let operation = self.http["paths"][path][method.to_lowercase()].clone();
        if operation.is_null() {
            return;
        }
        let what = format!("{method} {path}: {answer:?}");
        let response = &operation["responses"][answer.status.to_string()];
        assert!(response.is_object(), "the contract does not know this status: {what}");
        let kind = answer.header("content-type").unwrap_or_default();
        let Some(content) = response.get("content") else { return assert!(answer.body.is_empty(), "{what}") };
        let schema = &content[kind]["schema"];
        assert!(schema.is_object(), "the contract does not know this content: {what}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        if let Some(place) = schema["$ref"].as_str() {
            self.check(&format!("trunkline:http{place}"), &body);
        }
        if let Some(code) = body["code"].as_str().filter(|_| kind.contains("problem")) {
            assert!(content[kind]["examples"][code].is_object(), "the contract does not know {code}: {what}");
        }
    }

    fn check(&mut self, place: &str, value: &Value) {
        let schema = self.compiler.compile(place, &mut self.schemas).unwrap();
        if let Err(error) = self.schemas.validate(value, schema) {
            panic!("the contract does not say this ({place}): {value}\n{error:#}");
        }
    }
}

/// Fails unless `value` is what the component describes, and nothing more.
fn fits(name: &str, value: &Value) {
    let place = format!("trunkline:contract#/components/schemas/{name}");
    JUDGE.with_borrow_mut(|judge| judge.check(&place, value));
}

/// A document as it is in the docs.
fn kept(name: &str) -> Value {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Holds an answer against what the documents say of the address that was asked.
pub(crate) fn check_http(request: &[u8], answer: &Answer) {
    let text = String::from_utf8_lossy(request);
    let mut line = text.lines().next().unwrap_or_default().split(' ');
    if let (Some(method), Some(path)) = (line.next(), line.next()) {
        JUDGE.with_borrow_mut(|judge| judge.check_http(method, path, answer));
    }
}

/// Holds a frame against what the documents say of its kind, its method or event, and its error.
pub(crate) fn check(frame: &Frame, json: &Value) {
    let data = frame.data();
    let name = data["method"].as_str().unwrap_or_default();
    match (frame.kind, Method::from_name(name)) {
        (Kind::Event, _) => fits(&format!("{}Event", component_name(name)), data),
        (_, Some(method)) => {
            let name = component_name(method.name());
            let early = frame.kind == Kind::Early && !method.one_phase();
            fits(&format!("{name}{}", if early { "Early" } else { "Result" }), data);
        }
        (_, None) => check_error(&json["error"]),
    }
    fits(
        match frame.kind {
            Kind::Early => "EarlyFrame",
            Kind::Late => "LateFrame",
            Kind::Event => "EventFrame",
        },
        json,
    );
}

/// An error must be one that the documents list for the method, with its stable word.
fn check_error(error: &Value) {
    let (code, inner) = (error["code"].as_i64().unwrap(), error["innerError"].as_str().unwrap());
    let Some(method) = error["data"]["method"].as_str().and_then(Method::from_name) else { return };
    if code < 0 {
        return;
    }
    let listed: Vec<_> =
        describe(method).errors.iter().chain(COMMON).filter(|one| one.code.number() == code).collect();
    assert!(!listed.is_empty(), "{}: the contract does not list {code}: {inner}", method.name());
    if let Some((word, _)) = inner.split_once(": ").filter(|(word, _)| is_word(word)) {
        let known = listed.iter().any(|one| one.word == word);
        assert!(known, "{}: the contract does not list {code} {word}", method.name());
    }
}

fn is_word(text: &str) -> bool {
    text.contains('-') && text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

#[tokio::test]
async fn the_contract_is_served_as_it_is_in_the_docs() {
    let house = House::open().await;
    let address = house.relay.listeners().http.clone().unwrap();
    for name in ["openrpc.json", "openapi.json"] {
        let get = |lines: &str| {
            let request = format!("GET /v1/{name} HTTP/1.1\r\nHost: x\r\n{lines}Connection: close\r\n\r\n");
            let address = address.clone();
            async move { exchange(&address, request.as_bytes()).await }
        };
        let answer = get("").await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        let served: Value = serde_json::from_str(&answer.body).unwrap();
        assert!(served == kept(name), "{name}");
        let tag = answer.header("etag").unwrap();
        let again = get(&format!("If-None-Match: \"other\", W/{tag}\r\n")).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "a caller that has it gets it not again");
        assert_eq!(
            get("Origin: https://evil.test\r\n").await.status,
            403,
            "pages of strangers may not read it"
        );
    }
}
