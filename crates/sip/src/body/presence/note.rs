use crate::body::Element;

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/note";

/// What a user wants others to know; the text is empty if there is nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// Whose words they are.
    pub kind: NoteKind,
    /// The text, without white space around it.
    pub text: String,
}

/// Notes are what people wrote: not shown.
impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Note({:?}, {} bytes)", self.kind, self.text.len())
    }
}

/// Where a note comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum NoteKind {
    /// The user's own.
    #[default]
    Personal,
    /// The mail server's, while out of office.
    OutOfOffice,
}

impl Note {
    pub(super) fn from_element(element: &Element) -> Self {
        let Some(body) = element.first("body") else { return Self::default() };
        let text = body.content().trim().to_owned();
        if text.is_empty() {
            return Self::default();
        }
        let away = body.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("OOF"));
        Self { kind: if away { NoteKind::OutOfOffice } else { NoteKind::Personal }, text }
    }

    pub(super) fn to_element(&self) -> Element {
        let note = Element::new("note").with("xmlns", NAMESPACE);
        if self.text.is_empty() {
            return note;
        }
        let kind = match self.kind {
            NoteKind::Personal => "personal",
            NoteKind::OutOfOffice => "OOF",
        };
        note.child(Element::new("body").with("type", kind).with("uri", "").text(&self.text))
    }
}
