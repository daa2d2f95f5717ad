use std::time::Duration;

use tokio::time::Instant;
use trunkline_model::Seq;

use super::Session;

/// A phone whose last poll was answered so long ago polls no more.
const POLLING: Duration = Duration::from_secs(60);

/// How a reader reads a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Until it closes.
    Socket,
    /// Until there is something, or for a while.
    Poll,
}

/// Who reads a session, and when.
impl Session {
    /// A new reader takes the session over; `seen` is the last sequence that its phone has. Gives the place up to
    /// which the mailbox is thereby acknowledged, if that is news.
    pub(crate) fn attach(
        &self,
        reader: u64,
        form: Form,
        seen: Option<i64>,
        background: Option<bool>,
    ) -> Option<Seq> {
        self.change(|state| {
            if state.reader == Some(reader) {
                return None;
            }
            state.reader = Some(reader);
            state.background = background.unwrap_or(state.background);
            if form == Form::Socket || !state.outbound.goes_on(seen) {
                state.people.reopened(seen);
                if seen.is_none_or(|seen| seen < state.line_told) {
                    state.line = None;
                }
            }
            match form {
                Form::Socket => state.outbound.open(seen),
                Form::Poll => state.outbound.poll(seen),
            }
        })
    }

    /// The reader is gone; true when it was the session's present one.
    pub(crate) fn detach(&self, reader: u64) -> bool {
        let present = self.change(|state| {
            let present = state.reader == Some(reader);
            if present {
                state.reader = None;
                state.polled_at = None;
                state.outbound.close();
            }
            present
        });
        self.wrote();
        present
    }

    /// The poll that read the session was answered, and another one is to come soon.
    pub(crate) fn answered(&self, reader: u64) {
        self.change(|state| {
            if state.reader == Some(reader) {
                state.reader = None;
                state.polled_at = Some(Instant::now());
            }
        });
        self.wrote();
    }

    /// When no poll came for long, keeps for the phone only what the next one could not be told otherwise.
    pub(crate) fn end_polling(&self, now: Instant) {
        let mut state = self.state();
        let over = state.polled_at.is_some_and(|at| now.saturating_duration_since(at) > POLLING);
        if state.reader.is_none() && over {
            state.polled_at = None;
            state.outbound.close();
            drop(state);
            self.wrote();
        }
    }

    /// A request came in a POST; what it leads to is polled for, unless a socket is there.
    pub(crate) fn posted(&self) {
        self.state().outbound.expect_poll();
    }

    /// Whether the phone has a socket, or a poll that is held or was answered a moment ago.
    pub(crate) fn is_connected(&self) -> bool {
        let state = self.state();
        state.reader.is_some() || state.polled_at.is_some_and(|at| at.elapsed() < POLLING)
    }

    /// Whether somebody reads the session right now.
    pub(crate) fn is_read(&self) -> bool {
        self.state().reader.is_some()
    }
}
