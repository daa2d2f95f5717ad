//! The description of parameters against the parser that reads them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Member, Shape, describe, example_request, shape::EXACT};
use crate::{ApiError, Call, Limits, Method, call::Params};

const LIMITS: Limits = Limits { max_message_chars: 8_000 };

fn described() -> impl Iterator<Item = Method> {
    Method::ALL.iter().copied().filter(|method| !method.unsupported())
}

fn read(method: Method, params: &Value) -> (Result<Call, ApiError>, BTreeSet<&'static str>) {
    let mut params = Params::read(Some(&params.to_string())).unwrap();
    let call = Call::read(method, &mut params, LIMITS);
    (call, params.asked)
}

fn with(params: &Value, name: &str, value: Value) -> Value {
    let mut params = params.clone();
    params[name] = value;
    params
}

fn without(params: &Value, name: &str) -> Value {
    let mut params = params.clone();
    params.as_object_mut().unwrap().remove(name);
    params
}

#[test]
fn every_parameter_that_is_read_is_described_and_the_other_way_round() {
    for method in described() {
        let example = example_request(method);
        let params = describe(method).params;
        let variants = params.iter().map(|param| without(&example, param.name)).chain([example.clone()]);
        let read: BTreeSet<&str> = variants.flat_map(|params| read(method, &params).1).collect();
        let told: BTreeSet<&str> =
            params.iter().flat_map(|param| param.aliases.iter().copied().chain([param.name])).collect();
        assert_eq!(read, told, "{}", method.name());
    }
}

#[test]
fn examples_are_taken_and_what_is_required_is_needed() {
    for method in described() {
        let example = example_request(method);
        assert!(read(method, &example).0.is_ok(), "{} {example}", method.name());
        for param in describe(method).params {
            let left = read(method, &without(&example, param.name)).0;
            assert_eq!(left.is_err(), param.required, "{} without {}", method.name(), param.name);
            for alias in param.aliases {
                let Some(value) = example.get(param.name) else { continue };
                let chat = *alias == "chatId";
                let value = if chat { json!(uuid()) } else { value.clone() };
                let other = with(&without(&example, param.name), alias, value);
                assert!(read(method, &other).0.is_ok(), "{} {other}", method.name());
            }
        }
    }
}

/// Values that the schema takes, and values that it does not.
fn edges(param: &Member) -> (Vec<Value>, Vec<Value>) {
    let text = |length: usize| json!("x".repeat(length));
    match param.shape {
        Shape::Text(least, most) => {
            let short = (least > 0 && param.required).then(|| text(least - 1));
            let long = (most < usize::MAX).then(|| text(most + 1));
            let mut good = vec![text(least.max(2))];
            good.extend((most < usize::MAX).then(|| text(most)));
            (good, short.into_iter().chain(long).chain([json!({})]).collect())
        }
        Shape::Whole(least, most) => {
            let bad = [least - 1, most + 1].into_iter().filter(|number| number.abs() < EXACT);
            (vec![json!(least), json!(most)], bad.map(Value::from).chain([json!("a")]).collect())
        }
        Shape::Truth => (vec![json!(true), json!(false)], vec![json!("perhaps")]),
        Shape::Words(words) => {
            (words.iter().map(|word| json!(word)).collect(), vec![json!("other"), json!(1)])
        }
        Shape::List(_, least, most) => {
            let list = |length: usize| json!(vec!["sip:bo@corp.test"; length]);
            (vec![list(least), list(most)], vec![list(most + 1), json!([])])
        }
        Shape::Named("Address" | "Target") => {
            (vec![json!("sip:bo@corp.test"), json!(" Bo@Corp.test ")], vec![json!("bo"), json!(7)])
        }
        Shape::Named("Guid") => (vec![json!(uuid())], vec![json!("no-guid")]),
        Shape::Named("GroupId") => (vec![json!("7")], vec![json!("seven")]),
        Shape::Named("MailboxSeq") => (vec![json!(0), json!(EXACT)], vec![json!(-1), json!("a")]),
        Shape::Named("PresenceChoice") => (
            ["available", "appearoffline", "reset", "offwork"].map(Value::from).to_vec(),
            vec![json!("elsewhere")],
        ),
        _ => (Vec::new(), Vec::new()),
    }
}

fn uuid() -> &'static str {
    "0f6a2c1e-93b1-7d40-8a55-3c21b7e9d001"
}

/// The parser is more tolerant than the description here, because the vendor's is.
fn tolerated(param: &Member, bad: &Value) -> bool {
    match param.name {
        "pushType" => true,
        // Older phones tell rooms beside contacts.
        "roomId" => true,
        "typeSearch" | "keySearch" => bad.is_number(),
        _ => false,
    }
}

#[test]
fn the_limits_that_are_told_are_those_that_are_kept() {
    for method in described() {
        for param in describe(method).params {
            // It is looked at only where the newer name is missing.
            let hidden = if param.name == "gdToken" { "gdAuthToken" } else { "" };
            let example = without(&example_request(method), hidden);
            let (good, bad) = edges(param);
            for value in good {
                let params = with(&example, param.name, value.clone());
                let call = read(method, &params).0;
                let shown: String = value.to_string().chars().take(60).collect();
                assert!(call.is_ok(), "{} {} {shown}: {:?}", method.name(), param.name, call.err());
            }
            for value in bad.into_iter().filter(|value| !tolerated(param, value)) {
                let shown: String = value.to_string().chars().take(60).collect();
                let params = with(&example, param.name, value);
                assert!(read(method, &params).0.is_err(), "{} {} {shown}", method.name(), param.name);
            }
        }
    }
}
