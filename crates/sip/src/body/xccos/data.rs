use std::fmt;

use super::Line;
use crate::body::{BodyCode, BodyError, Element, xml};

/// Keys of the groups in a room.
pub mod member {
    /// Ordinary members who are there.
    pub const ORDINARY: u32 = 3_984;
    /// Managers who are there.
    pub const MANAGER: u32 = 12_276;
}

/// What an answer or a notice holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Data {
    /// People, and in the answer to `requri` the channel server.
    pub principals: Vec<Principal>,
    /// Rooms.
    pub rooms: Vec<Room>,
    /// The server's limits.
    pub server: Option<ServerInfo>,
    /// A permission for a file.
    pub token: Option<Token>,
    /// Everything else.
    pub others: Vec<Element>,
}

/// Somebody or something with an address.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Principal {
    /// The address.
    pub uri: String,
    /// A number that groups of a room refer to.
    pub id: Option<u32>,
    /// The name.
    pub name: Option<String>,
    /// The domain.
    pub domain: Option<String>,
    /// What kind of thing it is.
    pub kind: Option<u32>,
    /// Where it came in: the key of a group and the room's identifier.
    pub rooms: Vec<(u32, RoomUri)>,
}

/// Names are personal: not shown.
impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({}, {:?}, {:?})", self.uri, self.id, self.rooms)
    }
}

/// A room.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// Its address, `ma-chan://domain/guid`.
    pub uri: String,
    /// Its name.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// The address of its category.
    pub parent: Option<String>,
    /// Who is there: the key of a group, and numbers of [`Principal`]s.
    pub members: Vec<(u32, Vec<u32>)>,
    /// Facts, by the last word of their names (`ucnt`, `visibilty`).
    pub facts: Vec<(String, String)>,
    /// Settings, by the last word of their names (`filepost`, `invite`, `logged`).
    pub settings: Vec<(String, String)>,
    /// People whom a notice about the room names.
    pub principals: Vec<Principal>,
    /// Its history.
    pub lines: Vec<Line>,
}

/// Names are what people wrote: not shown.
impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Room({}, {:?}, {:?}, {:?})", self.uri, self.members, self.principals, self.lines)
    }
}

/// A room's address in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct RoomUri {
    /// The domain.
    pub domain: String,
    /// The identifier.
    pub guid: String,
}

/// What a channel server allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerInfo {
    /// Most characters of a line.
    pub message_limit: Option<u32>,
    /// Most characters of a story.
    pub story_limit: Option<u32>,
    /// Most rooms that a search finds.
    pub search_limit: Option<u32>,
    /// Its time, as it was spelt.
    pub time: Option<String>,
    /// The address of its root category.
    pub root: Option<String>,
}

/// A permission to hand in or fetch a file.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Token {
    /// The permission: a secret.
    pub token: String,
    /// Where to go with it.
    pub server: String,
}

/// A token is a secret.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.server)
    }
}

impl Data {
    pub(super) fn from_element(element: &Element) -> Result<Self, BodyError> {
        let mut data = Self::default();
        for child in element.elements() {
            match child.local() {
                "uib" => data.principals.push(Principal::from_element(child)?),
                "chanib" => data.rooms.push(Room::from_element(child)?),
                "sib" if data.server.is_none() => data.server = Some(ServerInfo::from_element(child)?),
                "token" if data.token.is_none() => data.token = Some(Token::from_element(child)?),
                _ => data.others.push(child.clone()),
            }
        }
        Ok(data)
    }

    pub(super) fn to_element(&self) -> Element {
        Element::new("data")
            .children(self.rooms.iter().map(Room::to_element))
            .children(self.principals.iter().map(Principal::to_element))
            .children(self.server.as_ref().map(ServerInfo::to_element))
            .children(self.token.as_ref().map(Token::to_element))
            .children(self.others.iter().cloned())
    }

    /// The people in a room of this answer, and whether each is a manager.
    pub fn present<'a>(&'a self, room: &'a Room) -> impl Iterator<Item = (&'a Principal, bool)> {
        let all = room.members.iter().flat_map(|(key, ids)| ids.iter().map(move |id| (*key, *id)));
        all.filter_map(|(key, id)| {
            let principal = self.principals.iter().find(|principal| principal.id == Some(id))?;
            Some((principal, key == member::MANAGER))
        })
    }
}

