use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout_at};
use trunkline_model::Timestamp;

use super::{Visit, VisitError, no_session};
use crate::{
    connection::Opening,
    reader::{Found, Reader},
    relay::Inner,
    session::{Form, Session},
};

/// Most frames in one answer.
const MAX_FRAMES: usize = 200;
/// Bytes of frames beyond which an answer takes no more.
const MAX_BYTES: usize = 1024 * 1024;
/// At least so long is waited for a mailbox that is being read.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// A poll that reads a session. Dropped unanswered, it leaves the session as a lost socket would.
pub struct Poll {
    reader: Reader,
    session: Arc<Session>,
    opening: Opening,
    _held: Held,
}

/// What comes of asking for a poll.
pub enum Polling {
    /// To be held.
    Poll(Poll),
    /// There is nothing to wait for: this is the only frame of the answer.
    Answer(String),
}

impl Visit {
    /// Makes this visit the session's reader, in place of a socket or another poll.
    pub async fn poll(&self) -> Result<Polling, VisitError> {
        if let Some(wait) = self.wait() {
            return Err(VisitError::Busy(wait));
        }
        self.count();
        let Some(session) = &self.session else {
            return Ok(Polling::Answer(no_session(&self.opening)));
        };
        let poll = Poll {
            reader: Reader::new(&self.relay, Form::Poll),
            session: Arc::clone(session),
            opening: self.opening.clone(),
            _held: Held::new(&self.relay),
        };
        if let Err(error) = poll.reader.take(session, &self.opening).await {
            tracing::warn!(%error, "what is in the mailbox of a phone that polls is not known yet");
        }
        Ok(Polling::Poll(poll))
    }

    /// Like [`Visit::poll`], for a POST that takes along what there is; `None` when there is no session, or somebody else
    /// reads it.
    pub async fn poll_along(&self) -> Option<Poll> {
        let session = self.session.as_ref().filter(|session| !session.is_read())?;
        if session.is_over() {
            return None;
        }
        match self.poll().await {
            Ok(Polling::Poll(poll)) => Some(poll),
            _ => None,
        }
    }
}

impl Poll {
    /// Waits until there is something for the phone, at most for `hold`: at most 200 frames, in rising sequence. They come
    /// again at the next poll unless that tells their `sequence`.
    pub async fn frames(self, hold: Duration) -> Vec<String> {
        let deadline = Instant::now() + hold;
        let (mut frames, mut bytes) = (Vec::new(), 0);
        while frames.len() < MAX_FRAMES && bytes < MAX_BYTES {
            let limit = Instant::now() + READ_LIMIT;
            let limit = if frames.is_empty() { deadline.max(limit) } else { limit };
            match timeout_at(limit, self.reader.find(&self.session)).await {
                Ok(Found::Frame { text, .. }) => {
                    bytes += text.len();
                    frames.push(text);
                }
                // Whoever came after gets it all.
                Ok(Found::Replaced) => return Vec::new(),
                Ok(Found::Over(_)) if frames.is_empty() => return vec![no_session(&self.opening)],
                Ok(Found::Nothing) if frames.is_empty() && self.hold(deadline).await => {}
                Ok(Found::Over(_) | Found::Nothing) | Err(_) => break,
            }
        }
        self.session.touch(Timestamp::now());
        self.reader.answered(&self.session);
        frames
    }

    /// False when the time is over.
    async fn hold(&self, deadline: Instant) -> bool {
        let alive = Instant::now() + self.reader.relay.settings().session_timeout / 4;
        tokio::select! {
            () = self.reader.news(&self.session) => true,
            () = sleep_until(deadline.min(alive)) => {
                self.session.touch(Timestamp::now());
                Instant::now() < deadline
            }
        }
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        // Whoever was answered reads no more.
        self.reader.leave(&self.session);
    }
}

/// Counts the polls that are held.
struct Held(Arc<Inner>);

impl Held {
    fn new(relay: &Arc<Inner>) -> Self {
        relay.enter_poll();
        Self(Arc::clone(relay))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.leave_poll();
    }
}
