//! Publishing one's own presence, and the answer to an outdated version.

use super::{BodyError, Content, Element, ExpireType, xml};

/// The media type of [`Publish`].
pub const TYPE: &str = "application/msrtc-category-publish+xml";
/// The media type of [`Conflict`].
pub const CONFLICT_TYPE: &str = "application/msrtc-fault+xml";

const NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/rich-presence";
const FAULT_NAMESPACE: &str = "http://schemas.microsoft.com/2006/09/sip/service-fault";

/// Numbers of instances that mean something.
pub mod instance {
    /// The user's choice.
    pub const USER_STATE: u32 = 0x2000_0000;
    /// The user's choice for a time.
    pub const TIMED_USER_STATE: u32 = 0x2400_0000;
    /// The personal note.
    pub const NOTE: u32 = 0;
    /// What the server makes of everything.
    pub const AGGREGATE_STATE: u32 = 0;
    /// What the server makes of everything, while the user is signed in.
    pub const BOUND_AGGREGATE_STATE: u32 = 1;
    /// What the server makes of all devices.
    pub const AGGREGATE_MACHINE_STATE: u32 = 0x1000_0000;

    const LOW: u32 = 0x0fff_ffff;

    /// The number of an endpoint's `device`: the first eight hex digits of its epid. `None` if it has not so many.
    #[must_use]
    pub fn device(epid: &str) -> Option<u32> {
        u32::from_str_radix(epid.get(..8)?, 16).ok()
    }

    /// The number of that endpoint's `machineState`.
    #[must_use]
    pub const fn machine_state(device: u32) -> u32 {
        0x3000_0000 | (device >> 4)
    }

    /// The number of a calendar's state, by a hash of the mailbox.
    #[must_use]
    pub const fn calendar_state(hash: u32) -> u32 {
        0x4000_0000 | (hash & LOW)
    }

    /// The number of an out-of-office state, by a hash of the mailbox.
    #[must_use]
    pub const fn out_of_office_state(hash: u32) -> u32 {
        0x5000_0000 | (hash & LOW)
    }

    /// The number of a telephone's state, by a hash of its endpoint.
    #[must_use]
    pub const fn phone_state(hash: u32) -> u32 {
        0x8000_0000 | (hash & LOW)
    }
}

/// Publications to make or delete, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publish {
    /// Whose they are.
    pub uri: String,
    /// What to publish, in order: a conflict counts them.
    pub publications: Vec<Publication>,
}

/// One instance to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// `state`, `device`, `note` or another.
    pub category: String,
    /// The number of the instance.
    pub instance: u32,
    /// The container.
    pub container: u32,
    /// The version that the server has; 0 for a first publication.
    pub version: u64,
    /// How long it lasts.
    pub lasts: ExpireType,
    /// Seconds for what lasts a time; 0 deletes.
    pub expires: Option<u64>,
    /// What to show; absent when deleting.
    pub content: Content,
}

impl Publication {
    /// Deletes instead of publishing.
    #[must_use]
    pub fn deletion(self) -> Self {
        Self { expires: Some(0), content: Content::Absent, ..self }
    }

    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let lasts = element.attribute("expireType").and_then(ExpireType::read).unwrap_or(ExpireType::Static);
        Ok(Self {
            category: element.need_attribute("categoryName")?.to_owned(),
            instance: element.need_number("instance")?,
            container: element.need_number("container")?,
            version: element.number("version")?.unwrap_or(0),
            lasts,
            expires: element.number("expires")?,
            content: Content::from_parent(element),
        })
    }

    fn to_element(&self) -> Element {
        Element::new("publication")
            .with("categoryName", &self.category)
            .with("instance", self.instance)
            .with("container", self.container)
            .with("version", self.version)
            .with("expireType", self.lasts.as_str())
            .with_some("expires", self.expires)
            .children(self.content.to_element())
    }
}

impl Publish {
    /// # Errors
    /// What is no such document, or a publication without category, instance or container.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("publish")?;
        let all = root.need("publications")?;
        Ok(Self {
            uri: all.need_attribute("uri")?.to_owned(),
            publications: all.all("publication").map(Publication::from_element).collect::<Result<_, _>>()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let all = Element::new("publications")
            .with("uri", &self.uri)
            .children(self.publications.iter().map(Publication::to_element));
        Element::new("publish").with("xmlns", NAMESPACE).child(all).write()
    }

    /// Takes over the versions that the server has, for another attempt; says whether it changed anything.
    pub fn correct(&mut self, conflict: &Conflict) -> bool {
        let mut changed = false;
        for operation in &conflict.operations {
            let place = operation.index.checked_sub(1).and_then(|index| self.publications.get_mut(index));
            if let (Some(publication), Some(current)) = (place, operation.current) {
                changed |= publication.version != current;
                publication.version = current;
            }
        }
        changed
    }
}

/// The body of a 409: nothing was published, since some versions are not the server's.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conflict {
    /// A dotted word; [`Conflict::WRONG_DELTA`] can be cured.
    pub code: String,
    /// The publications at fault.
    pub operations: Vec<Operation>,
}

/// A publication at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// Which one of the request, the first being 1.
    pub index: usize,
    /// The version it gave.
    pub version: Option<u64>,
    /// The version that the server has.
    pub current: Option<u64>,
}

impl Conflict {
    /// The code of a version that is not the server's.
    pub const WRONG_DELTA: &'static str = "Client.BadCall.WrongDelta";

    /// # Errors
    /// What is no such document.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("Fault")?;
        let operation = |element: &Element| {
            Ok(Operation {
                index: element.need_number("index")?,
                version: element.number("version")?,
                current: element.number("curVersion")?,
            })
        };
        let details = root.first("details");
        Ok(Self {
            code: root.value("Faultcode").unwrap_or_default(),
            operations: details
                .iter()
                .flat_map(|all| all.all("operation"))
                .map(operation)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let operation = |operation: &Operation| {
            Element::new("operation")
                .with("index", operation.index)
                .with_some("version", operation.version)
                .with_some("curVersion", operation.current)
        };
        let details = Element::new("details").children(self.operations.iter().map(operation));
        let fault =
            Element::new("Fault").with("xmlns", FAULT_NAMESPACE).leaf("Faultcode", &self.code).child(details);
        format!("<?xml version=\"1.0\"?>{}", fault.write())
    }
}
