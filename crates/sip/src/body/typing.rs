//! Whether somebody types: the dialect's own form and that of RFC 3994.

use super::{BodyCode, BodyError, Element, xml};

/// The media type of [`Typing::write_keyboard`].
pub const KEYBOARD_TYPE: &str = "application/xml";
/// The media type of [`Typing::write_composing`].
pub const COMPOSING_TYPE: &str = "application/im-iscomposing+xml";

const COMPOSING: &str = "urn:ietf:params:xml:ns:im-iscomposing";

/// Whether somebody types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typing {
    /// Whether, or not any more.
    pub active: bool,
    /// Seconds for which it holds without another word, if it says so.
    pub refresh: Option<u32>,
}

impl Typing {
    /// Reads either form by its root.
    ///
    /// # Errors
    /// What is neither document, or says neither yes nor no.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?;
        if root.local() == "isComposing" {
            let active = match root.need_value("state")?.as_str() {
                "active" => true,
                "idle" => false,
                _ => {
                    return Err(BodyError::new(BodyCode::BadValue, "state", root.offset(), "active or idle"));
                }
            };
            return Ok(Self { active, refresh: root.child_number("refresh").unwrap_or_default() });
        }
        let root = root.root("KeyboardActivity")?;
        let status = root.need("status")?;
        match status.need_attribute("status")? {
            "type" => Ok(Self { active: true, refresh: None }),
            "idle" => Ok(Self { active: false, refresh: None }),
            _ => Err(BodyError::new(BodyCode::BadValue, "status", status.offset(), "type or idle")),
        }
    }

    /// The dialect's own form.
    #[must_use]
    pub fn write_keyboard(&self) -> String {
        let status = Element::new("status").with("status", if self.active { "type" } else { "idle" });
        format!("<?xml version=\"1.0\"?>{}", Element::new("KeyboardActivity").child(status).write())
    }

    /// The form of RFC 3994, for partners.
    #[must_use]
    pub fn write_composing(&self) -> String {
        Element::new("isComposing")
            .with("xmlns", COMPOSING)
            .leaf("state", if self.active { "active" } else { "idle" })
            .leaf("contenttype", "text/plain")
            .leaf_some("refresh", self.refresh)
            .write()
    }
}
