use std::{sync::Arc, time::Duration};

use super::{Connection, Outgoing};
use crate::{
    reader::Found,
    session::{End, Session},
};
use tokio::time::Instant;

/// A socket without a session is closed after this.
const UNBOUND: Duration = Duration::from_secs(30);
/// After this much silence the relay asks for a sign of life.
const SILENCE: Duration = Duration::from_secs(75);

impl Connection {
    /// What to write next; waits until there is something. Dropping the future loses nothing.
    pub async fn next(&self) -> Outgoing {
        loop {
            let frame = self.state().unbound.pop_front();
            if let Some(frame) = frame {
                return Outgoing::Text(frame);
            }
            let out = match self.session() {
                Some(session) => self.next_of(&session).await,
                None => self.next_unbound().await,
            };
            if let Some(out) = out {
                return out;
            }
        }
    }

    /// What [`Connection::next`] gave out so far is written.
    pub fn wrote(&self) {
        let written = std::mem::take(&mut self.state().writing);
        for committed in written {
            self.relay().metrics.delivered(committed);
        }
    }

    async fn next_unbound(&self) -> Option<Outgoing> {
        let deadline = self.state().unbound_since + UNBOUND;
        tokio::select! {
            () = self.changed.notified() => None,
            () = tokio::time::sleep_until(deadline) => Some(Outgoing::Close(4401, "no session")),
        }
    }

    async fn next_of(&self, session: &Arc<Session>) -> Option<Outgoing> {
        match self.reader.find(session).await {
            Found::Frame { text, durable, committed } => {
                if durable {
                    let mut state = self.state();
                    state.ping_owed = true;
                    state.writing.extend(committed);
                }
                Some(Outgoing::Text(text))
            }
            Found::Replaced => Some(Outgoing::Close(4001, "replaced")),
            Found::Over(end) => self.after(end),
            Found::Nothing => self.wait(session).await,
        }
    }

    /// What becomes of the socket when its session is over.
    fn after(&self, end: End) -> Option<Outgoing> {
        if end == End::Refused {
            // The phone may try another password on the same socket.
            let mut state = self.state();
            state.session = None;
            state.unbound_since = Instant::now();
            return None;
        }
        let (code, reason) = end.close();
        Some(Outgoing::Close(code, reason))
    }

    async fn wait(&self, session: &Arc<Session>) -> Option<Outgoing> {
        if std::mem::take(&mut self.state().ping_owed) {
            return Some(Outgoing::Ping(session.state().outbound.sent().0.to_be_bytes().to_vec()));
        }
        let silent_at = self.state().last_life + self.silence_limit();
        tokio::select! {
            () = self.reader.news(session) => None,
            () = tokio::time::sleep_until(silent_at) => self.silence(),
        }
    }

    /// Well before the session would time out.
    fn silence_limit(&self) -> Duration {
        SILENCE.min(self.relay().settings().session_timeout / 2)
    }

    /// Asks for a sign of life when there was none for long.
    fn silence(&self) -> Option<Outgoing> {
        let mut state = self.state();
        let now = Instant::now();
        if now.saturating_duration_since(state.last_life) < self.silence_limit() {
            return None;
        }
        state.last_life = now;
        Some(Outgoing::Ping(Vec::new()))
    }
}
