//! Commanding conferences (C3P, MS-CONFBAS): requests and their answers.

use super::{BodyCode, BodyError, Element, conference::ConferenceInfo, xml};

/// The media type of both.
pub const TYPE: &str = "application/cccp+xml";

const NAMESPACE: &str = "urn:ietf:params:xml:ns:cccp";
const EXTENSIONS: &str = "http://schemas.microsoft.com/rtc/2005/08/cccpextensions";
const CI: &str = "urn:ietf:params:xml:ns:conference-info";
const MSCI: &str = "http://schemas.microsoft.com/rtc/2005/08/confinfoextensions";

/// What comes in one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A request.
    Request(Request),
    /// An answer; there may be several to one request.
    Response(Response),
}

impl Message {
    /// # Errors
    /// What is neither document, or lacks what it needs.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?;
        if root.local() == "response" {
            return Response::from_element(&root).map(Self::Response);
        }
        Request::from_element(&root.root("request")?).map(Self::Request)
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        match self {
            Self::Request(request) => request.write(),
            Self::Response(response) => response.write(),
        }
    }
}

/// A request to a focus or to the factory of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The focus or the factory.
    pub to: String,
    /// Who asks.
    pub from: String,
    /// A number of the asker's choice, as it was spelt.
    pub id: String,
    /// What to do.
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Makes a conference.
    AddConference(Box<ConferenceInfo>),
    /// Lets a user in, mostly the asker himself.
    AddUser {
        /// The focus.
        focus: String,
        /// Who.
        user: String,
        /// `attendee` or `presenter`.
        role: Option<String>,
        /// The identifier of his endpoint, a UUID in braces.
        endpoint: Option<String>,
    },
    /// Asks which media there are.
    GetConferencingCapabilities,
    /// Throws a user out.
    DeleteUser {
        /// The focus.
        focus: String,
        /// Who.
        user: String,
    },
    /// Makes a user a leader, or no more.
    ModifyUserRoles {
        /// The focus.
        focus: String,
        /// Who.
        user: String,
        /// The role.
        role: String,
    },
    /// Closes or opens the door.
    ModifyConferenceLock {
        /// The focus.
        focus: String,
        /// Whether to close it.
        locked: bool,
    },
    /// Ends the conference.
    DeleteConference {
        /// The focus.
        focus: String,
    },
    /// Something else.
    Other(Element),
}

