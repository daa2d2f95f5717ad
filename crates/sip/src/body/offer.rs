//! Offering messages in SDP: one line that matters, and media that are refused.

use super::{BodyCode, BodyError};

/// The media type.
pub const TYPE: &str = "application/sdp";

/// Longest description that is read.
const MAX_SDP: usize = 64 * 1_024;
const NO_ADDRESS: &str = "0.0.0.0";

/// What an offer or an answer says about messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The address of the connection, which nobody uses.
    pub address: String,
    /// The medium of messages; `None` if there is none.
    pub messages: Option<Messages>,
    /// Other media by their names (`audio`, `applicationsharing`).
    pub others: Vec<String>,
}

/// The medium of messages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Messages {
    /// A port, which nobody uses; 0 refuses.
    pub port: u16,
    /// Whose messages, in answers; `None` for `null`.
    pub peer: Option<String>,
    /// Media types that can be shown, in lower case; empty if nothing is said.
    pub accepts: Vec<String>,
}

impl Offer {
    /// Media types that a relay turns into text.
    pub const ACCEPTS: [&'static str; 5] =
        ["text/plain", "multipart/alternative", "text/html", "text/rtf", "application/ms-imdn+xml"];

    /// An offer of messages, or with `peer` an answer.
    #[must_use]
    pub fn of_messages(address: &str, port: u16, peer: Option<&str>) -> Self {
        let accepts = Self::ACCEPTS.map(str::to_owned).to_vec();
        let messages = Messages { port, peer: peer.map(str::to_owned), accepts };
        Self { address: address.to_owned(), messages: Some(messages), others: Vec::new() }
    }

    /// Reads what matters and leaves the rest, whatever its order.
    ///
    /// # Errors
    /// What does not begin with a version, or a medium without a port.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        if body.len() > MAX_SDP {
            return Err(BodyError::new(BodyCode::TooLarge, "sdp", MAX_SDP, "at most 64 KiB"));
        }
        let text = std::str::from_utf8(body)
            .map_err(|error| BodyError::new(BodyCode::NotUtf8, "sdp", error.valid_up_to(), "UTF-8"))?;
        if !text.trim_start().starts_with("v=") {
            return Err(BodyError::new(BodyCode::Malformed, "sdp", 0, "v=0"));
        }
        let mut offer = Self { address: NO_ADDRESS.to_owned(), ..Self::default() };
        let mut in_messages = false;
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let field = line.trim();
            if let Some(medium) = field.strip_prefix("m=") {
                let message = offer.medium(medium, at)?;
                in_messages = message;
            } else if let Some(connection) = field.strip_prefix("c=") {
                offer.connection(connection);
            } else if let (true, Some(types)) = (in_messages, field.strip_prefix("a=accept-types:")) {
                offer.accept(types);
            }
            at += line.len();
        }
        Ok(offer)
    }

    fn medium(&mut self, medium: &str, at: usize) -> Result<bool, BodyError> {
        let mut words = medium.split_whitespace();
        let name = words.next().unwrap_or_default();
        if !name.eq_ignore_ascii_case("message") || self.messages.is_some() {
            self.others.extend((!name.is_empty()).then(|| name.to_ascii_lowercase()));
            return Ok(false);
        }
        // A range of ports or a number of them is tolerated.
        let port = words.next().unwrap_or_default().split('/').next().unwrap_or_default();
        let port = port.parse().map_err(|_| BodyError::new(BodyCode::BadValue, "m=message", at, "a port"))?;
        let peer = words.nth(1).filter(|peer| !peer.eq_ignore_ascii_case("null")).map(str::to_owned);
        self.messages = Some(Messages { port, peer, accepts: Vec::new() });
        Ok(true)
    }

    fn connection(&mut self, connection: &str) {
        if let (true, Some(address)) = (self.address == NO_ADDRESS, connection.split_whitespace().nth(2)) {
            address.clone_into(&mut self.address);
        }
    }

    fn accept(&mut self, types: &str) {
        if let Some(messages) = &mut self.messages {
            messages.accepts.extend(types.split_whitespace().map(str::to_ascii_lowercase));
        }
    }

    /// Whether messages are offered and not refused.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        self.messages.as_ref().is_some_and(|messages| messages.port != 0)
    }

    /// Whether the peer can show a media type; who says nothing can show plain text.
    #[must_use]
    pub fn shows(&self, media: &str) -> bool {
        let Some(messages) = &self.messages else { return false };
        let named = |accepted: &String| accepted == "*" || accepted.eq_ignore_ascii_case(media);
        messages.accepts.iter().any(named) || (messages.accepts.is_empty() && media == "text/plain")
    }

    /// The description; other media are refused.
    #[must_use]
    pub fn write(&self) -> String {
        let family = if self.address.contains(':') { "IP6" } else { "IP4" };
        let address = if self.address.is_empty() { NO_ADDRESS } else { &self.address };
        let mut lines = vec![
            "v=0".to_owned(),
            format!("o=- 0 0 IN {family} {address}"),
            "s=session".to_owned(),
            format!("c=IN {family} {address}"),
            "t=0 0".to_owned(),
        ];
        if let Some(messages) = &self.messages {
            lines.push(format!(
                "m=message {} sip {}",
                messages.port,
                messages.peer.as_deref().unwrap_or("null")
            ));
            if !messages.accepts.is_empty() {
                lines.push(format!("a=accept-types:{}", messages.accepts.join(" ")));
            }
        }
        lines.extend(self.others.iter().map(|medium| format!("m={medium} 0 RTP/AVP 0")));
        lines.iter().map(|line| format!("{line}\r\n")).collect()
    }
}
