//! The HTTP form of the Connect API: requests come by POST, and what waits for the phone is fetched by polls.

mod poll;
mod post;

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use trunkline_wire::ErrorCode;

pub use self::{
    poll::{Poll, Polling},
    post::Posted,
};
use crate::{
    connection::Opening,
    error,
    rate::Pace,
    relay::{Inner, Relay},
    request,
    session::Session,
};

/// One HTTP request of a phone, and the session to which it belongs.
pub struct Visit {
    relay: Arc<Inner>,
    opening: Opening,
    session: Option<Arc<Session>>,
    /// The phone itself told the session's id.
    named: bool,
}

/// Why a visit is not served now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitError {
    /// Too many requests come, or too much waits to be fetched: try again after this.
    Busy(Duration),
}

impl Relay {
    /// A phone asks something over HTTP. `session_id` is what it holds as `sessionId`.
    pub async fn visit(&self, opening: Opening, session_id: Option<&str>) -> Visit {
        Visit::begin(&self.0, opening, session_id).await
    }
}

impl Visit {
    /// Finds the session that `session_id` names, unless the other headers prove that it is not this phone's; without
    /// an id, the one of the device that token and device id prove.
    async fn begin(relay: &Arc<Inner>, opening: Opening, session_id: Option<&str>) -> Self {
        let session = match session_id {
            Some(id) => named(relay, &opening, id).await,
            None if opening.device_token.is_some() => request::proven_session(relay, &opening).await,
            None => None,
        };
        Self { relay: Arc::clone(relay), opening, session, named: session_id.is_some() }
    }

    /// How long this phone, or this place without a session, must wait before it may ask again.
    fn wait(&self) -> Option<Duration> {
        let (pace, now) = (self.pace(), Instant::now());
        match &self.session {
            Some(session) => session.state().posts.wait(pace, now),
            None => self.relay.strangers.post_wait(self.opening.source, pace, now),
        }
    }

    /// Counts one request.
    fn count(&self) {
        count(&self.relay, &self.opening, self.session.as_ref(), self.pace());
    }

    fn pace(&self) -> Pace {
        let settings = self.relay.settings();
        Pace::new(settings.request_rate, settings.request_burst)
    }
}

fn count(relay: &Inner, opening: &Opening, session: Option<&Arc<Session>>, pace: Pace) {
    let now = Instant::now();
    match session {
        Some(session) => session.state().posts.take(pace, now),
        None => relay.strangers.posted(opening.source, pace, now),
    }
}

/// The session with this id. Whoever holds the id may use it; but a device id or token beside it that belongs to another
/// phone, or to nobody, says that the id is a left-over.
async fn named(relay: &Arc<Inner>, opening: &Opening, id: &str) -> Option<Arc<Session>> {
    let session = relay.hub.by_id(id)?;
    if opening.device_token.as_ref().is_some_and(|told| *told != session.identity.device_token) {
        return None;
    }
    // Of a session that is over only the last words are left, and the token may be what ended it.
    if opening.auth_token.is_some() && !session.is_over() {
        match request::proven(relay, opening).await {
            Ok(identity) if identity.device == session.identity.device => {}
            // A store that does not answer proves nothing against the id.
            Err(error) if error.code == ErrorCode::GeneralFailure => {}
            _ => return None,
        }
    }
    Some(session)
}

/// The answer to a poll for which there is no session, or no longer.
fn no_session(opening: &Opening) -> String {
    trunkline_wire::failure_now(None, None, &error::no_session(), opening.background == Some(true))
}
