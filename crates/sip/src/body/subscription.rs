//! Asking for the presence of many at once (batched subscription, MS-PRES).

use super::{BodyCode, BodyError, Element, xml};

/// The media type.
pub const TYPE: &str = "application/msrtc-adrl-categorylist+xml";

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/01/sip/batch-subscribe";
const CATEGORIES: &str = "http://schemas.microsoft.com/2006/09/sip/categorylist";

/// What to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchSubscribe {
    /// Who asks.
    pub uri: String,
    /// What to do, usually one action.
    pub actions: Vec<BatchAction>,
}

/// Users and categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchAction {
    /// Whether to begin (`true`) or end.
    pub subscribe: bool,
    /// A number of the client's choice, as it was spelt.
    pub id: String,
    /// Whose presence.
    pub resources: Vec<Resource>,
    /// Names of categories.
    pub categories: Vec<String>,
}

/// One user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource {
    /// Who.
    pub uri: String,
    /// Whether the user has just been put on the list and is to be told so.
    pub fresh: bool,
}

impl BatchAction {
    /// The categories that an IM client shows.
    pub const USUAL: [&'static str; 3] = ["contactCard", "note", "state"];
}

impl BatchSubscribe {
    /// # Errors
    /// What is no such document, or asks for something else than beginning and ending.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("batchSub")?;
        Ok(Self {
            uri: root.attribute("uri").unwrap_or_default().to_owned(),
            actions: root.all("action").map(BatchAction::from_element).collect::<Result<_, _>>()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        Element::new("batchSub")
            .with("xmlns", NAMESPACE)
            .with("uri", &self.uri)
            .with("name", "")
            .children(self.actions.iter().map(BatchAction::to_element))
            .write()
    }
}

impl BatchAction {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let subscribe = match element.need_attribute("name")? {
            "subscribe" => true,
            "unsubscribe" => false,
            _ => {
                return Err(BodyError::new(
                    BodyCode::BadValue,
                    "action",
                    element.offset(),
                    "subscribe or unsubscribe",
                ));
            }
        };
        let lists = element.all("adhocList");
        let resource = |resource: &Element| {
            let uri = resource.need_attribute("uri")?.to_owned();
            Ok(Resource { uri, fresh: resource.first("context").is_some() })
        };
        let categories = element.all("categoryList").flat_map(|list| list.all("category"));
        let category = |category: &Element| category.need_attribute("name").map(str::to_owned);
        Ok(Self {
            subscribe,
            id: element.attribute("id").unwrap_or_default().to_owned(),
            resources: lists.flat_map(|list| list.all("resource")).map(resource).collect::<Result<_, _>>()?,
            categories: categories.map(category).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        let resource = |resource: &Resource| {
            let context = resource.fresh.then(|| Element::new("context"));
            Element::new("resource").with("uri", &resource.uri).children(context)
        };
        let categories = self.categories.iter().map(|name| Element::new("category").with("name", name));
        Element::new("action")
            .with("name", if self.subscribe { "subscribe" } else { "unsubscribe" })
            .with("id", &self.id)
            .child(Element::new("adhocList").children(self.resources.iter().map(resource)))
            .child(Element::new("categoryList").with("xmlns", CATEGORIES).children(categories))
    }
}
