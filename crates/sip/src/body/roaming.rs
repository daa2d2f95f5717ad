//! What a user has published, who may see what, and who watches (roaming-self, MS-PRES).

mod own;

pub use own::{Access, Own};

use super::{
    BodyCode, BodyError, Categories, Element,
    scalar::{with_scheme, without_scheme},
    xml,
};

/// The media type of [`RoamingList`] and [`RoamingData`].
pub const TYPE: &str = "application/vnd-microsoft-roaming-self+xml";
/// The media type of [`SetSubscribers`].
pub const SUBSCRIBERS_TYPE: &str = "application/msrtc-presence-setsubscriber+xml";
/// The media type of [`SetContainerMembers`].
pub const CONTAINERS_TYPE: &str = "application/msrtc-setcontainermembers+xml";

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/roaming-self";
const CONTAINERS: &str = "http://schemas.microsoft.com/2006/09/sip/containers";
const SUBSCRIBERS: &str = "http://schemas.microsoft.com/2006/09/sip/presence-subscribers";
const MANAGEMENT: &str = "http://schemas.microsoft.com/2006/09/sip/container-management";

/// What a subscriber wants to know of himself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoamingList {
    /// His publications.
    pub categories: bool,
    /// Who may see what.
    pub containers: bool,
    /// Who watches.
    pub subscribers: bool,
}

impl RoamingList {
    /// Everything.
    pub const ALL: Self = Self { categories: true, containers: true, subscribers: true };

    /// # Errors
    /// What is no such document.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("roamingList")?;
        let asks = |kind| root.all("roaming").any(|element| element.attribute("type") == Some(kind));
        Ok(Self {
            categories: asks("categories"),
            containers: asks("containers"),
            subscribers: asks("subscribers"),
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let wanted = [
            (self.categories, "categories"),
            (self.containers, "containers"),
            (self.subscribers, "subscribers"),
        ];
        let wanted = wanted.into_iter().filter(|(wanted, _)| *wanted);
        let wanted = wanted.map(|(_, kind)| Element::new("roaming").with("type", kind));
        Element::new("roamingList").with("xmlns", NAMESPACE).children(wanted).write()
    }
}

/// A user's own presence. A category that is named anywhere in it is complete there; what is `None` has not changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoamingData {
    /// Publications with their versions.
    pub categories: Option<Categories>,
    /// Who may see what.
    pub containers: Option<Vec<Container>>,
    /// Who watches.
    pub subscribers: Option<Vec<Subscriber>>,
}

impl RoamingData {
    /// # Errors
    /// What is no such document, or a number in it is none.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("roamingData")?;
        let containers = |all: &Element| all.all("container").map(Container::from_element).collect();
        let subscribers = |all: &Element| all.all("subscriber").map(Subscriber::from_element).collect();
        Ok(Self {
            categories: root.first("categories").map(Categories::from_element).transpose()?,
            containers: root.first("containers").map(containers).transpose()?,
            subscribers: root.first("subscribers").map(subscribers).transpose()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let containers = |all: &Vec<Container>| {
            Element::new("containers")
                .with("xmlns", CONTAINERS)
                .children(all.iter().map(Container::to_element))
        };
        let subscribers = |all: &Vec<Subscriber>| subscribers("subscribers", all);
        Element::new("roamingData")
            .with("xmlns", NAMESPACE)
            .children(self.categories.as_ref().map(Categories::to_element))
            .children(self.containers.as_ref().map(containers))
            .children(self.subscribers.as_ref().map(subscribers))
            .write()
    }
}

fn subscribers(root: &str, all: &[Subscriber]) -> Element {
    Element::new(root).with("xmlns", SUBSCRIBERS).children(all.iter().map(Subscriber::to_element))
}

/// A numbered circle of people, and what publications in it they see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its number: 100, 200, 300, 400 or 32000 for the blocked.
    pub id: u32,
    /// Its version, for changes.
    pub version: u64,
    /// Who is in it.
    pub members: Vec<Member>,
}

impl Container {
    /// Where the blocked are.
    pub const BLOCKED: u32 = 32_000;

    fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            id: element.need_number("id")?,
            version: element.number("version")?.unwrap_or(0),
            members: element.all("member").map(Member::from_element).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        Element::new("container")
            .with("id", self.id)
            .with("version", self.version)
            .children(self.members.iter().map(|member| member.write_into(Element::new("member"))))
    }
}

