//! Presence of those beyond the dialect: open or closed (RFC 3863).

use super::{BodyError, Element, xml};

/// The media type.
pub const TYPE: &str = "application/pidf+xml";

const NAMESPACE: &str = "urn:ietf:params:xml:ns:pidf";

/// Whether somebody can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pidf {
    /// Who.
    pub entity: String,
    /// Whether any address of theirs is open; `None` if nothing is said.
    pub open: Option<bool>,
    /// A note.
    pub note: Option<String>,
}

impl Pidf {
    /// # Errors
    /// What is no such document.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("presence")?;
        let basics = root.all("tuple").filter_map(|tuple| tuple.at(&["status"])?.value("basic"));
        let basics: Vec<_> = basics.map(|basic| basic.eq_ignore_ascii_case("open")).collect();
        let notes = root.value("note").or_else(|| root.all("tuple").find_map(|tuple| tuple.value("note")));
        Ok(Self {
            entity: root.need_attribute("entity")?.to_owned(),
            open: (!basics.is_empty()).then(|| basics.contains(&true)),
            note: notes,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let basic = self.open.map(|open| if open { "open" } else { "closed" });
        let tuple = basic.map(|basic| {
            let status = Element::new("status").leaf("basic", basic);
            Element::new("tuple").with("id", "0").child(status)
        });
        Element::new("presence")
            .with("xmlns", NAMESPACE)
            .with("entity", &self.entity)
            .children(tuple)
            .leaf_some("note", self.note.as_ref())
            .write()
    }
}
