use super::{Line, RoomUri};
use crate::body::{BodyError, Element};

/// What a client asks a channel server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Where the channel server is.
    RequestUri,
    /// Its limits.
    GetServerInfo {
        /// The domain.
        domain: String,
        /// Which facts, as bits.
        kind: u32,
    },
    /// Enters a room.
    Join(RoomUri),
    /// Enters many at once.
    BulkJoin(Vec<RoomUri>),
    /// Leaves a room.
    Part {
        /// The room.
        room: String,
    },
    /// Asks for the last lines of a room.
    Context {
        /// The room.
        room: String,
        /// How many.
        last: u32,
    },
    /// Looks for rooms.
    Search {
        /// What to compare: `BYNAME` and others.
        by: String,
        /// Words; empty for all that can be seen.
        criteria: String,
    },
    /// Asks for invitations from a number on.
    GetInvitations {
        /// The number.
        since: u64,
        /// The domain.
        domain: String,
    },
    /// Asks to hand in a file.
    GetUploadToken {
        /// The room.
        room: String,
        /// The file's name.
        file: String,
    },
    /// Asks to fetch a file.
    GetDownloadToken {
        /// The room.
        room: String,
        /// The file's address.
        file: String,
    },
    /// Something else, by its name without `cmd:`.
    Other {
        /// The name.
        name: String,
        /// Its `data`.
        data: Element,
    },
}

impl Command {
    /// All facts about a server.
    pub const ALL_FACTS: u32 = 123;

    /// The name, without `cmd:`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::RequestUri => "requri",
            Self::GetServerInfo { .. } => "getserverinfo",
            Self::Join(_) => "join",
            Self::BulkJoin(_) => "bjoin",
            Self::Part { .. } => "part",
            Self::Context { .. } => "bccontext",
            Self::Search { .. } => "chansrch",
            Self::GetInvitations { .. } => "getinv",
            Self::GetUploadToken { .. } => "getfutok",
            Self::GetDownloadToken { .. } => "getfdtok",
            Self::Other { name, .. } => name,
        }
    }

    pub(super) fn from_element(name: &str, data: &Element) -> Result<Self, BodyError> {
        let room = || data.need("chanib")?.need_attribute("uri").map(str::to_owned);
        let file = |name| Ok::<_, BodyError>(data.need("ftdb")?.need_attribute(name)?.to_owned());
        Ok(match name {
            "requri" => Self::RequestUri,
            "getserverinfo" => {
                let facts = data.need("sib")?;
                let domain = facts.attribute("domain").unwrap_or_default().to_owned();
                Self::GetServerInfo { domain, kind: facts.number("infoType")?.unwrap_or(Self::ALL_FACTS) }
            }
            "join" => Self::Join(RoomUri::from_element(data.need("chanid")?)?),
            "bjoin" => {
                Self::BulkJoin(data.all("chanid").map(RoomUri::from_element).collect::<Result<_, _>>()?)
            }
            "part" => Self::Part { room: room()? },
            "bccontext" => {
                let last = data.at(&["bcq", "last"]).map(|last| last.need_number("cnt")).transpose()?;
                // Other questions about a history have other contents.
                match last {
                    Some(last) => Self::Context { room: room()?, last },
                    None => Self::Other { name: name.to_owned(), data: data.clone() },
                }
            }
            "chansrch" => {
                let question = data.need("qib")?;
                let text = |name| question.attribute(name).unwrap_or_default().to_owned();
                Self::Search { by: text("qtype"), criteria: text("criteria") }
            }
            "getinv" => {
                let question = data.need("inv")?;
                let domain = question.attribute("domain").unwrap_or_default().to_owned();
                Self::GetInvitations { since: question.number("inviteId")?.unwrap_or(0), domain }
            }
            "getfutok" => Self::GetUploadToken { room: file("channelUri")?, file: file("fileUrl")? },
            "getfdtok" => Self::GetDownloadToken { room: file("channelUri")?, file: file("fileUrl")? },
            _ => Self::Other { name: name.to_owned(), data: data.clone() },
        })
    }

    pub(super) fn to_element(&self) -> Element {
        let data = Element::new("data");
        let room = |room: &str| Element::new("chanib").with("uri", room);
        let token =
            |room: &str, file: &str| Element::new("ftdb").with("channelUri", room).with("fileUrl", file);
        match self {
            Self::RequestUri => data,
            Self::GetServerInfo { domain, kind } => {
                data.child(Element::new("sib").with("domain", domain).with("infoType", kind))
            }
            Self::Join(one) => data.child(one.to_element(0)),
            Self::BulkJoin(all) => data.children((0..).zip(all).map(|(key, one)| one.to_element(key))),
            Self::Part { room: uri } => data.child(room(uri)),
            Self::Context { room: uri, last } => {
                let last = Element::new("last").with("cnt", last);
                data.child(room(uri)).child(Element::new("bcq").child(last))
            }
            Self::Search { by, criteria } => {
                let question = Element::new("qib").with("qtype", by).with("criteria", criteria);
                data.child(question.with("extended", false))
            }
            Self::GetInvitations { since, domain } => {
                data.child(Element::new("inv").with("inviteId", since).with("domain", domain))
            }
            Self::GetUploadToken { room, file } | Self::GetDownloadToken { room, file } => {
                data.child(token(room, file))
            }
            Self::Other { data, .. } => data.clone(),
        }
    }
}

/// A line to say.
impl Line {
    /// A line without what the server adds.
    #[must_use]
    pub fn new(room: &str, author: &str, at: jiff::Timestamp, text: &str) -> Self {
        Self {
            room: room.to_owned(),
            author: author.to_owned(),
            at: Some(at),
            text: text.to_owned(),
            ..Self::default()
        }
    }
}
