//! The state of a conference: who is in it, and where its parts are (RFC 4575, MS-CONFBAS).

mod description;
mod member;

pub use description::{ConfUri, Description, Organizer};
pub use member::{Endpoint, User};

use super::{BodyError, Element, xml};

/// The media type.
pub const TYPE: &str = "application/conference-info+xml";

pub(super) const NAMESPACE: &str = "urn:ietf:params:xml:ns:conference-info";
pub(super) const EXTENSIONS: &str = "http://schemas.microsoft.com/rtc/2005/08/confinfoextensions";

/// A conference, or what changed in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConferenceInfo {
    /// The focus.
    pub entity: String,
    /// Whether it is all or only what changed.
    pub state: Extent,
    /// Counts notifications; a gap means that something was missed.
    pub version: Option<u64>,
    /// What it is about.
    pub description: Option<Description>,
    /// Who is in it; `None` if nothing is said.
    pub users: Option<Users>,
    /// Its media servers.
    pub views: Vec<EntityView>,
}

/// The people of a conference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Users {
    /// Whether these are all.
    pub state: Extent,
    /// People.
    pub users: Vec<User>,
}

/// How much an element says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Extent {
    /// Everything: what is not there is not.
    #[default]
    Full,
    /// What changed.
    Partial,
    /// That it is gone.
    Deleted,
}

/// A media server's part of a conference.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntityView {
    /// Which one: an address, or a word such as `chat` when asking for it.
    pub entity: String,
    /// Whether nobody can come in any more.
    pub locked: Option<bool>,
    /// Its media (`chat`).
    pub media: Vec<String>,
}

impl ConferenceInfo {
    /// # Errors
    /// What is no such document, or a version that is no number.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        Self::from_element(&xml::parse(body)?.root("conference-info")?)
    }

    pub(super) fn from_element(root: &Element) -> Result<Self, BodyError> {
        let users = |users: &Element| {
            let all = users.all("user").map(User::from_element).collect::<Result<_, _>>()?;
            Ok(Users { state: Extent::of(users), users: all })
        };
        let views = root.all("conference-view").flat_map(|view| view.all("entity-view"));
        Ok(Self {
            entity: root.attribute("entity").unwrap_or_default().to_owned(),
            state: Extent::of(root),
            version: root.number("version")?,
            description: root.first("conference-description").map(Description::from_element),
            users: root.first("users").map(users).transpose()?,
            views: views.map(EntityView::from_element).collect(),
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        self.to_element("").write()
    }

    /// With a prefix such as `ci:` for what the RFC defines.
    pub(super) fn to_element(&self, prefix: &str) -> Element {
        let name = |name: &str| format!("{prefix}{name}");
        let namespace =
            prefix.strip_suffix(':').map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
        let users = self.users.as_ref().map(|users| {
            let all = users.users.iter().map(|user| user.to_element(prefix));
            users.state.write_into(Element::new(&name("users"))).children(all)
        });
        let views = self.views.iter().map(EntityView::to_element);
        let views = (!self.views.is_empty()).then(|| Element::new("msci:conference-view").children(views));
        let root = Element::new(&name("conference-info"))
            .with(&namespace, NAMESPACE)
            .with("xmlns:msci", EXTENSIONS)
            .with("entity", &self.entity);
        self.state
            .write_into(root)
            .with_some("version", self.version)
            .children(self.description.as_ref().map(|description| description.to_element(prefix)))
            .children(users)
            .children(views)
    }

    /// The address of the media server for a purpose such as `chat`.
    #[must_use]
    pub fn address(&self, purpose: &str) -> Option<&str> {
        let uris = &self.description.as_ref()?.uris;
        uris.iter().find(|uri| uri.purpose.as_deref() == Some(purpose)).map(|uri| uri.uri.as_str())
    }

    /// Takes over a later notification. Says `false` if one was missed: ask for everything then; nothing has changed.
    #[must_use]
    pub fn apply(&mut self, later: Self) -> bool {
        if later.state == Extent::Full {
            *self = later;
            return true;
        }
        if let (Some(mine), Some(theirs)) = (self.version, later.version) {
            if theirs <= mine {
                return true;
            }
            if theirs != mine.saturating_add(1) {
                return false;
            }
        }
        self.version = later.version.or(self.version);
        if later.state == Extent::Deleted {
            self.state = Extent::Deleted;
            return true;
        }
        if let Some(description) = later.description {
            self.description.get_or_insert_default().merge(description);
        }
        if let Some(users) = later.users {
            self.users.get_or_insert_default().merge(users);
        }
        for view in later.views {
            self.views.retain(|mine| mine.entity != view.entity);
            self.views.push(view);
        }
        true
    }

    /// The people who take part by messages: connected to the medium `chat`.
    pub fn talkers(&self) -> impl Iterator<Item = &User> {
        self.users.iter().flat_map(|users| &users.users).filter(|user| user.is_in("chat"))
    }
}

impl Users {
    fn merge(&mut self, later: Self) {
        if later.state == Extent::Full {
            self.users = later.users;
            self.users.retain(|user| user.state != Extent::Deleted);
            return;
        }
        for user in later.users {
            let mine = self.users.iter_mut().find(|mine| mine.entity.eq_ignore_ascii_case(&user.entity));
            match (user.state, mine) {
                (Extent::Deleted, _) => {
                    self.users.retain(|mine| !mine.entity.eq_ignore_ascii_case(&user.entity))
                }
                (Extent::Partial, Some(mine)) => mine.merge(user),
                (Extent::Full, Some(mine)) => *mine = user,
                (_, None) => self.users.push(user),
            }
        }
    }
}

impl Extent {
    fn of(element: &Element) -> Self {
        match element.attribute("state") {
            Some("partial") => Self::Partial,
            Some("deleted") => Self::Deleted,
            _ => Self::Full,
        }
    }

    /// What is full need not say so.
    fn write_into(self, element: Element) -> Element {
        match self {
            Self::Full => element,
            Self::Partial => element.with("state", "partial"),
            Self::Deleted => element.with("state", "deleted"),
        }
    }
}

impl EntityView {
    fn from_element(element: &Element) -> Self {
        let state = element.first("entity-state");
        let media = state.and_then(|state| state.first("media"));
        let kind = |entry: &Element| {
            entry.value("type").or_else(|| entry.attribute("label").map(|label| label.trim().to_owned()))
        };
        Self {
            entity: element.attribute("entity").unwrap_or_default().to_owned(),
            locked: state.and_then(|state| state.value("locked")).and_then(|text| xml::flag(&text)),
            media: media
                .iter()
                .flat_map(|media| media.all("entry"))
                .filter_map(kind)
                .filter(|kind| !kind.is_empty())
                .collect(),
        }
    }

    fn to_element(&self) -> Element {
        let entry = |kind: &String| Element::new("entry").with("label", kind).leaf("type", kind);
        let media = (!self.media.is_empty())
            .then(|| Element::new("msci:media").children(self.media.iter().map(entry)));
        let state = (self.locked.is_some() || media.is_some())
            .then(|| Element::new("msci:entity-state").leaf_some("msci:locked", self.locked).children(media));
        Element::new("msci:entity-view").with("entity", &self.entity).children(state)
    }
}
