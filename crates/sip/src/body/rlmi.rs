//! Presence of many in one notification: a list and the documents that it points to (RFC 4662).

use super::{
    BodyCode, BodyError, Categories, Element, MediaType,
    multipart::{Multipart, Part},
    pidf::{self, Pidf},
    presence, xml,
};

/// The media type of the list alone.
pub const TYPE: &str = "application/rlmi+xml";

const NAMESPACE: &str = "urn:ietf:params:xml:ns:rlmi";
const ROOT: &str = "resourceList";

/// Who is on a list, and how things stand with each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    /// Whose list.
    pub uri: String,
    /// Counts notifications.
    pub version: u64,
    /// Whether everybody is named.
    pub full: bool,
    /// Users.
    pub resources: Vec<ListResource>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListResource {
    /// Who.
    pub uri: String,
    /// How the subscription stands; usually one.
    pub instances: Vec<Instance>,
}

/// A subscription to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its identifier.
    pub id: String,
    /// How it stands.
    pub state: InstanceState,
    /// The part with the presence.
    pub cid: Option<String>,
}

/// How a subscription to one user stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceState {
    /// It goes on.
    Active,
    /// Somebody has still to consent.
    Pending,
    /// It is over.
    Terminated {
        /// Why, in a word such as `noresource`.
        reason: Option<String>,
    },
    /// The user lives elsewhere: subscribe there.
    Resubscribe {
        /// The address of that pool; without it, the user's own.
        pool: Option<String>,
    },
    /// A word that is none of these.
    Other(String),
}

/// A notification of presence, in any of its forms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notification {
    /// The list, if there is one.
    pub list: Option<List>,
    /// Presence of single users, and what it could not read as such.
    pub documents: Vec<Document>,
}

/// Presence of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Category by category.
    Categories(Categories),
    /// Open or closed.
    Pidf(Pidf),
    /// A part of a list that cannot be read: the others still count.
    Unreadable(BodyError),
}

impl List {
    /// # Errors
    /// What is no such document, or a version that is no number.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("list")?;
        Ok(Self {
            uri: root.attribute("uri").unwrap_or_default().to_owned(),
            version: root.number("version")?.unwrap_or(0),
            full: root.flag("fullState").unwrap_or(false),
            resources: root.all("resource").map(ListResource::from_element).collect::<Result<_, _>>()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        Element::new("list")
            .with("xmlns", NAMESPACE)
            .with("uri", &self.uri)
            .with("version", self.version)
            .with("fullState", self.full)
            .children(self.resources.iter().map(ListResource::to_element))
            .write()
    }
}

impl ListResource {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            uri: element.need_attribute("uri")?.to_owned(),
            instances: element.all("instance").map(Instance::from_element).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        let instances = self.instances.iter().map(Instance::to_element);
        Element::new("resource").with("uri", &self.uri).children(instances)
    }
}

impl Instance {
    /// A subscription that goes on, with its presence in the part `cid`.
    #[must_use]
    pub fn active(cid: &str) -> Self {
        Self { id: "0".to_owned(), state: InstanceState::Active, cid: Some(cid.to_owned()) }
    }

    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let text = |name| element.attribute(name).map(str::to_owned);
        let state = match element.need_attribute("state")? {
            "active" => InstanceState::Active,
            "pending" => InstanceState::Pending,
            "terminated" => InstanceState::Terminated { reason: text("reason") },
            "resubscribe" => InstanceState::Resubscribe { pool: text("poolFqdn") },
            other => InstanceState::Other(other.to_owned()),
        };
        Ok(Self { id: text("id").unwrap_or_default(), state, cid: text("cid") })
    }

    fn to_element(&self) -> Element {
        let (state, reason, pool) = match &self.state {
            InstanceState::Active => ("active", None, None),
            InstanceState::Pending => ("pending", None, None),
            InstanceState::Terminated { reason } => ("terminated", reason.as_ref(), None),
            InstanceState::Resubscribe { pool } => ("resubscribe", None, pool.as_ref()),
            InstanceState::Other(word) => (word.as_str(), None, None),
        };
        Element::new("instance")
            .with("id", &self.id)
            .with("state", state)
            .with_some("reason", reason)
            .with_some("poolFqdn", pool)
            .with_some("cid", self.cid.as_ref())
    }
}

