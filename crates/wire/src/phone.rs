//! The phone's side of the same frames.

use serde_json::{Value, json};

use crate::{ApiError, ErrorCode};

/// A request frame.
pub fn request(id: &str, method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// One frame from the relay. `data` is the object in `result.data`, null where there is none.
#[derive(Clone, PartialEq)]
pub enum ServerFrame {
    /// The first phase, or the only one.
    Early {
        /// The request's id; empty when the relay could not read it.
        id: String,
        /// `data`, or an error, which is final.
        result: Result<Value, ApiError>,
        /// The session's background flag.
        background: bool,
        /// True when `state` says COMPLETE.
        complete: bool,
    },
    /// The second phase.
    Late {
        /// The request's id.
        id: String,
        /// The session's counter.
        sequence: i64,
        /// `data`, or an error.
        result: Result<Value, ApiError>,
    },
    /// Something unasked.
    Event {
        /// Counts events.
        number: u64,
        /// The session's counter.
        sequence: i64,
        /// The event's name.
        method: String,
        /// Its members, `method` among them.
        data: Value,
    },
}

impl std::fmt::Debug for ServerFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Early { id, result, .. } => write!(f, "Early({id}, {:?})", result.as_ref().err()),
            Self::Late { id, sequence, result } => {
                write!(f, "Late({id}, {sequence}, {:?})", result.as_ref().err())
            }
            Self::Event { number, sequence, method, .. } => {
                write!(f, "Event(S{number}, {sequence}, {method})")
            }
        }
    }
}

/// Why a text is no frame of a relay's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not JSON.
    #[error("the frame is not JSON")]
    NotJson,
    /// Not an object with an id.
    #[error("the frame is not an answer or an event: it has no usable id")]
    NoId,
    /// Neither `result.data` nor `error`.
    #[error("the frame holds neither a result nor an error")]
    NoResult,
    /// `sequence` is there and no whole number.
    #[error("the frame's sequence is not a whole number")]
    BadSequence,
}

/// Reads one frame of a relay's.
pub fn read(text: &str) -> Result<ServerFrame, ReadError> {
    let mut frame: Value = serde_json::from_str(text).map_err(|_| ReadError::NotJson)?;
    let id = id(&frame).ok_or(ReadError::NoId)?;
    let sequence = match frame.get("sequence") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_i64().ok_or(ReadError::BadSequence)?),
    };
    let background = frame.get("background").and_then(Value::as_bool).unwrap_or(false);
    let result = result(&mut frame)?;
    let complete = result.as_ref().is_ok_and(|data| state(data, &frame) == Some("COMPLETE"));
    let Some(sequence) = sequence else { return Ok(ServerFrame::Early { id, result, background, complete }) };
    match (event_number(&id), result) {
        (Some(number), Ok(data)) => {
            let method = data.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
            Ok(ServerFrame::Event { number, sequence, method, data })
        }
        (_, result) => Ok(ServerFrame::Late { id, sequence, result }),
    }
}

fn id(frame: &Value) -> Option<String> {
    match frame.as_object()?.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null => Some(String::new()),
        _ => None,
    }
}

fn event_number(id: &str) -> Option<u64> {
    id.strip_prefix('S')?.parse().ok()
}

fn state<'a>(data: &'a Value, frame: &'a Value) -> Option<&'a str> {
    data.get("state").or_else(|| frame.get("state")).and_then(Value::as_str)
}

fn result(frame: &mut Value) -> Result<Result<Value, ApiError>, ReadError> {
    if let Some(error) = frame.get("error").filter(|error| !error.is_null()) {
        return Ok(Err(api_error(error)));
    }
    let result = frame.get_mut("result").filter(|result| result.is_object()).ok_or(ReadError::NoResult)?;
    Ok(Ok(result.get_mut("data").map(Value::take).unwrap_or(Value::Null)))
}

/// A number that is not in the list counts as a general failure, and is told in the words.
fn api_error(error: &Value) -> ApiError {
    let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = error.get("code").and_then(Value::as_i64).unwrap_or_default();
    match ErrorCode::from_number(number) {
        Some(code) => ApiError::new(code, text("innerError")),
        None => ApiError::new(
            ErrorCode::GeneralFailure,
            format!("{number} {} {}", text("message"), text("innerError")),
        ),
    }
}
