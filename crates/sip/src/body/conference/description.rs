use jiff::Timestamp;

use crate::body::{
    Element,
    scalar::{moment, to_second},
};

/// What a conference is about, and where its parts are.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Description {
    /// What it is about.
    pub subject: Option<String>,
    /// Its media servers.
    pub uris: Vec<ConfUri>,
    /// Whose it is.
    pub organizer: Option<Organizer>,
    /// The address for browsers.
    pub join_url: Option<String>,
    /// Its identifier: 32 hex digits of the organizer's choice.
    pub id: Option<String>,
    /// When it ends at the latest.
    pub expires: Option<Timestamp>,
    /// Who may come in (`openAuthenticated`).
    pub admission: Option<String>,
}

/// The address of a media server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfUri {
    /// The address.
    pub uri: String,
    /// Its name.
    pub display: Option<String>,
    /// What it is for: `chat`, `audio-video` and so on.
    pub purpose: Option<String>,
}

/// Whose conference it is.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Organizer {
    /// The name.
    pub display: Option<String>,
    /// The address.
    pub uri: Option<String>,
}

/// Subjects are what people wrote: not shown.
impl std::fmt::Debug for Description {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Description").field("uris", &self.uris).field("id", &self.id).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Organizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Organizer({:?})", self.uri)
    }
}

impl Description {
    pub(super) fn from_element(element: &Element) -> Self {
        let uris = element.first("conf-uris");
        let organizer = |organizer: &Element| Organizer {
            display: organizer.value("display-name").or_else(|| organizer.value("display-text")),
            uri: organizer.value("uri"),
        };
        Self {
            subject: element.value("subject"),
            uris: uris.iter().flat_map(|uris| uris.all("entry")).filter_map(ConfUri::from_element).collect(),
            organizer: element.first("organizer").map(organizer),
            join_url: element.value("join-url"),
            id: element.value("conference-id"),
            expires: element.value("expiry-time").as_deref().and_then(moment).map(to_second),
            admission: element.value("admission-policy"),
        }
    }

    pub(super) fn to_element(&self, prefix: &str) -> Element {
        let name = |name: &str| format!("{prefix}{name}");
        let uris = self.uris.iter().map(|uri| uri.to_element(prefix));
        let uris = (!self.uris.is_empty()).then(|| Element::new(&name("conf-uris")).children(uris));
        let organizer = self.organizer.as_ref().map(|organizer| {
            Element::new(&name("organizer"))
                .leaf_some(&name("display-name"), organizer.display.as_ref())
                .leaf_some(&name("uri"), organizer.uri.as_ref())
        });
        Element::new(&name("conference-description"))
            .child(Element::new(&name("subject")).text(self.subject.as_deref().unwrap_or_default()))
            .children(uris)
            .children(organizer)
            .leaf_some("msci:conference-id", self.id.as_ref())
            .leaf_some("msci:expiry-time", self.expires.map(to_second))
            .leaf_some("msci:admission-policy", self.admission.as_ref())
            .leaf_some("msci:join-url", self.join_url.as_ref())
    }

    pub(super) fn merge(&mut self, later: Self) {
        self.subject = later.subject.or(self.subject.take());
        self.organizer = later.organizer.or(self.organizer.take());
        self.join_url = later.join_url.or(self.join_url.take());
        self.id = later.id.or(self.id.take());
        self.expires = later.expires.or(self.expires);
        self.admission = later.admission.or(self.admission.take());
        for uri in later.uris {
            self.uris.retain(|mine| mine.purpose != uri.purpose);
            self.uris.push(uri);
        }
    }
}

impl ConfUri {
    fn from_element(element: &Element) -> Option<Self> {
        let (display, purpose) = (element.value("display-text"), element.value("purpose"));
        Some(Self { uri: element.value("uri")?, display, purpose })
    }

    fn to_element(&self, prefix: &str) -> Element {
        let name = |name: &str| format!("{prefix}{name}");
        Element::new(&name("entry"))
            .leaf(&name("uri"), &self.uri)
            .leaf_some(&name("display-text"), self.display.as_ref())
            .leaf_some(&name("purpose"), self.purpose.as_ref())
    }
}
