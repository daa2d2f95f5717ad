use std::{fmt, time::Duration};

use secrecy::SecretString;
use serde_json::Value;
use trunkline_model::{Address, Availability};

use crate::Server;

/// Who a phone is and how it behaves.
#[derive(Clone)]
pub struct Profile {
    /// The relay.
    pub server: Server,
    /// The device's token from the activation.
    pub token: SecretString,
    /// The install's stable id; the one that was activated.
    pub device_token: String,
    /// `iOS`, `Android`, ….
    pub platform: String,
    /// The app's version.
    pub app_version: String,
    /// Language, in the form `en_GB`.
    pub locale: String,
    /// The password on the IM system, if it needs one; forgotten once the relay has it.
    pub im_password: Option<SecretString>,
    /// What others are to see when the phone first signs in; `None` leaves the last choice.
    pub presence: Option<Availability>,
    /// The note that others are to see then; `None` leaves the last one.
    pub personal_message: Option<String>,
    /// Acknowledge messages once they are handed to the receiver of events.
    pub auto_ack: bool,
    /// How long a request waits for its answer, connecting included.
    pub request_limit: Duration,
    /// How long a send waits, over any number of reconnects.
    pub send_limit: Duration,
    /// How often to ping; a socket that is silent for one and a half times as long is given up.
    pub ping_every: Duration,
    /// Pauses between attempts to connect.
    pub backoff: Backoff,
    /// False goes by POST and poll from the start; else only where WebSockets are refused or keep failing.
    pub web_sockets: bool,
    /// How often a phone that fell back to polls tries whether a WebSocket opens.
    pub web_socket_retry: Duration,
}

/// Pauses between attempts: at random between zero and a bound that doubles from `first` up to `longest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first bound.
    pub first: Duration,
    /// The last bound.
    pub longest: Duration,
}

impl Profile {
    /// The usual behaviour: acknowledges by itself, 30 s a request, 2 min a send, a ping a minute.
    pub fn new(server: Server, token: SecretString, device_token: impl Into<String>) -> Self {
        Self {
            server,
            token,
            device_token: device_token.into(),
            platform: "Android".to_owned(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            locale: "en_GB".to_owned(),
            im_password: None,
            presence: None,
            personal_message: None,
            auto_ack: true,
            request_limit: Duration::from_secs(30),
            send_limit: Duration::from_secs(120),
            ping_every: Duration::from_secs(60),
            backoff: Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(30) },
            web_sockets: true,
            web_socket_retry: Duration::from_secs(300),
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("server", &self.server)
            .field("device_token", &self.device_token)
            .finish_non_exhaustive()
    }
}

/// What BeginSession told.
#[derive(Clone, PartialEq)]
pub struct Session {
    /// Who is signed in; absent when a foreign server does not tell.
    pub user: Option<Address>,
    /// The person's name.
    pub display_name: String,
    /// Where the line to the IM system stood.
    pub line_state: String,
    /// Why; may be empty.
    pub line_reason: String,
    /// True when it is the session from before a drop.
    pub resumed: bool,
    /// Lets its bearer speak for the session.
    pub(crate) id: String,
}

impl Session {
    pub(crate) fn read(data: &Value, earlier: Option<&str>) -> Self {
        let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = Some(text("sessionId")).filter(|id| !id.is_empty()).unwrap_or_else(|| text("sessionid"));
        Self {
            user: text("userId").parse().ok(),
            display_name: text("displayName"),
            line_state: text("lineState"),
            line_reason: text("lineReason"),
            resumed: earlier.is_some_and(|earlier| earlier == id),
            id,
        }
    }

    /// The session's id, for the HTTP form of the API: a secret.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user", &self.user)
            .field("line_state", &self.line_state)
            .field("resumed", &self.resumed)
            .finish_non_exhaustive()
    }
}
