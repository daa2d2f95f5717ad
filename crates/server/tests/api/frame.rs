//! One frame from the relay, exactly as it came, and the envelope's law.

use serde_json::Value;

/// Which of the three kinds of frames (connect-api 2.2, 2.3, 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first phase, or the only one.
    Early,
    /// The second phase.
    Late,
    /// Something unasked.
    Event,
}

/// A frame that keeps the law of its kind.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    json: Value,
}

/// What an answer says when it is no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: i64,
    pub(crate) inner: String,
    /// In which phase it came.
    pub(crate) kind: Kind,
}

impl Frame {
    /// Reads a frame and holds it against the law of its kind.
    pub(crate) fn read(text: String) -> Self {
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let kind = match (json.get("sequence"), json.get("error")) {
            (None, _) => Kind::Early,
            (Some(_), Some(Value::Null)) => Kind::Event,
            (Some(_), _) => Kind::Late,
        };
        let frame = Self { kind, text, json };
        frame.check();
        frame
    }

    fn check(&self) {
        let Self { kind, text, json } = self;
        assert_eq!(json["jsonrpc"], "2.0", "{text}");
        assert!(json.get("id").is_some(), "no id: {text}");
        match kind {
            Kind::Early => {
                assert!(json["background"].is_boolean(), "phase 1 tells the background flag: {text}");
                assert!(json.get("error").is_some(), "phase 1 has `error`, null or not: {text}");
            }
            Kind::Late => assert!(json.get("background").is_none(), "phase 2 has no background: {text}"),
            Kind::Event => assert!(self.event_number().is_some(), "an event's id is S<number>: {text}"),
        }
        match json.get("error").filter(|error| !error.is_null()) {
            Some(error) => check_error(error, text),
            None => assert!(json["result"]["data"]["method"].is_string(), "no method: {text}"),
        }
        if let Some(sequence) = json.get("sequence") {
            let sequence = sequence.as_i64().unwrap_or_else(|| panic!("sequence is a whole number: {text}"));
            assert_eq!(sequence.to_string().len(), 16, "{text}");
            assert!(sequence < 1 << 53, "a double must hold it: {text}");
        }
        crate::contract::check(self, json);
    }

    pub(crate) fn id(&self) -> &Value {
        &self.json["id"]
    }

    pub(crate) fn answers(&self, id: &str) -> bool {
        self.kind != Kind::Event && self.json["id"] == id
    }

    pub(crate) fn sequence(&self) -> i64 {
        self.json["sequence"].as_i64().unwrap_or_else(|| panic!("no sequence: {}", self.text))
    }

    pub(crate) fn event_number(&self) -> Option<u64> {
        self.json["id"].as_str()?.strip_prefix('S')?.parse().ok()
    }

    /// The `data` object; null when there is none.
    pub(crate) fn data(&self) -> &Value {
        &self.json["result"]["data"]
    }

    pub(crate) fn member(&self, name: &str) -> &Value {
        &self.json[name]
    }

    /// `data`, or why not.
    pub(crate) fn outcome(&self) -> Result<Value, Refused> {
        let error = &self.json["error"];
        if error.is_null() {
            return Ok(self.data().clone());
        }
        let inner = error["innerError"].as_str().unwrap_or_default().to_owned();
        Err(Refused { code: error["code"].as_i64().unwrap_or_default(), inner, kind: self.kind })
    }

    /// Whether nothing more follows under this id.
    pub(crate) fn is_final(&self) -> bool {
        let data = self.data();
        self.kind == Kind::Late
            || !self.json["error"].is_null()
            || (data["state"] == "COMPLETE" && data["method"] != "TerminateSession")
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn check_error(error: &Value, text: &str) {
    assert!(error["code"].is_i64(), "{text}");
    let name = error["message"].as_str().unwrap_or_default();
    assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'), "{text}");
    assert_eq!(error["name"], error["message"], "{text}");
    assert_eq!(error["data"]["innerError"], error["innerError"], "{text}");
    assert!(!error["innerError"].as_str().unwrap_or_default().is_empty(), "no plain words: {text}");
}
