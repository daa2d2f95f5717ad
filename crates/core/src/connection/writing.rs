use std::{sync::Arc, time::Duration};

use trunkline_model::Seq;
use trunkline_wire::ContactView;

use super::{Connection, Outgoing};
use crate::port::Line;
use crate::session::{End, Session, offer::Offer, outbound::Step};
use tokio::time::Instant;

/// A socket without a session is closed after this.
const UNBOUND: Duration = Duration::from_secs(30);
/// After this much silence the relay asks for a sign of life.
const SILENCE: Duration = Duration::from_secs(75);
/// How long to wait before the store is asked again after it failed.
const RETRY: Duration = Duration::from_secs(1);
/// Entries read from the mailbox at a time.
const PAGE: usize = 64;
/// Contacts told in one frame.
const CONTACTS_A_FRAME: usize = 500;

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

    async fn next_unbound(&self) -> Option<Outgoing> {
        let deadline = self.state().unbound_since + UNBOUND;
        tokio::select! {
            () = self.changed.notified() => None,
            () = tokio::time::sleep_until(deadline) => Some(Outgoing::Close(4401, "no session")),
        }
    }

    async fn next_of(&self, session: &Arc<Session>) -> Option<Outgoing> {
        let low;
        let step = {
            let mut state = session.state();
            if state.socket != Some(self.socket) {
                drop(state);
                // It may have taken a call that was meant for its successor.
                session.change(|_| ());
                return Some(Outgoing::Close(4001, "replaced"));
            }
            if let Some(end) = state.end {
                let frame = state.outbound.take_ready();
                drop(state);
                return frame.map(Outgoing::Text).or_else(|| self.after(end));
            }
            let before = state.outbound.sent();
            let step = state.outbound.step();
            state.lagging &= !matches!(step, Step::Wait);
            low = state.outbound.sequences.wants().is_some() && !state.reserving;
            if state.outbound.sent() > before && matches!(step, Step::Write(_)) {
                drop(state);
                self.state().ping_owed = true;
            }
            step
        };
        if low {
            self.relay.reserve_ahead(session);
        }
        match step {
            Step::Write(text) => {
                session.wrote();
                return Some(Outgoing::Text(text));
            }
            Step::Encode(offer) => self.encode(&offer).await,
            Step::Read(after) => self.read(session, after).await,
            Step::Exhausted => self.reserve(session).await,
            Step::Wait => return self.wait(session).await,
        }
        None
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

    async fn encode(&self, offer: &Offer) {
        let name = self.relay.lines.names.of(offer.entry.body.peer()).await;
        offer.encode(self.relay.store.epoch(), &name);
    }

    async fn read(&self, session: &Session, after: Seq) {
        match self.relay.store.mailbox(session.account(), after, PAGE).await {
            Ok(page) => {
                let page = page.into_iter().map(|entry| Arc::new(Offer::new(entry))).collect();
                session.state().outbound.page(after, page);
            }
            Err(error) => {
                tracing::warn!(%error, "the mailbox could not be read; it is tried again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn reserve(&self, session: &Arc<Session>) {
        if self.relay.reserve(session).await.is_err() {
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn wait(&self, session: &Arc<Session>) -> Option<Outgoing> {
        if let Some(line) = self.relay.lines.connected(session.account())
            && session.state().people.inform()
        {
            self.inform(session, line);
        }
        if self
            .relay
            .lines
            .blocks
            .of(session.account())
            .await
            .is_ok_and(|blocked| session.tell_contacts(&blocked))
        {
            return None;
        }
        if std::mem::take(&mut self.state().ping_owed) {
            return Some(Outgoing::Ping(session.state().outbound.sent().0.to_be_bytes().to_vec()));
        }
        let silent_at = self.state().last_life + self.silence_limit();
        let due = session.state().people.next_due().map_or(silent_at, |due| due.min(silent_at));
        tokio::select! {
            () = session.woken() => None,
            () = tokio::time::sleep_until(due) => self.silence(),
        }
    }

    /// Well before the session would time out.
    fn silence_limit(&self) -> Duration {
        SILENCE.min(self.relay.settings().session_timeout / 2)
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

    /// Tells the phone its whole roster, aside, because an IM system may take its time to give it.
    fn inform(&self, session: &Arc<Session>, line: Arc<dyn Line>) {
        let (relay, session) = (Arc::clone(&self.relay), Arc::clone(session));
        self.relay.tasks.clone().spawn(async move {
            // A line that has gone down tells its roster anew when it is back.
            let Ok(roster) = line.roster().await else {
                return session.change(|state| state.people.outdated());
            };
            let mut contacts = roster.contacts;
            let watched = session.state().people.watched();
            for who in watched {
                if let Ok(Some(contact)) = line.contact(&who).await {
                    contacts.push(contact);
                }
            }
            let Ok(views) = relay.lines.blocks.view(&session, contacts).await else {
                return session.change(|state| state.people.outdated());
            };
            let told: Vec<ContactView> = views
                .into_iter()
                .filter(|view| !session.state().people.is_muted(&view.contact.address))
                .collect();
            for some in told.chunks(CONTACTS_A_FRAME) {
                session.has_room().await;
                session.tell(some);
            }
        });
    }
}
