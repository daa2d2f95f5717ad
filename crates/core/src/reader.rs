//! Who reads what a session has for its phone: a socket, or one poll. Only one at a time; a newer one replaces it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use trunkline_model::{Seq, Timestamp};
use trunkline_store::StoreError;
use trunkline_wire::ContactView;

use crate::{
    connection::Opening,
    error::Seldom,
    port::Line,
    portion::portions,
    relay::Inner,
    router,
    session::{End, Form, Session, offer::Offer, outbound::Step},
};

/// How long to wait before the store is asked again after it failed.
const RETRY: Duration = Duration::from_secs(1);
/// Entries read from the mailbox at a time.
const PAGE: usize = 64;

/// One reader of a session.
pub(crate) struct Reader {
    pub(crate) relay: Arc<Inner>,
    number: u64,
    form: Form,
}

/// What a reader finds.
pub(crate) enum Found {
    /// A frame for the phone; `durable` when it tells an entry of the mailbox, `committed` when it came fresh from there.
    Frame { text: String, durable: bool, committed: Option<Instant> },
    /// Another reader has taken the session.
    Replaced,
    /// The session is over, and its last frame was given out.
    Over(End),
    /// Nothing now: [`Reader::news`] tells when to look again.
    Nothing,
}

impl Reader {
    pub(crate) fn new(relay: &Arc<Inner>, form: Form) -> Self {
        Self { relay: Arc::clone(relay), number: relay.next_reader(), form }
    }

    /// Takes the session over from whoever reads it now, and begins to read.
    pub(crate) async fn take(&self, session: &Arc<Session>, opening: &Opening) -> Result<(), StoreError> {
        let acknowledged = self.seize(session, opening);
        self.begin(session, acknowledged).await
    }

    /// Takes the session over from whoever reads it now; up to where the opening acknowledges the mailbox, when that is
    /// news.
    pub(crate) fn seize(&self, session: &Session, opening: &Opening) -> Option<Seq> {
        session.attach(self.number, self.form, opening.sequence, opening.background)
    }

    /// Begins to read a session that was seized.
    pub(crate) async fn begin(
        &self,
        session: &Arc<Session>,
        acknowledged: Option<Seq>,
    ) -> Result<(), StoreError> {
        if let Some(up_to) = acknowledged {
            // Told once, so it is carried out even when whoever told it goes away this moment.
            let (relay, session) = (Arc::clone(&self.relay), Arc::clone(session));
            self.relay.tasks.spawn(async move {
                if let Err(error) = router::acknowledge_wholly(&relay, &session, up_to).await {
                    // The store has complained, once for all phones; housekeeping writes it down later.
                    tracing::debug!(%error, "what a phone has could not be written down");
                }
            });
        }
        session.touch(Timestamp::now());
        if session.is_over() {
            return Ok(());
        }
        if let Some(slot) = self.relay.lines.slot(session.account()) {
            session.tell_line_anew(&slot.state());
        }
        self.relay.catch_up(session).await
    }

    /// Leaves the session without a reader, unless another one has taken it.
    pub(crate) fn leave(&self, session: &Session) {
        session.detach(self.number);
    }

    /// What was found went to the phone as one answer, and another poll is to come soon.
    pub(crate) fn answered(&self, session: &Session) {
        session.answered(self.number);
    }

    /// The phone's socket saw everything up to this place of the mailbox.
    pub(crate) fn saw(&self, session: &Session, seq: Seq) {
        let mut state = session.state();
        if state.reader == Some(self.number) {
            state.outbound.saw(seq);
        }
    }

    /// What there is for the phone now. Dropping the future loses nothing.
    pub(crate) async fn find(&self, session: &Arc<Session>) -> Found {
        loop {
            match self.step(session) {
                Ok(Step::Write(_)) => {}
                Ok(Step::Encode(offer)) => self.encode(&offer).await,
                Ok(Step::Read(after)) => self.read(session, after).await,
                Ok(Step::Exhausted) => self.reserve(session).await,
                Ok(Step::Wait) => {
                    if !self.tell_people(session).await {
                        return Found::Nothing;
                    }
                }
                Err(found) => return found,
            }
        }
    }

    /// The next step, or what is found without one.
    fn step(&self, session: &Arc<Session>) -> Result<Step, Found> {
        let mut state = session.state();
        if state.reader != Some(self.number) {
            drop(state);
            // It may have taken a call that was meant for its successor.
            session.change(|_| ());
            return Err(Found::Replaced);
        }
        if let Some(end) = state.end {
            let frame = state.outbound.take_ready();
            return Err(frame.map_or(Found::Over(end), |text| Found::Frame {
                text,
                durable: false,
                committed: None,
            }));
        }
        let before = state.outbound.sent();
        let step = state.outbound.step();
        state.lagging &= !matches!(step, Step::Wait);
        let durable = state.outbound.sent() > before;
        let low = state.outbound.sequences.wants().is_some() && !state.reserving;
        let committed = state.outbound.take_fresh();
        drop(state);
        if low {
            self.relay.reserve_ahead(session);
        }
        match step {
            Step::Write(text) => {
                session.wrote();
                Err(Found::Frame { text, durable, committed })
            }
            step => Ok(step),
        }
    }

    /// Resolves when there may be something to find.
    pub(crate) async fn news(&self, session: &Session) {
        let due = session.state().people.next_due();
        match due {
            Some(due) => tokio::select! {
                () = session.woken() => {}
                () = tokio::time::sleep_until(due) => {}
            },
            None => session.woken().await,
        }
    }

    async fn encode(&self, offer: &Offer) {
        let name = self.relay.lines.names.of(offer.entry.body.peer()).await;
        offer.encode(self.relay.store.epoch(), &name);
    }

    async fn read(&self, session: &Session, after: Seq) {
        match self.relay.store.mailbox(session.account(), after, PAGE).await {
            Ok(page) => {
                self.relay.metrics.reread.inc_by(u64::try_from(page.len()).unwrap_or_default());
                let page = page.into_iter().map(|entry| Arc::new(Offer::new(entry))).collect();
                session.state().outbound.page(after, page);
            }
            Err(error) => {
                static LAST: Seldom = Seldom::new();
                if LAST.is_due() {
                    tracing::warn!(%error, "a mailbox could not be read; it is tried again");
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    async fn reserve(&self, session: &Arc<Session>) {
        if self.relay.reserve(session).await.is_err() {
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Queues what is to be told of people now; false when that is nothing.
    async fn tell_people(&self, session: &Arc<Session>) -> bool {
        if let Some(line) = self.relay.lines.connected(session.account())
            && session.state().people.inform()
        {
            self.inform(session, line);
        }
        let blocked = self.relay.lines.blocks.of(session.account()).await;
        blocked.is_ok_and(|blocked| session.tell_contacts(&blocked, &self.relay.cards))
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
            let Ok(views) = relay.view(&session, contacts).await else {
                return session.change(|state| state.people.outdated());
            };
            let told: Vec<ContactView> = views
                .into_iter()
                .filter(|view| !session.state().people.is_muted(&view.contact.address))
                .collect();
            for some in portions(&told) {
                session.has_room().await;
                session.tell(some);
            }
        });
    }
}
