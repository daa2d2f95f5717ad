use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::MediaType;
use crate::address::Address;
use crate::error::{Error, ErrorCode};
use crate::header::{Headers, name};
use crate::param::Params;
use crate::scan::Scan;

/// Base64 with its padding or without: both are about.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why something failed, by Microsoft's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// Which header said so.
    pub origin: Origin,
    /// The number, which decides what is done.
    pub id: u32,
    /// Parameters; none when they cannot be read.
    pub params: Params,
}

/// Who made diagnostics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `ms-diagnostics`: a server of the same enterprise.
    Server,
    /// `ms-diagnostics-public`: a server, in words that may leave the enterprise.
    Public,
    /// `ms-client-diagnostics`: a client.
    Client,
}

impl Diagnostics {
    fn parse(text: &str, origin: Origin) -> Result<Self, Error> {
        let mut scan = Scan::new(text);
        let id = scan.number(u32::MAX, "a number")?;
        // The number is what counts: it is not lost to words with stray quotation marks.
        let params = Params::scan(&mut scan).unwrap_or_default();
        Ok(Self { origin, id, params })
    }

    /// The words, for logs.
    pub fn reason(&self) -> Option<Cow<'_, str>> {
        self.params.get("reason")
    }

    /// The host that says so.
    pub fn source(&self) -> Option<Cow<'_, str>> {
        self.params.get("source")
    }
}

/// `ms-keep-alive`: who asks for pings or grants them, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Whether the client asks; otherwise the server answers.
    pub is_uac: bool,
    /// Parameters.
    pub params: Params,
}

impl KeepAlive {
    /// The seconds of silence after which the server gives the client up.
    pub fn timeout(&self) -> Option<u32> {
        self.params.number("timeout")
    }
}

/// A message that came within an INVITE. `Debug` does not show its text.
#[derive(Clone, PartialEq, Eq)]
pub struct FirstMessage {
    /// Its type, without `ms-body`.
    pub media: MediaType,
    /// Its bytes, which are base64 on the wire.
    pub body: Vec<u8>,
}

impl FirstMessage {
    fn parse(text: &str) -> Result<Self, Error> {
        let media = MediaType::parse(text)?;
        let body = media.params.get("ms-body");
        let body =
            body.ok_or_else(|| Error::text(ErrorCode::Missing, text.len(), "the parameter ms-body"))?;
        let body = BASE64.decode(body.as_bytes());
        let body = body.map_err(|_| Error::text(ErrorCode::Base64, 0, "base64 in the parameter ms-body"))?;
        let params = media.params.without("ms-body");
        Ok(Self { media: MediaType { params, ..media }, body })
    }

    /// The header's value that carries this message.
    pub fn value(&self) -> String {
        format!(
            "{}{};ms-body={}",
            self.media.name,
            self.media.params,
            base64::prelude::BASE64_STANDARD.encode(&self.body)
        )
    }
}

impl fmt::Debug for FirstMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.media.name, self.body.len())
    }
}

/// Headers of Microsoft's own.
impl Headers {
    /// All diagnostics that can be read: those of the server's first, then public ones, then a client's.
    pub fn diagnostics(&self) -> Vec<Diagnostics> {
        let origins = [
            (name::MS_DIAGNOSTICS, Origin::Server),
            (name::MS_DIAGNOSTICS_PUBLIC, Origin::Public),
            (name::MS_CLIENT_DIAGNOSTICS, Origin::Client),
        ];
        let read =
            |(name, origin)| self.all(name).map(move |header| Diagnostics::parse(&header.text(), origin));
        origins.into_iter().flat_map(read).flatten().collect()
    }

    /// `ms-keep-alive`.
    pub fn keep_alive(&self) -> Result<Option<KeepAlive>, Error> {
        self.once(name::MS_KEEP_ALIVE, |text| {
            let mut scan = Scan::new(text);
            let role = scan.token("UAC or UAS")?;
            let params = Params::scan(&mut scan)?;
            scan.done("a semicolon or the end")?;
            Ok(KeepAlive { is_uac: role.eq_ignore_ascii_case("UAC"), params })
        })
    }

    /// The first message in plain text (`ms-text-format`).
    pub fn first_message(&self) -> Result<Option<FirstMessage>, Error> {
        self.once(name::MS_TEXT_FORMAT, FirstMessage::parse)
    }

    /// The same message in richer forms (`ms-im-format`), as many as can be read.
    pub fn rich_first_messages(&self) -> Vec<FirstMessage> {
        self.all(name::MS_IM_FORMAT).filter_map(|header| FirstMessage::parse(&header.text()).ok()).collect()
    }

    /// `Ms-Conversation-ID`, which keeps its value over the dialogs of a conversation.
    pub fn conversation_id(&self) -> Option<String> {
        let id = self.text(name::MS_CONVERSATION_ID)?.into_owned();
        (!id.is_empty()).then_some(id)
    }

    /// `Ms-Sender`: who wrote a message that a conference sent.
    pub fn ms_sender(&self) -> Result<Option<Address>, Error> {
        self.once(name::MS_SENDER, Address::parse)
    }
}
