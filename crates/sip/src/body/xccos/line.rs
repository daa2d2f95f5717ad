use jiff::Timestamp;

use crate::body::{
    BodyError, Element,
    scalar::{moment, to_millisecond},
    text::links_to_text,
};

/// A line of chat in a room, live or out of its history.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// The room.
    pub room: String,
    /// Who said it.
    pub author: String,
    /// The author's name, from servers only.
    pub author_name: Option<String>,
    /// Its number in the room, from servers only.
    pub id: Option<String>,
    /// When it was said.
    pub at: Option<Timestamp>,
    /// Whether it is important.
    pub alert: bool,
    /// Its text, as it stands.
    pub text: String,
    /// The same with formats, as RTF.
    pub rtf: Option<String>,
}

/// What people say is not shown.
impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({}, {}, {:?}, {} bytes)", self.room, self.author, self.id, self.text.len())
    }
}

impl Line {
    /// The text with the links in it, which are kept as HTML, as text: their words and, for the web, their address.
    #[must_use]
    pub fn shown(&self) -> String {
        links_to_text(&self.text)
    }

    pub(super) fn from_element(element: &Element) -> Result<Self, BodyError> {
        let text = |name| element.attribute(name).map(str::to_owned);
        Ok(Self {
            room: element.need_attribute("chanUri")?.to_owned(),
            author: element.need_attribute("author")?.to_owned(),
            author_name: text("authdisp"),
            id: text("chatId"),
            at: element.attribute("ts").and_then(moment),
            alert: element.flag("alert").unwrap_or(false),
            text: element.first("chat").map(Element::content).unwrap_or_default(),
            rtf: element.first("rtf").map(Element::content).filter(|rtf| !rtf.is_empty()),
        })
    }

    /// As `grpchat`, or as `msg` of a history.
    pub(super) fn to_element(&self, name: &str) -> Element {
        let line = Element::new(name).with("id", "grpchat");
        let line = if name == "msg" { line } else { line.with("seqid", 1) };
        line.with("chanUri", &self.room)
            .with("author", &self.author)
            .with_some("authdisp", self.author_name.as_ref())
            .with_some("alert", self.alert.then_some(true))
            .with_some("chatId", self.id.as_ref())
            .with_some("ts", self.at.map(to_millisecond))
            .leaf("chat", &self.text)
            .leaf_some("rtf", self.rtf.as_ref())
    }
}
