use super::{Frame, Limits, Malformed, Request, parse};
use crate::ErrorCode;

const LIMITS: Limits = Limits { max_message_chars: 8_000 };

fn good(text: &str) -> Request {
    match parse(text, LIMITS) {
        Frame::Single(Ok(request)) => request,
        other => panic!("{text}: {other:?}"),
    }
}

fn bad(text: &str) -> Malformed {
    match parse(text, LIMITS) {
        Frame::Single(Err(malformed)) => malformed,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn an_id_comes_back_byte_for_byte() {
    let long = format!("\"{}\"", "i".repeat(255));
    for (raw, key) in
        [("\"c14\"", "c14"), ("\"\\u0063\"", "c"), ("7.50", "7.50"), ("\"\"", ""), (&*long, &long[1..256])]
    {
        let request = good(&format!(r#"{{"jsonrpc":"2.0","id": {raw} ,"method":"Ping"}}"#));
        assert_eq!((request.id.raw(), request.id.key()), (raw, key));
    }
}

#[test]
fn what_is_no_request_gets_the_right_number_and_what_could_be_read() {
    use ErrorCode::{InvalidParams, InvalidRequest, MethodNotFound, ParseError};
    let long = format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"Ping"}}"#, "i".repeat(256));
    let deep =
        format!(r#"{{"jsonrpc":"2.0","id":"c1","method":"Ping","x":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    let rows = [
        ("", ParseError, None, None),
        ("{\"id\":\"c1\",}", ParseError, None, None),
        (r#"{"jsonrpc":"2.0","id":"c1","method":"Ping"} x"#, ParseError, None, None),
        (r#"{"jsonrpc":"2.0","id":"c1","method":"Ping","x":"\ud800"}"#, ParseError, None, None),
        (&deep, ParseError, None, None),
        ("[]", InvalidRequest, None, None),
        ("7", InvalidRequest, None, None),
        (r#"{"jsonrpc":"2.0","method":"Ping"}"#, InvalidRequest, None, None),
        (r#"{"jsonrpc":"2.0","id":null,"method":"Ping"}"#, InvalidRequest, None, None),
        (r#"{"jsonrpc":"2.0","id":{},"method":"Ping"}"#, InvalidRequest, None, None),
        (&long, InvalidRequest, None, None),
        (r#"{"id":"c1","method":"Ping"}"#, InvalidRequest, Some("c1"), Some("Ping")),
        (r#"{"jsonrpc":"1.0","id":"c1","method":"Ping"}"#, InvalidRequest, Some("c1"), Some("Ping")),
        (r#"{"jsonrpc":"2.0","id":"c1","method":7}"#, InvalidRequest, Some("c1"), None),
        (r#"{"jsonrpc":"2.0","id":"c1","method":"Pong"}"#, MethodNotFound, Some("c1"), Some("Pong")),
        (
            r#"{"jsonrpc":"2.0","id":"c1","method":"ping","params":[]}"#,
            InvalidParams,
            Some("c1"),
            Some("ping"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"c1","method":"ping","params":"x"}"#,
            InvalidParams,
            Some("c1"),
            Some("ping"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1e999}}"#,
            InvalidParams,
            Some("1"),
            Some("ping"),
        ),
    ];
    for (text, code, id, name) in rows {
        let malformed = bad(text);
        assert_eq!(malformed.error.code, code, "{text}");
        assert_eq!(malformed.id.as_ref().map(super::RequestId::key), id, "{text}");
        assert_eq!(malformed.name.as_deref(), name, "{text}");
    }
}

#[test]
fn a_batch_keeps_its_order_and_its_faults() {
    let text =
        r#" [{"jsonrpc":"2.0","id":"c1","method":"Ping"}, 5, {"jsonrpc":"2.0","id":"c2","method":"x"}] "#;
    let Frame::Batch(parsed) = parse(text, LIMITS) else { panic!() };
    let codes: Vec<_> = parsed.iter().map(|one| one.as_ref().err().map(|bad| bad.error.code)).collect();
    assert_eq!(codes, [None, Some(ErrorCode::InvalidRequest), Some(ErrorCode::MethodNotFound)]);
    assert_eq!(bad(&format!("[{}1]", "1,".repeat(1_000))).error.code, ErrorCode::InvalidRequest);
}

#[test]
fn of_a_repeated_member_the_last_counts() {
    let request =
        good(r#"{"jsonrpc":"2.0","id":"a","id":"b","method":"x","method":"Ping","params":[],"params":{}}"#);
    assert_eq!(request.id.key(), "b");
}

#[test]
fn dependencies_and_reconnect() {
    let request =
        |params: &str| good(&format!(r#"{{"jsonrpc":"2.0","id":"c","method":"Ping","params":{params}}}"#));
    assert_eq!(request(r#"{"Dependencies":"c1, c2,,"}"#).dependencies, ["c1", "c2"]);
    assert_eq!(request(r#"{"dependencies":["c1",2]}"#).dependencies, ["c1", "2"]);
    assert_eq!(request(r#"{"dependencies":{}}"#).call.unwrap_err().code, ErrorCode::InvalidArgument);
    for (value, meant) in [
        (r#""""#, None),
        ("false", None),
        ("0", None),
        (r#""FALSE""#, None),
        ("true", Some("true")),
        (r#""7f""#, Some("7f")),
    ] {
        assert_eq!(request(&format!(r#"{{"reconnect":{value}}}"#)).reconnect.as_deref(), meant, "{value}");
    }
}

#[test]
fn debug_shows_neither_texts_nor_secrets() {
    let text = r#"{"jsonrpc":"2.0","id":"c1","method":"BeginSession","params":{"gdAuthToken":"tl1.hush","imPassword":"hush",
        "personalMessage":"hush","reconnect":"hush"}}"#;
    let shown = format!("{:?}", good(text));
    assert!(!shown.contains("hush"), "{shown}");
    let text = r#"{"jsonrpc":"2.0","id":"c1","method":"SendMessage","params":{"contactId":"a@b","messageId":"m","message":"hush"}}"#;
    let request = good(text);
    assert!(!format!("{request:?} {:?}", request.call).contains("hush"));
}
