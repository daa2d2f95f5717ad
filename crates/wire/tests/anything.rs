//! Whatever comes in, nothing panics, and what the phone's side makes comes back.

use proptest::prelude::*;
use serde_json::{Value, json};
use trunkline_wire::{
    ApiError, Early, ErrorCode, Frame, Limits, Method, Parsed, Reply, complete, failure_later, failure_now,
    parse,
    phone::{self, ServerFrame},
    processing,
};

const LIMITS: Limits = Limits { max_message_chars: 8_000 };

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("sip:a@b.test")),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((names(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Names that mean something, in odd letter cases, and others.
fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(vec![
            "jsonrpc",
            "id",
            "method",
            "params",
            "contactId",
            "CONTACTIDS",
            "message",
            "messageId",
            "groupId",
            "presence",
            "timeout",
            "isBackgroundMode",
            "dependencies",
            "reconnect",
            "since",
            "upTo",
            "status",
            "chatId",
            "result",
            "error",
            "data",
            "sequence",
            "code",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ]
}

fn method_name() -> impl Strategy<Value = String> {
    let known: Vec<&str> = Method::ALL.iter().flat_map(|method| method.names().iter().copied()).collect();
    prop_oneof![4 => proptest::sample::select(known).prop_map(str::to_owned), 1 => ".{0,80}"]
}

/// Answers whatever was parsed, as the relay would, and reads the answers back.
fn answer_all(parsed: &Parsed) -> Result<(), TestCaseError> {
    let text = match parsed {
        Ok(request) => {
            prop_assert!(request.id.key().len() <= 255);
            let taken = processing(&request.id, &request.name, Early::Nothing, false);
            prop_assert!(phone::read(&taken).is_ok(), "{}", taken);
            complete(&request.id, &request.name, &Reply::Plain, 1)
        }
        Err(bad) => failure_now(bad.id.as_ref(), bad.name.as_deref(), &bad.error, true),
    };
    prop_assert!(phone::read(&text).is_ok(), "{}", text);
    Ok(())
}

fn answer_frame(text: &str) -> Result<(), TestCaseError> {
    match parse(text, LIMITS) {
        Frame::Single(parsed) => answer_all(&parsed),
        Frame::Batch(batch) => batch.iter().try_for_each(answer_all),
    }
}

proptest! {
    #[test]
    fn random_text_gets_an_answer(text in "\\PC{0,64}|[\\[\\]{}\",:\\\\u0-9a-fdD]{0,64}") {
        answer_frame(&text)?;
        let _ = phone::read(&text);
    }

    #[test]
    fn random_json_gets_an_answer(value in json_value()) {
        let text = value.to_string();
        answer_frame(&text)?;
        let _ = phone::read(&text);
    }

    #[test]
    fn a_cut_or_bent_request_gets_an_answer(
        method in method_name(), params in json_value(), at in any::<prop::sample::Index>(), byte in any::<char>(),
    ) {
        let text = phone::request("c1", &method, params);
        let mut place = at.index(text.len());
        while !text.is_char_boundary(place) {
            place -= 1;
        }
        answer_frame(&text[..place])?;
        answer_frame(&format!("{}{byte}{}", &text[..place], &text[place..]))?;
    }

    #[test]
    fn what_a_phone_asks_is_read_as_it_was_meant(id in "\\PC{1,60}", method in method_name(), params in json_value()) {
        let known = Method::from_name(&method);
        let object = params.is_object() || params.is_null();
        match parse(&phone::request(&id, &method, params), LIMITS) {
            Frame::Single(Ok(request)) => {
                prop_assert_eq!(request.id.key(), &id);
                prop_assert_eq!(&*request.name, &method);
                prop_assert_eq!(Some(request.method), known);
                prop_assert!(object);
            }
            Frame::Single(Err(bad)) => {
                prop_assert_eq!(bad.id.map(|read| read.key().to_owned()), Some(id));
                let expected = if known.is_none() { ErrorCode::MethodNotFound } else { ErrorCode::InvalidParams };
                prop_assert_eq!(bad.error.code, expected);
                prop_assert!(known.is_none() || !object);
            }
            Frame::Batch(_) => prop_assert!(false),
        }
    }

    #[test]
    fn an_error_comes_back_whole(inner in "\\PC{0,40}", which in 0..ErrorCode::ALL.len(), sequence in any::<i64>()) {
        let error = ApiError::new(ErrorCode::ALL[which], inner);
        let Frame::Single(Ok(request)) = parse(&phone::request("c1", "Ping", json!({})), LIMITS) else { panic!() };
        // 1004 and -32700 share a word but not a number.
        let now = failure_now(Some(&request.id), Some("Ping"), &error, true);
        let expected = ServerFrame::Early { id: "c1".into(), result: Err(error.clone()), background: true, complete: false };
        prop_assert_eq!(phone::read(&now), Ok(expected));
        let later = failure_later(&request.id, "Ping", &error, sequence);
        prop_assert_eq!(phone::read(&later), Ok(ServerFrame::Late { id: "c1".into(), sequence, result: Err(error) }));
    }
}
