//! What became of a message in a conference (`imdn`).

use super::{BodyError, Element, xml};

/// The media type.
pub const TYPE: &str = "application/ms-imdn+xml";

const NAMESPACE: &str = "urn:ietf:params:xml:ns:imdn";

/// A report on one message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// What the conference called the message in its answer to it (`Message-Id`).
    pub message: String,
    /// What became of it for each recipient.
    pub recipients: Vec<Recipient>,
}

/// What became of a message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipient {
    /// Who, without angle brackets.
    pub uri: String,
    /// A status of SIP; from 300 on it was not delivered.
    pub status: u16,
}

impl Recipient {
    /// Whether the message did not arrive.
    #[must_use]
    pub const fn failed(&self) -> bool {
        self.status >= 300
    }
}

impl Delivery {
    /// # Errors
    /// What is no such document, or a status that is no number.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("imdn")?;
        let recipient = |element: &Element| {
            let uri = element.need_attribute("uri")?.trim();
            let inner = uri.strip_prefix('<').and_then(|uri| uri.strip_suffix('>'));
            element.need_value("status")?;
            let status = element.child_number("status")?.unwrap_or_default();
            Ok(Recipient { uri: inner.unwrap_or(uri).trim().to_owned(), status })
        };
        Ok(Self {
            message: root.need_value("message-id")?,
            recipients: root.all("recipient").map(recipient).collect::<Result<_, _>>()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let recipient = |recipient: &Recipient| {
            let uri = format!("<{}>", recipient.uri);
            Element::new("recipient").with("uri", uri).leaf("status", recipient.status)
        };
        Element::new("imdn")
            .with("xmlns", NAMESPACE)
            .leaf("message-id", &self.message)
            .children(self.recipients.iter().map(recipient))
            .write()
    }
}
