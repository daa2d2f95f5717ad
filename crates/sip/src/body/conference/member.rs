use super::Extent;
use crate::body::{BodyError, Element};

/// Somebody in a conference.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct User {
    /// Who.
    pub entity: String,
    /// Whether it is all, a change, or that they left.
    pub state: Extent,
    /// Their name.
    pub display: Option<String>,
    /// `presenter` (a leader), `attendee` and others.
    pub roles: Vec<String>,
    /// What they are connected to.
    pub endpoints: Vec<Endpoint>,
}

/// A connection to the focus or to a media server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoint {
    /// Its identifier.
    pub entity: String,
    /// Whether it is all, a change, or that it is gone.
    pub state: Extent,
    /// `focus`, `chat`, `audio-video` and so on.
    pub session: Option<String>,
    /// Where the user can be reached there.
    pub uri: Option<String>,
    /// `connected`, `on-hold`, `disconnected` and others.
    pub status: Option<String>,
}

/// Names are personal: not shown.
impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({}, {:?}, {:?}, {:?})", self.entity, self.state, self.roles, self.endpoints)
    }
}

impl User {
    /// Whether the user leads.
    #[must_use]
    pub fn is_presenter(&self) -> bool {
        self.roles.iter().any(|role| role == "presenter")
    }

    /// Whether the user is connected to a medium.
    #[must_use]
    pub fn is_in(&self, medium: &str) -> bool {
        let there = |endpoint: &Endpoint| {
            endpoint.session.as_deref() == Some(medium) && endpoint.status.as_deref() == Some("connected")
        };
        self.state != Extent::Deleted && self.endpoints.iter().any(there)
    }

    pub(in crate::body) fn from_element(element: &Element) -> Result<Self, BodyError> {
        let roles = element.first("roles");
        let role = |entry: &Element| entry.content().trim().to_owned();
        Ok(Self {
            entity: element.need_attribute("entity")?.to_owned(),
            state: Extent::of(element),
            display: element.value("display-text"),
            roles: roles
                .iter()
                .flat_map(|roles| roles.all("entry"))
                .map(role)
                .filter(|r| !r.is_empty())
                .collect(),
            endpoints: element.all("endpoint").map(Endpoint::from_element).collect(),
        })
    }

    pub(in crate::body) fn to_element(&self, prefix: &str) -> Element {
        let name = |name: &str| format!("{prefix}{name}");
        let roles = self.roles.iter().map(|role| Element::new(&name("entry")).text(role));
        let roles = (!self.roles.is_empty()).then(|| Element::new(&name("roles")).children(roles));
        self.state
            .write_into(Element::new(&name("user")).with("entity", &self.entity))
            .leaf_some(&name("display-text"), self.display.as_ref())
            .children(roles)
            .children(self.endpoints.iter().map(|endpoint| endpoint.to_element(prefix)))
    }

    pub(super) fn merge(&mut self, later: Self) {
        self.display = later.display.or(self.display.take());
        if !later.roles.is_empty() {
            self.roles = later.roles;
        }
        for endpoint in later.endpoints {
            let at = self.endpoints.iter().position(|mine| mine.entity == endpoint.entity);
            match (endpoint.state, at) {
                (Extent::Deleted, Some(at)) => drop(self.endpoints.remove(at)),
                (Extent::Deleted, None) => {}
                (_, None) => self.endpoints.push(endpoint),
                (Extent::Full, Some(at)) => self.endpoints[at] = endpoint,
                (Extent::Partial, Some(at)) => self.endpoints[at].merge(endpoint),
            }
        }
    }
}

impl Endpoint {
    fn from_element(element: &Element) -> Self {
        let text = |name| element.attribute(name).map(str::to_owned);
        Self {
            entity: text("entity").unwrap_or_default(),
            state: Extent::of(element),
            session: text("session-type"),
            uri: text("endpoint-uri"),
            status: element.value("status"),
        }
    }

    fn to_element(&self, prefix: &str) -> Element {
        let endpoint = Element::new(&format!("{prefix}endpoint"))
            .with("entity", &self.entity)
            .with_some("msci:session-type", self.session.as_ref())
            .with_some("msci:endpoint-uri", self.uri.as_ref());
        self.state.write_into(endpoint).leaf_some(&format!("{prefix}status"), self.status.as_ref())
    }

    fn merge(&mut self, later: Self) {
        self.session = later.session.or(self.session.take());
        self.uri = later.uri.or(self.uri.take());
        self.status = later.status.or(self.status.take());
    }
}