impl Principal {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let text = |name| element.attribute(name).map(str::to_owned);
        // One without a room's identifier names nothing that could be shown.
        let rooms =
            element.all("aib").filter(|room| room.attribute("value").is_some_and(|value| !value.is_empty()));
        let room = |room: &Element| Ok((room.need_number("key")?, RoomUri::from_element(room)?));
        Ok(Self {
            uri: element.need_attribute("uri")?.to_owned(),
            id: element.number("id")?,
            name: text("uname"),
            domain: text("domain"),
            kind: element.number("uriType").unwrap_or_default(),
            rooms: rooms.map(room).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        Element::new("uib")
            .with("uri", &self.uri)
            .with_some("id", self.id)
            .with_some("uname", self.name.as_ref())
            .with_some("domain", self.domain.as_ref())
            .with_some("uriType", self.kind)
            .children(self.rooms.iter().map(|(key, room)| room.write_into(Element::new("aib"), *key)))
    }
}

impl Room {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let text = |name| element.attribute(name).map(str::to_owned);
        let named = |element: &Element| {
            let id = element.attribute("id")?;
            let name = id.rsplit(':').next().unwrap_or(id).to_owned();
            Some((name, element.content().trim().to_owned()))
        };
        let member = |group: &Element| {
            let ids = group.attribute("value").unwrap_or_default().split(',');
            Ok((group.need_number("key")?, ids.filter_map(|id| id.trim().parse().ok()).collect()))
        };
        // One odd line must not hide the others.
        let lines = element.all("msg").map(Line::from_element);
        Ok(Self {
            uri: element.need_attribute("uri")?.to_owned(),
            name: text("name"),
            description: text("description"),
            topic: text("topic"),
            parent: text("parent"),
            members: element.all("aib").map(member).collect::<Result<_, _>>()?,
            facts: element.all("info").filter_map(named).collect(),
            settings: element.all("prop").filter_map(named).collect(),
            principals: element.all("uib").map(Principal::from_element).collect::<Result<_, _>>()?,
            lines: lines.filter_map(Result::ok).collect(),
        })
    }

    fn to_element(&self) -> Element {
        let member = |(key, ids): &(u32, Vec<u32>)| {
            let ids: Vec<_> = ids.iter().map(u32::to_string).collect();
            Element::new("aib").with("key", key).with("value", ids.join(","))
        };
        let named = |kind: &str, (name, text): &(String, String)| {
            let family = if kind == "info" { "info" } else { "prop" };
            Element::new(kind).with("id", format!("urn:parlano:ma:{family}:{name}")).text(text)
        };
        Element::new("chanib")
            .with_some("name", self.name.as_ref())
            .with_some("description", self.description.as_ref())
            .with_some("parent", self.parent.as_ref())
            .with("uri", &self.uri)
            .with_some("topic", self.topic.as_ref())
            .children(self.members.iter().map(member))
            .children(self.facts.iter().map(|fact| named("info", fact)))
            .children(self.settings.iter().map(|setting| named("prop", setting)))
            .children(self.principals.iter().map(Principal::to_element))
            .children(self.lines.iter().map(|line| line.to_element("msg")))
    }

    /// Whether a setting such as `filepost` is on.
    #[must_use]
    pub fn allows(&self, setting: &str) -> bool {
        self.settings.iter().any(|(name, value)| name == setting && xml::flag(value) == Some(true))
    }
}

impl RoomUri {
    const SCHEME: &'static str = "ma-chan://";

    /// `ma-chan://domain/guid` in its parts; `None` for anything else.
    #[must_use]
    pub fn read(uri: &str) -> Option<Self> {
        let scheme = uri.get(..Self::SCHEME.len())?;
        let (domain, guid) = uri.get(Self::SCHEME.len()..)?.split_once('/')?;
        let whole = scheme.eq_ignore_ascii_case(Self::SCHEME) && !domain.is_empty() && !guid.is_empty();
        whole.then(|| Self { domain: domain.to_owned(), guid: guid.to_owned() })
    }

    pub(super) fn from_element(element: &Element) -> Result<Self, BodyError> {
        let guid = element.need_attribute("value")?;
        if guid.is_empty() {
            return Err(BodyError::new(
                BodyCode::BadValue,
                element.local(),
                element.offset(),
                "an identifier",
            ));
        }
        let domain = element.attribute("domain").unwrap_or_default().to_owned();
        Ok(Self { domain, guid: guid.to_owned() })
    }

    pub(super) fn to_element(&self, key: u32) -> Element {
        self.write_into(Element::new("chanid"), key)
    }

    fn write_into(&self, element: Element, key: u32) -> Element {
        element.with("key", key).with("domain", &self.domain).with("value", &self.guid)
    }
}

impl fmt::Display for RoomUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", Self::SCHEME, self.domain, self.guid)
    }
}

impl ServerInfo {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let text = |name| element.attribute(name).map(str::to_owned);
        Ok(Self {
            message_limit: element.number("messageSizeLimit")?,
            story_limit: element.number("storySizeLimit")?,
            search_limit: element.number("searchLimit")?,
            time: text("serverTime"),
            root: text("rootUri"),
        })
    }

    fn to_element(&self) -> Element {
        Element::new("sib")
            .with("infoType", super::Command::ALL_FACTS)
            .with_some("serverTime", self.time.as_ref())
            .with_some("searchLimit", self.search_limit)
            .with_some("messageSizeLimit", self.message_limit)
            .with_some("storySizeLimit", self.story_limit)
            .with_some("rootUri", self.root.as_ref())
    }
}

impl Token {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            token: element.need_attribute("token")?.to_owned(),
            server: element.need_attribute("serveruri")?.to_owned(),
        })
    }

    fn to_element(&self) -> Element {
        Element::new("token").with("token", &self.token).with("serveruri", &self.server)
    }
}
