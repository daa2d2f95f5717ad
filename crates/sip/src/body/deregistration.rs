//! What ends a registration from the server's side (MS-SIPREGE).

use super::{BodyCode, BodyError};

/// The media type.
pub const TYPE: &str = "text/registration-event";

/// Why an endpoint is registered no more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Deregistration {
    /// It was replaced, or its keep-alives stopped.
    Unregistered,
    /// The user may not sign in any more.
    Rejected,
    /// The user moved, or the server is about to stop: register again.
    Deactivated,
    /// A word that is none of these.
    Other(String),
}

impl Deregistration {
    /// # Errors
    /// What does not say `deregistered` and why.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let head = &body[..body.len().min(1_024)];
        let text = std::str::from_utf8(head)
            .map_err(|error| BodyError::new(BodyCode::NotUtf8, "body", error.valid_up_to(), "UTF-8"))?;
        let mut fields = text.trim().split(';').map(str::trim);
        if !fields.next().is_some_and(|state| state.eq_ignore_ascii_case("deregistered")) {
            return Err(BodyError::new(BodyCode::BadValue, "registration", 0, "deregistered"));
        }
        let event = fields.find_map(|field| {
            let (key, value) = field.split_once('=')?;
            key.trim().eq_ignore_ascii_case("event").then_some(value.trim())
        });
        let event = event.filter(|event| !event.is_empty());
        let event = event.ok_or_else(|| BodyError::new(BodyCode::Missing, "registration", 0, "event="))?;
        Ok(match event.to_ascii_lowercase().as_str() {
            "unregistered" => Self::Unregistered,
            "rejected" => Self::Rejected,
            "deactivated" => Self::Deactivated,
            other => Self::Other(other.to_owned()),
        })
    }

    /// The text.
    #[must_use]
    pub fn write(&self) -> String {
        let event = match self {
            Self::Unregistered => "unregistered",
            Self::Rejected => "rejected",
            Self::Deactivated => "deactivated",
            Self::Other(word) => word,
        };
        format!("deregistered;event={event}")
    }
}
