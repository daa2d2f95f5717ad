//! Categories of presence (MS-PRES): one document for what others publish, and for what one has published oneself.

mod card;
mod device;
mod note;
mod state;

use jiff::Timestamp;

pub use card::{ContactCard, Phone, Photo};
pub use device::{Capability, Device};
pub use note::{Note, NoteKind};
pub use state::{Activity, Availability, State, StateKind, token};

use super::{
    BodyError, Element,
    scalar::{moment, to_millisecond},
    xml,
};

/// The media type of [`Categories`].
pub const TYPE: &str = "application/msrtc-event-categories+xml";

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/categories";

/// What one user shows, category by category. What is not named has not changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Categories {
    /// Whose presence it is.
    pub uri: String,
    /// Instances in the document's order.
    pub categories: Vec<Category>,
}

/// One instance of a category; without instance and content it says that there is none any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Category {
    /// The category's name: `state`, `note`, `contactCard`, `device` or another.
    pub name: String,
    /// The number of the instance, see [`super::publication::instance`].
    pub instance: Option<u32>,
    /// The container, in one's own publications only.
    pub container: Option<u32>,
    /// The version, in one's own publications only.
    pub version: Option<u64>,
    /// When it was published; of several notes the newest counts.
    pub published: Option<Timestamp>,
    /// How long it lasts, in one's own publications only.
    pub expires: Option<ExpireType>,
    /// The UUID of the endpoint that published it, as it was spelt.
    pub endpoint: Option<String>,
    /// What is shown.
    pub content: Content,
}

/// How long a publication lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExpireType {
    /// Until its endpoint unregisters.
    Endpoint,
    /// Until the user's last endpoint unregisters.
    User,
    /// Until it is deleted.
    Static,
    /// For so many seconds.
    Time,
}

/// What an instance holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Content {
    /// Nothing: withdrawn or deleted.
    #[default]
    Absent,
    /// Availability and activity.
    State(State),
    /// A personal or an out-of-office note.
    Note(Note),
    /// Name, telephones and photo.
    ContactCard(Box<ContactCard>),
    /// A device that the user is signed in with.
    Device(Device),
    /// Anything else, or one of the above in a form that no one knows.
    Other(Element),
}

/// What a document says about one category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// Nothing: what was known stays true.
    Unchanged,
    /// There is none any more.
    Withdrawn,
    /// These instances, and no others.
    Replaced(Vec<&'a Category>),
}

impl Categories {
    /// # Errors
    /// What is no such document.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        Self::from_element(&xml::parse(body)?.root("categories")?)
    }

    pub(crate) fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            uri: element.attribute("uri").unwrap_or_default().trim().to_owned(),
            categories: element.all("category").map(Category::from_element).collect::<Result<_, _>>()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        self.to_element().write()
    }

    pub(crate) fn to_element(&self) -> Element {
        Element::new("categories")
            .with("xmlns", NAMESPACE)
            .with("uri", &self.uri)
            .children(self.categories.iter().map(Category::to_element))
    }

    /// What the document says about a category.
    #[must_use]
    pub fn change(&self, name: &str) -> Change<'_> {
        let mut named = self.categories.iter().filter(|category| category.name == name).peekable();
        if named.peek().is_none() {
            return Change::Unchanged;
        }
        let held: Vec<_> = named.filter(|category| category.content != Content::Absent).collect();
        if held.is_empty() { Change::Withdrawn } else { Change::Replaced(held) }
    }

    /// The state that others see: the aggregate one, or the first if none is marked so.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        let states = || self.categories.iter().filter_map(|category| category.content.state());
        states().find(|state| state.kind == StateKind::Aggregate).or_else(|| states().next())
    }

    /// The newest note of those in the document; `None` also if the newest is empty.
    #[must_use]
    pub fn note(&self) -> Option<&Note> {
        let notes = self.categories.iter().filter_map(|category| match &category.content {
            Content::Note(note) => Some((category.published, note)),
            _ => None,
        });
        notes
            .max_by_key(|(published, _)| *published)
            .map(|(_, note)| note)
            .filter(|note| !note.text.is_empty())
    }
}

impl Category {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            name: element.need_attribute("name")?.to_owned(),
            instance: element.number("instance")?,
            container: element.number("container")?,
            version: element.number("version")?,
            published: element.attribute("publishTime").and_then(moment),
            expires: element.attribute("expireType").and_then(ExpireType::read),
            endpoint: element.attribute("endpointId").map(str::to_owned),
            content: Content::from_parent(element),
        })
    }

    fn to_element(&self) -> Element {
        Element::new("category")
            .with("name", &self.name)
            .with_some("instance", self.instance)
            .with_some("publishTime", self.published.map(to_millisecond))
            .with_some("container", self.container)
            .with_some("version", self.version)
            .with_some("expireType", self.expires.map(ExpireType::as_str))
            .with_some("endpointId", self.endpoint.as_ref())
            .children(self.content.to_element())
    }
}

impl ExpireType {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::User => "user",
            Self::Static => "static",
            Self::Time => "time",
        }
    }

    pub(crate) fn read(word: &str) -> Option<Self> {
        [Self::Endpoint, Self::User, Self::Static, Self::Time].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl Content {
    /// The first element inside `parent`, typed if it can be: one odd document must not hide all others.
    pub(crate) fn from_parent(parent: &Element) -> Self {
        let Some(element) = parent.elements().next() else { return Self::Absent };
        match element.local() {
            "state" => State::from_element(element).map(Self::State),
            "note" => Ok(Self::Note(Note::from_element(element))),
            "contactCard" => Ok(Self::ContactCard(Box::new(ContactCard::from_element(element)))),
            "device" => Ok(Self::Device(Device::from_element(element))),
            _ => Ok(Self::Other(element.clone())),
        }
        .unwrap_or_else(|_| Self::Other(element.clone()))
    }

    pub(crate) fn to_element(&self) -> Option<Element> {
        match self {
            Self::Absent => None,
            Self::State(state) => Some(state.to_element()),
            Self::Note(note) => Some(note.to_element()),
            Self::ContactCard(card) => Some(card.to_element()),
            Self::Device(device) => Some(device.to_element()),
            Self::Other(element) => Some(element.clone()),
        }
    }

    /// The state, if it is one.
    #[must_use]
    pub const fn state(&self) -> Option<&State> {
        match self {
            Self::State(state) => Some(state),
            _ => None,
        }
    }
}