impl Request {
    /// # Errors
    /// What is no such document, or lacks what its command needs.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        Self::from_element(&xml::parse(body)?.root("request")?)
    }

    fn from_element(root: &Element) -> Result<Self, BodyError> {
        let text = |name| root.attribute(name).unwrap_or_default().to_owned();
        let command = root.elements().next();
        let command = command
            .ok_or_else(|| BodyError::new(BodyCode::Missing, "request", root.offset(), "a command"))?;
        Ok(Self {
            to: text("to"),
            from: text("from"),
            id: text("requestId"),
            command: Command::from_element(command)?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let request = Element::new("request")
            .with("xmlns", NAMESPACE)
            .with("xmlns:mscp", EXTENSIONS)
            .with("C3PVersion", 1)
            .with("to", &self.to)
            .with("from", &self.from)
            .with("requestId", &self.id)
            .child(self.command.to_element());
        format!("<?xml version=\"1.0\"?>{}", request.write())
    }
}

impl Command {
    /// The name of the command, which answers repeat.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::AddConference(_) => "addConference",
            Self::AddUser { .. } => "addUser",
            Self::GetConferencingCapabilities => "getConferencingCapabilities",
            Self::DeleteUser { .. } => "deleteUser",
            Self::ModifyUserRoles { .. } => "modifyUserRoles",
            Self::ModifyConferenceLock { .. } => "modifyConferenceLock",
            Self::DeleteConference { .. } => "deleteConference",
            Self::Other(element) => element.local(),
        }
    }

    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let focus = |keys: &'static str| element.need(keys)?.need_attribute("confEntity").map(str::to_owned);
        let user = || element.need("userKeys")?.need_attribute("userEntity").map(str::to_owned);
        Ok(match element.local() {
            "addConference" => {
                Self::AddConference(Box::new(ConferenceInfo::from_element(element.need("conference-info")?)?))
            }
            "addUser" => Self::add_user(element, focus("conferenceKeys")?)?,
            "getConferencingCapabilities" => Self::GetConferencingCapabilities,
            "deleteUser" => Self::DeleteUser { focus: focus("userKeys")?, user: user()? },
            "modifyUserRoles" => Self::ModifyUserRoles {
                focus: focus("userKeys")?,
                user: user()?,
                role: element.need("user-roles")?.need_value("entry")?,
            },
            "modifyConferenceLock" => {
                let text = element.need_value("locked")?;
                let bad = || BodyError::new(BodyCode::BadValue, "locked", element.offset(), "true or false");
                Self::ModifyConferenceLock {
                    focus: focus("conferenceKeys")?,
                    locked: xml::flag(&text).ok_or_else(bad)?,
                }
            }
            "deleteConference" => Self::DeleteConference { focus: focus("conferenceKeys")? },
            _ => Self::Other(element.clone()),
        })
    }

    fn add_user(element: &Element, focus: String) -> Result<Self, BodyError> {
        let user = element.need("user")?;
        Ok(Self::AddUser {
            focus,
            user: user.need_attribute("entity")?.to_owned(),
            role: user.first("roles").and_then(|roles| roles.value("entry")),
            endpoint: user
                .first("endpoint")
                .and_then(|endpoint| endpoint.attribute("entity"))
                .map(str::to_owned),
        })
    }

    fn to_element(&self) -> Element {
        let command = Element::new(self.name());
        let conference = |focus: &str| Element::new("conferenceKeys").with("confEntity", focus);
        let keys = |focus: &str, user: &str| {
            Element::new("userKeys").with("confEntity", focus).with("userEntity", user)
        };
        match self {
            Self::AddConference(info) => command.child(info.to_element("ci:")),
            Self::AddUser { focus, user, role, endpoint } => {
                let role = role.as_ref().map(|role| Element::new("ci:roles").leaf("ci:entry", role));
                let endpoint = endpoint.as_ref().map(|endpoint| {
                    Element::new("ci:endpoint").with("entity", endpoint).with("xmlns:msci", MSCI)
                });
                let user = Element::new("ci:user").with("xmlns:ci", CI).with("entity", user);
                command.child(conference(focus)).child(user.children(role).children(endpoint))
            }
            Self::GetConferencingCapabilities => command,
            Self::DeleteUser { focus, user } => command.child(keys(focus, user)),
            Self::ModifyUserRoles { focus, user, role } => command
                .child(keys(focus, user))
                .child(Element::new("user-roles").with("xmlns", CI).leaf("entry", role)),
            Self::ModifyConferenceLock { focus, locked } => {
                command.child(conference(focus)).leaf("locked", locked)
            }
            Self::DeleteConference { focus } => command.child(conference(focus)),
            Self::Other(element) => element.clone(),
        }
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The number of the request.
    pub id: String,
    /// The focus or the factory.
    pub from: String,
    /// Who asked.
    pub to: String,
    /// How it went; SIP's status says nothing of it.
    pub outcome: Outcome,
    /// Why it failed, in a word.
    pub reason: Option<String>,
    /// The command that is answered.
    pub command: String,
    /// The conference that was made or changed.
    pub conference: Option<Box<ConferenceInfo>>,
    /// The media that there are.
    pub media: Vec<String>,
}

/// How a command went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub enum Outcome {
    /// Well.
    #[default]
    Success,
    /// Another answer will follow.
    Pending,
    /// Not.
    Failure,
    /// A word that is none of these.
    Other(String),
}

impl Response {
    /// # Errors
    /// What is no such document, or does not say how it went.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        Self::from_element(&xml::parse(body)?.root("response")?)
    }

    fn from_element(root: &Element) -> Result<Self, BodyError> {
        let text = |name| root.attribute(name).unwrap_or_default().to_owned();
        let nothing = Element::new("");
        let answer = root.elements().next().unwrap_or(&nothing);
        let media = answer.first("mcu-types").unwrap_or(answer).all("mcuType");
        let medium = |medium: &Element| medium.content().trim().to_owned();
        let conference = answer.first("conference-info").map(ConferenceInfo::from_element).transpose()?;
        Ok(Self {
            id: text("requestId"),
            from: text("from"),
            to: text("to"),
            outcome: Outcome::read(root.need_attribute("code")?),
            reason: [root, answer].into_iter().find_map(|at| at.attribute("reason")).map(str::to_owned),
            command: answer.local().to_owned(),
            conference: conference.map(Box::new),
            media: media.map(medium).filter(|medium| !medium.is_empty()).collect(),
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        let media = self.media.iter().map(|medium| Element::new("mcuType").text(medium));
        let media = (!self.media.is_empty()).then(|| Element::new("mcu-types").children(media));
        let answer = (!self.command.is_empty()).then(|| {
            let conference = self.conference.as_ref().map(|info| info.to_element(""));
            Element::new(&self.command).children(conference).children(media)
        });
        Element::new("response")
            .with("xmlns", NAMESPACE)
            .with("requestId", &self.id)
            .with("C3PVersion", 1)
            .with("from", &self.from)
            .with("to", &self.to)
            .with("code", self.outcome.word())
            .with_some("reason", self.reason.as_ref())
            .children(answer)
            .write()
    }
}

impl Outcome {
    fn read(word: &str) -> Self {
        match word {
            "success" => Self::Success,
            "pending" => Self::Pending,
            "failure" => Self::Failure,
            other => Self::Other(other.to_owned()),
        }
    }

    fn word(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Pending => "pending",
            Self::Failure => "failure",
            Self::Other(word) => word,
        }
    }
}
