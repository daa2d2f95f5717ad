use std::time::Duration;

use uuid::Uuid;

use crate::address::Address;
use crate::failure::Failure;
use crate::header::{Headers, name};
use crate::message::Response;
use crate::uri::Uri;

/// What became of a REGISTER, or of the registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It holds.
    Registered(Box<Registered>),
    /// Another server is responsible: connect there; the next REGISTER is due at once.
    Redirected {
        /// Host, port and transport.
        uri: Uri,
        /// Whether it is so for good (301), so that it may be remembered.
        permanent: bool,
        /// For how many seconds it may be remembered.
        seconds: Option<u32>,
    },
    /// The server wants a longer lifetime: the next REGISTER asks for it, at once.
    Again,
    /// It failed for now; the next REGISTER is due after this time, perhaps at another server.
    Wait {
        /// From now.
        wait: Duration,
        /// What the server said; nothing if there was no answer.
        failure: Option<&'static Failure>,
    },
    /// It is over: the server does not take this user.
    Refused {
        /// The status.
        status: u16,
        /// What it means, and whether an operator has to act.
        failure: &'static Failure,
        /// What the server says in words, for logs; a text of the server's, never the user's.
        words: Option<String>,
    },
    /// The server ended it by itself.
    Ended(Ended),
    /// It is over because we wanted so, whatever the server answered.
    Left,
    /// Nothing changed.
    Nothing,
}

/// Why a registration ended that we had not given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The user may not sign in any more: tell him, and do not try again. What the diagnostics mean, if they are known.
    Rejected(Option<&'static Failure>),
    /// The user moved, or the server is about to stop: the next REGISTER is due at once and may be redirected.
    Moved,
    /// The server does not know of it any more: the next REGISTER is due at once.
    Forgotten,
    /// It ran out before it was refreshed: the server is slow, or asked to wait for too long. The next REGISTER is due when
    /// it was before.
    RanOut,
    /// Another endpoint took its place, keep-alives were missed, or the server sends us away again and again: the next
    /// REGISTER is due after this time.
    Replaced(Duration),
}

/// What a server granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Our GRUU, which is the Contact of all that we send from now on.
    pub gruu: Option<Uri>,
    /// Seconds.
    pub expires: u32,
    /// What may be subscribed to.
    pub events: Vec<String>,
    /// What the server can.
    pub supported: Vec<String>,
    /// Seconds of silence after which it gives us up.
    pub keep_alive: Option<u32>,
}

impl Registered {
    /// Reads a 200; nothing if it grants nothing. Of several Contacts the one of our instance counts.
    pub(super) fn read(response: &Response, instance: Uuid, asked: u32) -> Option<Self> {
        let contacts = response.contacts().unwrap_or_default();
        let ours = contacts.iter().find(|contact| contact.instance() == Some(instance));
        let expires = ours.and_then(Address::expires).or(response.expires().ok().flatten());
        let keep_alive = response.keep_alive().ok().flatten().and_then(|keep_alive| keep_alive.timeout());
        Some(Self {
            gruu: ours.and_then(Address::gruu).and_then(Result::ok),
            expires: expires.or(Some(asked)).filter(|seconds| *seconds > 0)?,
            events: response.tokens(name::ALLOW_EVENTS).unwrap_or_default(),
            supported: response.tokens(name::SUPPORTED).unwrap_or_default(),
            keep_alive,
        })
    }

    /// Whether the event package may be subscribed to.
    pub fn allows(&self, event: &str) -> bool {
        self.events.iter().any(|each| each.eq_ignore_ascii_case(event))
    }

    /// Whether the server has the option.
    pub fn supports(&self, option: &str) -> bool {
        self.supported.iter().any(|each| each.eq_ignore_ascii_case(option))
    }
}

/// The server's words about a refusal: of diagnostics, else of a Warning.
pub(super) fn words(headers: &Headers) -> Option<String> {
    let diagnostics = headers.diagnostics();
    let reason = diagnostics.iter().find_map(|why| why.reason().map(std::borrow::Cow::into_owned));
    reason.or_else(|| headers.warnings().ok()?.into_iter().next().map(|warning| warning.text))
}
