//! The samples of docs/connect-api.md are frames that this crate takes and gives.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use trunkline_wire::{ApiError, Call, ErrorCode, Frame, Limits, Method, Request, failure_now, parse, phone};

const LIMITS: Limits = Limits { max_message_chars: 8_000 };

/// The lines of the document's blocks of JSON.
fn samples() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/connect-api.md");
    let document = fs::read_to_string(path).unwrap();
    let blocks = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

fn requests(sample: &str) -> Vec<Request> {
    match parse(sample, LIMITS) {
        Frame::Single(one) => vec![one.unwrap_or_else(|error| panic!("{sample}: {error:?}"))],
        Frame::Batch(all) => all.into_iter().map(|one| one.unwrap()).collect(),
    }
}

/// What the relay answers when it refuses the request for its own sake.
fn refusal(request: &Request) -> Option<ApiError> {
    match &request.call {
        Ok(Call::NotSupported) => {
            let inner = format!("{} is not supported by this server", request.name);
            Some(ApiError::new(ErrorCode::NotSupported, inner))
        }
        Ok(_) => None,
        Err(error) => Some(error.clone()),
    }
}

#[test]
fn every_sample_is_a_frame_and_every_method_has_one() {
    let samples = samples();
    let mut shown = BTreeSet::new();
    for (at, sample) in samples.iter().enumerate() {
        let value: Value = serde_json::from_str(sample).unwrap_or_else(|error| panic!("{sample}: {error}"));
        if value.is_array() || value.get("params").is_some() {
            for request in requests(sample) {
                shown.insert(request.method.name());
                let Some(error) = refusal(&request) else { continue };
                let background = samples[at + 1].ends_with(r#""background":true}"#);
                let answer = failure_now(Some(&request.id), Some(&request.name), &error, background);
                assert_eq!(samples[at + 1], answer);
            }
        } else if value.get("jsonrpc").is_some() {
            phone::read(sample).unwrap_or_else(|error| panic!("{sample}: {error}"));
        }
    }
    let works = |method: &&Method| !method.name().starts_with("pc.") && !method.name().contains("File");
    let missing: Vec<_> =
        Method::ALL.iter().filter(works).filter(|one| !shown.contains(one.name())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