impl Notification {
    /// A list of those whose presence is there, with what points to it, and of `others` without any.
    #[must_use]
    pub fn listing(uri: &str, version: u64, documents: Vec<Document>, others: Vec<ListResource>) -> Self {
        let shown = documents.iter().map(|document| {
            let instances = vec![Instance::active(part_id(document.uri()))];
            ListResource { uri: document.uri().to_owned(), instances }
        });
        let resources = shown.chain(others).collect();
        Self { list: Some(List { uri: uri.to_owned(), version, full: false, resources }), documents }
    }

    /// Reads a multipart of a list, or a document alone.
    ///
    /// # Errors
    /// A type that is none of these, or a document alone or a list that cannot be read.
    pub fn read(media: &MediaType, body: &[u8]) -> Result<Self, BodyError> {
        if !media.kind.starts_with("multipart/") {
            return Self::read_single(media, body);
        }
        let mut read = Self::default();
        for part in Multipart::read(media, body)?.parts {
            if part.media.is(TYPE) {
                read.list = Some(List::read(&part.body)?);
            } else if is_presence(&part.media) {
                let document = Document::read(&part.media, &part.body);
                read.documents.push(document.unwrap_or_else(Document::Unreadable));
            }
        }
        Ok(read)
    }

    fn read_single(media: &MediaType, body: &[u8]) -> Result<Self, BodyError> {
        if media.is(TYPE) {
            return Ok(Self { list: Some(List::read(body)?), documents: Vec::new() });
        }
        Ok(Self { list: None, documents: vec![Document::read(media, body)?] })
    }

    /// The body and its type. Documents get identifiers by their users, as
    /// [`Notification::listing`] points to them.
    #[must_use]
    pub fn write(&self) -> (MediaType, Vec<u8>) {
        let readable = |document: &&Document| !matches!(document, Document::Unreadable(_));
        let documents: Vec<_> = self.documents.iter().filter(readable).collect();
        let list = match (&self.list, documents.as_slice()) {
            (None, [document]) => return (MediaType::new(document.media()), document.write().into_bytes()),
            (None, _) => &List::default(),
            (Some(list), _) => list,
        };
        let root = Part::new(MediaType::new(TYPE), list.write()).identified(ROOT);
        let others = documents.into_iter().map(|document| {
            let id = part_id(document.uri());
            Part::new(MediaType::new(document.media()), document.write()).identified(id)
        });
        let multipart = Multipart { parts: std::iter::once(root).chain(others).collect() };
        let boundary = multipart.boundary("resp");
        let media = MediaType::new("multipart/related")
            .with("type", TYPE)
            .with("start", ROOT)
            .with("boundary", &boundary);
        (media, multipart.write(&boundary, true))
    }
}

fn part_id(uri: &str) -> &str {
    uri.strip_prefix("sip:").unwrap_or(uri)
}

fn is_presence(media: &MediaType) -> bool {
    media.is(presence::TYPE) || media.is(pidf::TYPE)
}

impl Document {
    fn read(media: &MediaType, body: &[u8]) -> Result<Self, BodyError> {
        if media.is(presence::TYPE) {
            return Categories::read(body).map(Self::Categories);
        }
        if media.is(pidf::TYPE) {
            return Pidf::read(body).map(Self::Pidf);
        }
        Err(BodyError::new(BodyCode::WrongType, &media.kind, 0, "categories, pidf or a list"))
    }

    /// Whose presence it is; empty if unreadable.
    #[must_use]
    pub fn uri(&self) -> &str {
        match self {
            Self::Categories(categories) => &categories.uri,
            Self::Pidf(pidf) => &pidf.entity,
            Self::Unreadable(_) => "",
        }
    }

    const fn media(&self) -> &'static str {
        match self {
            Self::Categories(_) | Self::Unreadable(_) => presence::TYPE,
            Self::Pidf(_) => pidf::TYPE,
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Categories(categories) => categories.write(),
            Self::Pidf(pidf) => pidf.write(),
            Self::Unreadable(_) => String::new(),
        }
    }
}