/// One person, or all of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Member {
    /// One user, by a URI with its scheme.
    User(String),
    /// All users of a domain.
    Domain(String),
    /// All colleagues.
    SameEnterprise,
    /// All users of partners.
    Federated,
    /// All users of public services.
    PublicCloud,
    /// Everybody.
    Everyone,
    /// Another kind, with its value.
    Other(String, Option<String>),
}

impl Member {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let kind = element.need_attribute("type")?;
        Ok(match kind {
            "user" => Self::User(with_scheme(element.need_attribute("value")?)),
            "domain" => Self::Domain(element.need_attribute("value")?.to_owned()),
            "sameEnterprise" => Self::SameEnterprise,
            "federated" => Self::Federated,
            "publicCloud" => Self::PublicCloud,
            "everyone" => Self::Everyone,
            _ => Self::Other(kind.to_owned(), element.attribute("value").map(str::to_owned)),
        })
    }

    fn write_into(&self, element: Element) -> Element {
        let (kind, value) = match self {
            Self::User(uri) => ("user", Some(without_scheme(uri))),
            Self::Domain(domain) => ("domain", Some(domain.as_str())),
            Self::SameEnterprise => ("sameEnterprise", None),
            Self::Federated => ("federated", None),
            Self::PublicCloud => ("publicCloud", None),
            Self::Everyone => ("everyone", None),
            Self::Other(kind, value) => (kind.as_str(), value.as_deref()),
        };
        element.with("type", kind).with_some("value", value)
    }
}

/// Somebody who watches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subscriber {
    /// His URI with its scheme.
    pub user: String,
    /// His name.
    pub display_name: Option<String>,
    /// Whether the watched user knows of it.
    pub acknowledged: bool,
    /// `sameEnterprise`, `federated` or another word.
    pub kind: Option<String>,
}

impl Subscriber {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            user: with_scheme(element.need_attribute("user")?),
            display_name: element.attribute("displayName").map(str::to_owned),
            acknowledged: element.flag("acknowledged").unwrap_or(false),
            kind: element.attribute("type").map(str::to_owned),
        })
    }

    fn to_element(&self) -> Element {
        Element::new("subscriber")
            .with("user", without_scheme(&self.user))
            .with_some("displayName", self.display_name.as_ref())
            .with("acknowledged", self.acknowledged)
            .with_some("type", self.kind.as_ref())
    }
}

/// Tells the server that the user knows of his watchers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetSubscribers(pub Vec<Subscriber>);

impl SetSubscribers {
    /// # Errors
    /// What is no such document.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("setSubscribers")?;
        root.all("subscriber").map(Subscriber::from_element).collect::<Result<_, _>>().map(Self)
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        subscribers("setSubscribers", &self.0).write()
    }
}

/// Puts people into containers and takes them out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetContainerMembers(pub Vec<ContainerChange>);

/// What to change in one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerChange {
    /// Its number.
    pub id: u32,
    /// The version that the server has.
    pub version: u64,
    /// Whom to add (`true`) or remove.
    pub members: Vec<(bool, Member)>,
}

impl SetContainerMembers {
    /// # Errors
    /// What is no such document, or asks for something else than adding and removing.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("setContainerMembers")?;
        root.all("container").map(ContainerChange::from_element).collect::<Result<_, _>>().map(Self)
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let changes = self.0.iter().map(ContainerChange::to_element);
        Element::new("setContainerMembers").with("xmlns", MANAGEMENT).children(changes).write()
    }
}

impl ContainerChange {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let change = |member: &Element| {
            let adds = match member.need_attribute("action")? {
                "add" => true,
                "remove" => false,
                _ => {
                    return Err(BodyError::new(
                        BodyCode::BadValue,
                        "action",
                        member.offset(),
                        "add or remove",
                    ));
                }
            };
            Ok((adds, Member::from_element(member)?))
        };
        Ok(Self {
            id: element.need_number("id")?,
            version: element.number("version")?.unwrap_or(0),
            members: element.all("member").map(change).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        let change = |(adds, member): &(bool, Member)| {
            let action = if *adds { "add" } else { "remove" };
            member.write_into(Element::new("member").with("action", action))
        };
        Element::new("container")
            .with("id", self.id)
            .with("version", self.version)
            .children(self.members.iter().map(change))
    }
}
