mod id;

use std::{fmt, sync::Arc};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

pub use self::id::RequestId;
use crate::{
    ApiError, Call, ErrorCode, Method,
    call::Params,
    error::clipped,
    json::{MAX_DEPTH, ScanError, scan},
};

/// Requests in one batch; more are refused as a whole.
const MAX_BATCH: usize = 1_000;

/// Longest name of an unknown method that is echoed, in characters.
const MAX_ECHOED_NAME: usize = 64;

/// What one text frame held.
#[derive(Debug)]
pub enum Frame {
    /// One request, or a text that is none.
    Single(Parsed),
    /// A JSON array of requests, in its order; at least one.
    Batch(Vec<Parsed>),
}

/// A request, or why it is none.
pub type Parsed = Result<Request, Malformed>;

/// A text that names no method of ours: to be answered in phase 1 with `error`, which is final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The id to echo, when one could be read.
    pub id: Option<RequestId>,
    /// The method's name as the phone wrote it, when one could be read.
    pub name: Option<Arc<str>>,
    /// What was wrong.
    pub error: ApiError,
}

/// Limits that the configuration sets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Longest text of a message, in characters.
    pub max_message_chars: usize,
}

/// A request whose envelope is right. Its `Debug` shows neither texts nor secrets.
pub struct Request {
    /// Echoed in every answer.
    pub id: RequestId,
    /// The method's name as the phone wrote it; echoed.
    pub name: Arc<str>,
    /// Which method.
    pub method: Method,
    /// What is asked, or why the parameters are wrong (1011, 1012).
    pub call: Result<Call, ApiError>,
    /// Ids of requests that must have succeeded first, in the order given.
    pub dependencies: Vec<String>,
    /// The value of `reconnect` when it means yes: possibly a session id.
    pub reconnect: Option<String>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("error", &self.call.as_ref().err())
            .field("dependencies", &self.dependencies.len())
            .field("reconnect", &self.reconnect.is_some())
            .finish()
    }
}

/// Reads one text frame, or the body of one POST.
pub fn parse(text: &str, limits: Limits) -> Frame {
    #[cfg(debug_assertions)]
    trunkline_model::poison::taste("frame", text);
    if let Err(error) = scan(text) {
        return refused(ErrorCode::ParseError, scan_words(error));
    }
    let raw: &RawValue = match serde_json::from_str(text) {
        Ok(raw) => raw,
        Err(error) => return refused(ErrorCode::ParseError, syntax_words(&error)),
    };
    if !raw.get().starts_with('[') {
        return Frame::Single(request(raw.get(), limits));
    }
    match serde_json::from_str::<Vec<&RawValue>>(raw.get()) {
        Ok(batch) if batch.is_empty() => refused(ErrorCode::InvalidRequest, "the batch is empty".to_owned()),
        Ok(batch) if batch.len() > MAX_BATCH => {
            refused(ErrorCode::InvalidRequest, format!("the batch holds more than {MAX_BATCH} requests"))
        }
        Ok(batch) => Frame::Batch(batch.into_iter().map(|one| request(one.get(), limits)).collect()),
        Err(error) => refused(ErrorCode::ParseError, syntax_words(&error)),
    }
}

fn refused(code: ErrorCode, inner: String) -> Frame {
    Frame::Single(Err(Malformed { id: None, name: None, error: ApiError::new(code, inner) }))
}

fn scan_words(error: ScanError) -> String {
    match error {
        ScanError::TooDeep => format!("nested deeper than {MAX_DEPTH} levels"),
        ScanError::LoneSurrogate => "a string holds half of a surrogate pair".to_owned(),
    }
}

/// Tells the place only: serde_json's own words may quote the text.
fn syntax_words(error: &serde_json::Error) -> String {
    format!("not JSON at line {} column {}", error.line(), error.column())
}

/// The members of a request, undecoded; others are ignored, and of a repeated one the last counts.
#[derive(Default)]
struct Envelope<'a> {
    jsonrpc: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    params: Option<&'a RawValue>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

struct EnvelopeVisitor;

impl<'de> serde::de::Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            let value = Some(map.next_value::<&RawValue>()?);
            match &*key {
                "jsonrpc" => envelope.jsonrpc = value,
                "id" => envelope.id = value,
                "method" => envelope.method = value,
                "params" => envelope.params = value,
                _ => {}
            }
        }
        Ok(envelope)
    }
}

fn request(text: &str, limits: Limits) -> Parsed {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else {
        return Err(malformed(None, None, ErrorCode::InvalidRequest, "a request is a JSON object"));
    };
    let id = match RequestId::read(envelope.id) {
        Ok(id) => id,
        Err(what) => return Err(malformed(None, None, ErrorCode::InvalidRequest, what)),
    };
    let name = envelope.method.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    let Some(name) = name.map(Arc::<str>::from) else {
        return Err(malformed(Some(id), None, ErrorCode::InvalidRequest, "method is not a string"));
    };
    let echoed = (name.chars().nth(MAX_ECHOED_NAME).is_none()).then(|| name.clone());
    if envelope.jsonrpc.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()).as_deref()
        != Some("2.0")
    {
        return Err(malformed(Some(id), echoed, ErrorCode::InvalidRequest, "jsonrpc is not \"2.0\""));
    }
    let Some(method) = Method::from_name(&name) else {
        let inner = format!("there is no method {}", clipped(&name, MAX_ECHOED_NAME));
        return Err(malformed(Some(id), echoed, ErrorCode::MethodNotFound, inner));
    };
    let mut params = match Params::read(envelope.params.map(RawValue::get)) {
        Ok(params) => params,
        Err(what) => return Err(malformed(Some(id), Some(name), ErrorCode::InvalidParams, what)),
    };
    let reconnect = params.take(&["reconnect"]).and_then(|(_, value)| reconnect(value));
    let (dependencies, call) = match dependencies(&mut params) {
        Ok(dependencies) => (dependencies, Call::read(method, &mut params, limits)),
        Err(error) => (Vec::new(), Err(error)),
    };
    Ok(Request { id, name, method, call, dependencies, reconnect })
}

fn malformed(
    id: Option<RequestId>,
    name: Option<Arc<str>>,
    code: ErrorCode,
    inner: impl Into<String>,
) -> Malformed {
    Malformed { id, name, error: ApiError::new(code, inner) }
}

/// Anything but an empty text, `false`, `0` and null means yes.
fn reconnect(value: Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    let no = text.is_empty() || text == "0" || text.eq_ignore_ascii_case("false");
    (!no).then_some(text)
}

/// `dependencies` is a comma-delimited text; an array of ids is understood too.
fn dependencies(params: &mut Params) -> Result<Vec<String>, ApiError> {
    let Some((name, value)) = params.take(&["dependencies"]) else { return Ok(Vec::new()) };
    let ids: Vec<String> = match value {
        Value::String(text) => text.split(',').map(|id| id.trim().to_owned()).collect(),
        Value::Number(number) => vec![number.to_string()],
        Value::Array(values) => {
            values.iter().map(id_text).collect::<Option<_>>().ok_or_else(|| unlike_ids(name))?
        }
        _ => return Err(unlike_ids(name)),
    };
    Ok(ids.into_iter().filter(|id| !id.is_empty()).collect())
}

fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn unlike_ids(name: &str) -> ApiError {
    ApiError::invalid(name, "is not a list of request ids parted by commas")
}

#[cfg(test)]
mod tests;
