//! Rooms (persistent chat, MS-XCCOSIP): envelopes with commands, answers, notices and lines of chat.

mod command;
mod data;
mod line;

pub use command::Command;
pub use data::{Data, Principal, Room, RoomUri, ServerInfo, Token, member};
pub use line::Line;

use super::{BodyError, Element, xml};

/// The media type.
pub const TYPE: &str = "text/plain";

const NAMESPACE: &str = "urn:parlano:xml:ns:xccos";

/// What one INFO carries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The sender's number of the envelope.
    pub id: i64,
    /// What is in it.
    pub items: Vec<Item>,
}

/// One thing in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A client asks.
    Command {
        /// Its number in the envelope.
        seq: u32,
        /// What it asks.
        command: Command,
    },
    /// The server answers.
    Reply(Reply),
    /// The server tells.
    Notice {
        /// What, without `ntc:` (`join`, `bjoin`, `part`, `invite` and others).
        name: String,
        /// What it tells.
        data: Data,
    },
    /// Somebody talks in a room.
    Line(Line),
    /// Anything else, such as errors of the system.
    Other(Element),
}

/// An answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// The command, without `rpl:`. An answer to `getfutok` and `getfdtok` calls itself `getftok`.
    pub name: String,
    /// The command's envelope, if it says so.
    pub envelope: Option<i64>,
    /// The command's number in it.
    pub seq: Option<u32>,
    /// How it went, as in HTTP.
    pub code: u16,
    /// The same as a symbolic word.
    pub text: String,
    /// What was asked for.
    pub data: Data,
}

impl Reply {
    /// Whether the command was carried out.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.code, 200..300)
    }

    /// Whether it may be carried out another time.
    #[must_use]
    pub const fn may_be_repeated(&self) -> bool {
        self.code >= 500
    }
}

impl Envelope {
    /// An envelope with one command in it.
    #[must_use]
    pub fn of_command(id: i64, command: Command) -> Self {
        Self { id, items: vec![Item::Command { seq: 1, command }] }
    }

    /// # Errors
    /// What is no such document, or lacks a number.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?.root("xccos")?;
        Ok(Self {
            id: root.number("envid")?.unwrap_or(0),
            items: root.elements().map(Item::from_element).collect::<Result<_, _>>()?,
        })
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        Element::new("xccos")
            .with("ver", 1)
            .with("envid", self.id)
            .with("xmlns", NAMESPACE)
            .children(self.items.iter().map(Item::to_element))
            .write()
    }
}

impl Item {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        let name = |prefix: &str| {
            let id = element.attribute("id").unwrap_or_default();
            id.strip_prefix(prefix).unwrap_or(id).to_owned()
        };
        let nothing = Element::new("data");
        let data = element.first("data").unwrap_or(&nothing);
        Ok(match element.local() {
            "cmd" => Self::Command {
                seq: element.number("seqid")?.unwrap_or(1),
                command: Command::from_element(&name("cmd:"), data)?,
            },
            "rpl" => Self::Reply(Reply::from_element(element, name("rpl:"), data)?),
            "ntc" => Self::Notice { name: name("ntc:"), data: Data::from_element(data)? },
            "grpchat" => Self::Line(Line::from_element(element)?),
            _ => Self::Other(element.clone()),
        })
    }

    fn to_element(&self) -> Element {
        match self {
            Self::Command { seq, command } => Element::new("cmd")
                .with("id", format!("cmd:{}", command.name()))
                .with("seqid", seq)
                .child(command.to_element()),
            Self::Reply(reply) => reply.to_element(),
            Self::Notice { name, data } => Element::new("ntc")
                .with("id", format!("ntc:{name}"))
                .with("seqid", 1)
                .child(data.to_element()),
            Self::Line(line) => line.to_element("grpchat"),
            Self::Other(element) => element.clone(),
        }
    }
}

impl Reply {
    fn from_element(element: &Element, name: String, data: &Element) -> Result<Self, BodyError> {
        let of = element.first("commandid");
        let answer = element.need("resp")?;
        Ok(Self {
            name,
            envelope: of.map(|of| of.number("envid")).transpose()?.flatten(),
            seq: of.map(|of| of.number("seqid")).transpose()?.flatten(),
            code: answer.need_number("code")?,
            text: answer.content().trim().to_owned(),
            data: Data::from_element(data)?,
        })
    }

    fn to_element(&self) -> Element {
        let of = Element::new("commandid").with_some("seqid", self.seq).with_some("envid", self.envelope);
        Element::new("rpl")
            .with("id", format!("rpl:{}", self.name))
            .with("seqid", 1)
            .child(of)
            .child(Element::new("resp").with("code", self.code).text(&self.text))
            .child(self.data.to_element())
    }
}
