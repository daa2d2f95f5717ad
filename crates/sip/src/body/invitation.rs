//! Inviting somebody to a conference.

use super::{BodyError, Element, xml};

/// The media type.
pub const TYPE: &str = "application/ms-conf-invite+xml";

/// An invitation: who accepts it joins the focus.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ConferenceInvitation {
    /// The focus.
    pub focus: String,
    /// What it is about.
    pub subject: Option<String>,
    /// The conversation that grew into a conference.
    pub conversation: Option<String>,
    /// Whether it has messages; `None` if it does not say.
    pub im: Option<bool>,
    /// Whether it has sound.
    pub audio: Option<bool>,
}

/// Subjects are what people wrote: not shown.
impl std::fmt::Debug for ConferenceInvitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConferenceInvitation({})", self.focus)
    }
}

impl ConferenceInvitation {
    /// # Errors
    /// What is no such document, or names no focus.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("Conferencing")?;
        let available = |medium: &str| root.first(medium).and_then(|medium| medium.flag("available"));
        Ok(Self {
            focus: root.need_value("focus-uri")?,
            subject: root.value("subject"),
            conversation: root.value("conversation-id"),
            im: available("im"),
            audio: available("audio"),
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let im = self.im.map(|im| {
            let first = im.then(|| Element::new("first-im"));
            Element::new("im").with("available", im).children(first)
        });
        let audio = self.audio.map(|audio| Element::new("audio").with("available", audio));
        Element::new("Conferencing")
            .with("version", "2.0")
            .leaf("focus-uri", &self.focus)
            .child(Element::new("subject").text(self.subject.as_deref().unwrap_or_default()))
            .children(im)
            .children(audio)
            .leaf_some("conversation-id", self.conversation.as_ref())
            .write()
    }
}
