use super::seconds;
use crate::error::{Error, ErrorCode};
use crate::header::{Headers, name};
use crate::param::Params;
use crate::scan::Scan;

/// What a subscription is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The package, such as `presence` or `vnd-microsoft-roaming-self`.
    pub package: String,
    /// Parameters, `id` among them.
    pub params: Params,
}

/// How a subscription stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState {
    /// The state.
    pub state: State,
    /// Parameters; for known ones there are methods.
    pub params: Params,
}

/// States of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Notifications come.
    Active,
    /// Nobody has decided yet.
    Pending,
    /// It is over.
    Terminated,
    /// A state that this crate does not know, in lower case.
    Other(String),
}

impl SubscriptionState {
    /// The seconds that it lasts from now.
    pub fn expires(&self) -> Option<u32> {
        self.params.number("expires")
    }

    /// Why it is over.
    pub fn reason(&self) -> Option<&str> {
        self.params.raw("reason")
    }

    /// The seconds after which to try again.
    pub fn retry_after(&self) -> Option<u32> {
        self.params.number("retry-after")
    }
}

/// Events and lifetimes.
impl Headers {
    /// Event.
    pub fn event(&self) -> Result<Option<Event>, Error> {
        self.once(name::EVENT, |text| word(text).map(|(package, params)| Event { package, params }))
    }

    /// Subscription-State.
    pub fn subscription_state(&self) -> Result<Option<SubscriptionState>, Error> {
        self.once(name::SUBSCRIPTION_STATE, |text| {
            let (word, params) = word(text)?;
            let state = match word.to_ascii_lowercase().as_str() {
                "active" => State::Active,
                "pending" => State::Pending,
                "terminated" => State::Terminated,
                other => State::Other(other.to_owned()),
            };
            Ok(SubscriptionState { state, params })
        })
    }

    /// Expires in seconds; more than fits is as much as fits.
    pub fn expires(&self) -> Result<Option<u32>, Error> {
        self.once(name::EXPIRES, seconds)
    }

    /// Min-Expires in seconds.
    pub fn min_expires(&self) -> Result<Option<u32>, Error> {
        self.once(name::MIN_EXPIRES, seconds)
    }
}

fn word(text: &str) -> Result<(String, Params), Error> {
    let mut scan = Scan::new(text);
    let word = scan.token("a token")?.to_owned();
    let params = Params::scan(&mut scan)?;
    scan.done("a semicolon or the end").map_err(|error| Error { code: ErrorCode::Syntax, ..error })?;
    Ok((word, params))
}
