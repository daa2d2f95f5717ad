use crate::body::Element;

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/device";

/// A device that a user is signed in with. In one's own roaming data each stands for an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Device {
    /// The UUID of the endpoint, as it was spelt.
    pub endpoint: Option<String>,
    /// Whether it is the user's favourite.
    pub preferred: Option<bool>,
    /// The user.
    pub uri: Option<String>,
    /// What it can do, by medium.
    pub capabilities: Vec<Capability>,
    /// Its offset from UTC, as clients write it (`00:00:00+00:00`).
    pub timezone: Option<String>,
    /// Its name.
    pub machine: Option<String>,
}

/// What a device can do with one medium (`text`, `gifInk`, `isfInk`, `voice` and so on).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The medium.
    pub medium: String,
    /// Whether it can be made there.
    pub capture: bool,
    /// Whether it can be shown there.
    pub render: bool,
    /// Whether it is to be published.
    pub publish: bool,
}

impl Device {
    pub(super) fn from_element(element: &Element) -> Self {
        let capabilities = element.first("capabilities");
        Self {
            endpoint: element.attribute("endpointId").map(str::to_owned),
            preferred: capabilities.and_then(|all| all.flag("preferred")),
            uri: capabilities.and_then(|all| all.attribute("uri")).map(str::to_owned),
            capabilities: capabilities
                .iter()
                .flat_map(|all| all.elements())
                .map(Capability::from_element)
                .collect(),
            timezone: element.value("timezone"),
            machine: element.value("machineName"),
        }
    }

    pub(super) fn to_element(&self) -> Element {
        let capabilities = Element::new("capabilities")
            .with_some("preferred", self.preferred)
            .with_some("uri", self.uri.as_ref())
            .children(self.capabilities.iter().map(Capability::to_element));
        Element::new("device")
            .with("xmlns", NAMESPACE)
            .with_some("endpointId", self.endpoint.as_ref())
            .child(capabilities)
            .leaf_some("timezone", self.timezone.as_ref())
            .leaf_some("machineName", self.machine.as_ref())
    }
}

impl Capability {
    /// Reading and writing text: all that a relay offers.
    #[must_use]
    pub fn text() -> Self {
        Self { medium: "text".to_owned(), capture: true, render: true, publish: false }
    }

    fn from_element(element: &Element) -> Self {
        let flag = |name| element.flag(name).unwrap_or(false);
        Self {
            medium: element.local().to_owned(),
            capture: flag("capture"),
            render: flag("render"),
            publish: flag("publish"),
        }
    }

    fn to_element(&self) -> Element {
        Element::new(&self.medium)
            .with("capture", self.capture)
            .with("render", self.render)
            .with("publish", self.publish)
    }
}
