//! What the server tells clients to use (provisioning-v2).

use super::{BodyError, Element, xml};

/// The media type of both documents.
pub const TYPE: &str = "application/vnd-microsoft-roaming-provisioning-v2+xml";

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/provisiongrouplist-notification";
const REQUEST_NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/provisioninggrouplist";
const SERVER: &str = "ServerConfiguration";
const ROOMS: &str = "persistentChatConfiguration";

/// Names of the groups that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProvisionRequest(pub Vec<String>);

impl ProvisionRequest {
    /// What a relay uses: conferences and rooms.
    #[must_use]
    pub fn usual() -> Self {
        Self([SERVER, "meetingPolicy", ROOMS, "ucPolicy"].map(str::to_owned).to_vec())
    }

    /// # Errors
    /// What is no such document.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("provisioningGroupList")?;
        let name = |group: &Element| group.need_attribute("name").map(str::to_owned);
        root.all("provisioningGroup").map(name).collect::<Result<_, _>>().map(Self)
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let groups = self.0.iter().map(|name| Element::new("provisioningGroup").with("name", name));
        Element::new("provisioningGroupList").with("xmlns", REQUEST_NAMESPACE).children(groups).write()
    }
}

/// All groups of settings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProvisionGroupList(pub Vec<ProvisionGroup>);

/// Settings of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProvisionGroup {
    /// The group's name.
    pub name: String,
    /// Settings that are elements of their own: name and text.
    pub settings: Vec<(String, String)>,
    /// Settings in a list of properties: name and text.
    pub properties: Vec<(String, String)>,
}

/// Where the rooms are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersistentChat {
    /// Whether the user may use them.
    pub enabled: bool,
    /// The address that tells where the channel server is.
    pub pool: Option<String>,
}

impl ProvisionGroupList {
    /// # Errors
    /// What is no such document, or a group without a name.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("provisionGroupList")?;
        root.all("provisionGroup").map(ProvisionGroup::from_element).collect::<Result<_, _>>().map(Self)
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let groups = self.0.iter().map(ProvisionGroup::to_element);
        Element::new("provisionGroupList").with("xmlns", NAMESPACE).children(groups).write()
    }

    /// The first setting or property of a name in a group of a name.
    #[must_use]
    pub fn value(&self, group: &str, name: &str) -> Option<&str> {
        let groups = self.0.iter().filter(|one| one.name == group);
        let mut all = groups.flat_map(|one| one.settings.iter().chain(&one.properties));
        all.find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Where conferences are made.
    #[must_use]
    pub fn focus_factory(&self) -> Option<&str> {
        self.value(SERVER, "focusFactoryUri")
    }

    /// Where rooms are; `None` if the server has none.
    #[must_use]
    pub fn persistent_chat(&self) -> Option<PersistentChat> {
        self.0.iter().find(|group| group.name == ROOMS)?;
        let enabled = self.value(ROOMS, "EnablePersistentChat").and_then(xml::flag).unwrap_or(false);
        let pool = self.value(ROOMS, "DefaultPersistentChatPoolUri").map(str::to_owned);
        Some(PersistentChat { enabled, pool })
    }
}

impl ProvisionGroup {
    /// The group that says where conferences are made.
    #[must_use]
    pub fn server(focus_factory: &str) -> Self {
        let settings = vec![("focusFactoryUri".to_owned(), focus_factory.to_owned())];
        Self { name: SERVER.to_owned(), settings, properties: Vec::new() }
    }

    /// The group that says where rooms are.
    #[must_use]
    pub fn rooms(chat: &PersistentChat) -> Self {
        let mut properties = vec![("EnablePersistentChat".to_owned(), chat.enabled.to_string())];
        properties
            .extend(chat.pool.iter().map(|uri| ("DefaultPersistentChatPoolUri".to_owned(), uri.clone())));
        Self { name: ROOMS.to_owned(), settings: Vec::new(), properties }
    }

    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let leaves = element.elements().filter(|child| child.elements().next().is_none());
        let setting = |leaf: &Element| (leaf.local().to_owned(), leaf.content().trim().to_owned());
        let lists = element.all("propertyEntryList");
        let property = |entry: &Element| {
            let name = entry.need_attribute("name")?.to_owned();
            Ok((name, entry.content().trim().to_owned()))
        };
        Ok(Self {
            name: element.need_attribute("name")?.to_owned(),
            settings: leaves.filter(|leaf| leaf.local() != "propertyEntryList").map(setting).collect(),
            properties: lists
                .flat_map(|list| list.all("property"))
                .map(property)
                .collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        let property =
            |(name, value): &(String, String)| Element::new("property").with("name", name).text(value);
        let list = (!self.properties.is_empty())
            .then(|| Element::new("propertyEntryList").children(self.properties.iter().map(property)));
        Element::new("provisionGroup")
            .with("name", &self.name)
            .children(self.settings.iter().map(|(name, value)| Element::new(name).text(value)))
            .children(list)
    }
}
