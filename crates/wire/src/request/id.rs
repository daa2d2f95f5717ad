use std::{fmt, sync::Arc};

use serde_json::value::RawValue;

/// Longest request id, in bytes of its key.
const MAX_BYTES: usize = 255;

/// A request's id: a string or a number, echoed byte for byte; cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId {
    raw: Arc<str>,
    /// Absent when the key is a part of `raw`.
    unescaped: Option<Arc<str>>,
}

impl RequestId {
    /// The string itself, or the number's text: what `dependencies` name.
    pub fn key(&self) -> &str {
        match &self.unescaped {
            Some(key) => key,
            None => self.raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&self.raw),
        }
    }

    /// The JSON text as the phone wrote it.
    pub fn raw(&self) -> &str {
        &self.raw
    }

    /// From an envelope's member; the error is plain words.
    pub(super) fn read(raw: Option<&RawValue>) -> Result<Self, &'static str> {
        let raw = raw.map(RawValue::get).filter(|raw| *raw != "null").ok_or("id is missing")?;
        let unescaped = match raw.as_bytes().first() {
            Some(b'"') => string_key(raw)?,
            Some(b'-' | b'0'..=b'9') => None,
            _ => return Err("id is neither a string nor a number"),
        };
        let id = Self { raw: raw.into(), unescaped };
        if id.key().len() > MAX_BYTES { Err("id is longer than 255 bytes") } else { Ok(id) }
    }
}

fn string_key(raw: &str) -> Result<Option<Arc<str>>, &'static str> {
    if !raw.contains('\\') {
        return Ok(None);
    }
    let key: String = serde_json::from_str(raw).map_err(|_| "id is not a string that can be read")?;
    Ok(Some(key.into()))
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.raw)
    }
}
