//! Changing the list of contacts (MS-SIP, SOAP in SERVICE).

use super::{
    BodyCode, BodyError, Element,
    contact::{group_ids, join},
    scalar::with_scheme,
    xml,
};

/// The media type of both documents.
pub const TYPE: &str = "application/SOAP+xml";

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const METHODS: &str = "http://schemas.microsoft.com/winrtc/2002/11/sip";

/// One change of the list, for the version that the server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// The list's version.
    pub delta: u64,
    /// What to change.
    pub operation: ListOperation,
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListOperation {
    /// Adds a contact, or gives one another name or other groups.
    SetContact {
        /// Who, with the scheme.
        uri: String,
        /// The name that the user gives; empty for none.
        name: String,
        /// Numbers of groups.
        groups: Vec<u32>,
        /// Whether presence is wanted.
        subscribed: bool,
        /// What it expands.
        external: Option<String>,
    },
    /// Removes a contact.
    DeleteContact {
        /// Who, with the scheme.
        uri: String,
    },
    /// Makes a group; the answer has its number.
    AddGroup {
        /// Its name.
        name: String,
        /// What it expands.
        external: Option<String>,
    },
    /// Gives a group another name.
    ModifyGroup {
        /// Its number.
        id: u32,
        /// Its name.
        name: String,
        /// What it expands.
        external: Option<String>,
    },
    /// Removes a group, which should be empty.
    DeleteGroup {
        /// Its number.
        id: u32,
    },
    /// Something else, such as requests of older dialects.
    Other(Element),
}

impl ListRequest {
    /// # Errors
    /// What is no envelope with one request for a version in it.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let request = payload(body)?;
        let operation = ListOperation::from_element(&request)?;
        let delta = request.child_number("deltaNum")?;
        match (delta, &operation) {
            (Some(delta), _) => Ok(Self { delta, operation }),
            (None, ListOperation::Other(_)) => Ok(Self { delta: 0, operation }),
            (None, _) => {
                Err(BodyError::new(BodyCode::Missing, request.local(), request.offset(), "deltaNum"))
            }
        }
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let request = match &self.operation {
            ListOperation::Other(element) => element.clone(),
            known => known.to_element().leaf("m:deltaNum", self.delta),
        };
        envelope(request)
    }
}

impl ListOperation {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let text = |name: &'static str| -> Result<String, BodyError> { Ok(element.need(name)?.content()) };
        let id = || -> Result<u32, BodyError> {
            element.need_value("groupID")?;
            Ok(element.child_number("groupID")?.unwrap_or_default())
        };
        let uri = || element.need_value("URI").map(|uri| with_scheme(&uri));
        let external = element.value("externalURI");
        Ok(match element.local() {
            "setContact" => Self::SetContact {
                uri: uri()?,
                name: element.first("displayName").map(Element::content).unwrap_or_default(),
                groups: group_ids(&element.value("groups").unwrap_or_default()),
                subscribed: element.value("subscribed").and_then(|text| xml::flag(&text)).unwrap_or(true),
                external,
            },
            "deleteContact" => Self::DeleteContact { uri: uri()? },
            "addGroup" => Self::AddGroup { name: text("name")?, external },
            "modifyGroup" => Self::ModifyGroup { id: id()?, name: text("name")?, external },
            "deleteGroup" => Self::DeleteGroup { id: id()? },
            _ => Self::Other(element.clone()),
        })
    }

    fn to_element(&self) -> Element {
        let external =
            |uri: &Option<String>| Element::new("m:externalURI").text(uri.as_deref().unwrap_or_default());
        match self {
            Self::SetContact { uri, name, groups, subscribed, external: expands } => {
                Element::new("m:setContact")
                    .leaf("m:displayName", name)
                    .leaf("m:groups", join(groups))
                    .leaf("m:subscribed", subscribed)
                    .leaf("m:URI", uri)
                    .child(external(expands))
            }
            Self::DeleteContact { uri } => Element::new("m:deleteContact").leaf("m:URI", uri),
            Self::AddGroup { name, external: expands } => {
                Element::new("m:addGroup").leaf("m:name", name).child(external(expands))
            }
            Self::ModifyGroup { id, name, external: expands } => Element::new("m:modifyGroup")
                .leaf("m:groupID", id)
                .leaf("m:name", name)
                .child(external(expands)),
            Self::DeleteGroup { id } => Element::new("m:deleteGroup").leaf("m:groupID", id),
            Self::Other(element) => element.clone(),
        }
    }

    /// The name of the operation, as the answer repeats it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::SetContact { .. } => "setContact",
            Self::DeleteContact { .. } => "deleteContact",
            Self::AddGroup { .. } => "addGroup",
            Self::ModifyGroup { .. } => "modifyGroup",
            Self::DeleteGroup { .. } => "deleteGroup",
            Self::Other(element) => element.local(),
        }
    }
}

/// The answer to a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListReply {
    /// It is done; the list changes by a notification.
    Done {
        /// The operation.
        operation: String,
    },
    /// A group was made.
    GroupAdded {
        /// Its number.
        id: u32,
    },
    /// It is refused.
    Fault {
        /// A word without its prefix.
        code: String,
        /// Why, in the server's words.
        text: String,
        /// Text of the details, if there are any.
        detail: Option<String>,
    },
}

impl ListReply {
    /// # Errors
    /// What is no envelope with something in it.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let answer = payload(body)?;
        if answer.local() == "Fault" {
            let word = answer.value("faultcode").unwrap_or_default();
            return Ok(Self::Fault {
                code: word.rsplit_once(':').map_or(word.as_str(), |(_, code)| code).to_owned(),
                text: answer.value("faultstring").unwrap_or_default(),
                detail: answer.first("detail").map(deep_text).filter(|text| !text.is_empty()),
            });
        }
        if let Some(id) = answer.child_number("groupID")? {
            return Ok(Self::GroupAdded { id });
        }
        Ok(Self::Done { operation: answer.local().to_owned() })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        envelope(match self {
            Self::Done { operation } => Element::new(&format!("m:{operation}")),
            Self::GroupAdded { id } => Element::new("m:addGroup").leaf("m:groupID", id),
            Self::Fault { code, text, detail } => Element::new("s:Fault")
                .leaf("faultcode", format!("s:{code}"))
                .leaf("faultstring", text)
                .leaf_some("detail", detail.as_ref()),
        })
    }
}

fn payload(body: &[u8]) -> Result<Element, BodyError> {
    let root = xml::parse(body)?.root("Envelope")?;
    let inside = root.need("Body")?;
    let first = inside.elements().next();
    first
        .cloned()
        .ok_or_else(|| BodyError::new(BodyCode::Missing, "Body", inside.offset(), "a request or an answer"))
}

fn envelope(payload: Element) -> String {
    Element::new("s:Envelope")
        .with("xmlns:s", ENVELOPE)
        .with("xmlns:m", METHODS)
        .child(Element::new("s:Body").child(payload))
        .write()
}

fn deep_text(element: &Element) -> String {
    let own = element.content();
    let parts = std::iter::once(own.trim().to_owned()).chain(element.elements().map(deep_text));
    parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}
