//! A device's signed-in state. It outlives its socket and the process; every reader of it is served from the store.

mod end;
mod life;
pub(crate) mod offer;
pub(crate) mod outbound;
mod people;
mod reading;
mod recent;
mod room;
pub(crate) mod sequence;
mod turn;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, Semaphore};
use trunkline_model::{AccountId, Address, Availability, Contact, Seq, Timestamp};
use trunkline_wire::{ContactView, EventData, RequestId};

pub(crate) use self::{end::End, recent::Known};
use self::{life::Life, offer::Offer, outbound::Outbound};
pub(crate) use self::{
    people::People,
    reading::Form,
    recent::Recent,
    turn::{Turn, Turns},
};
use crate::{
    card::Cards,
    port::{Identity, LineState},
    rate::Rate,
};
use tokio::time::Instant;

/// Most requests of a session that may be under way at once.
pub(crate) const MAX_UNDER_WAY: usize = 64;

/// What a session that is over takes besides people and frames, at most: ids of requests, marks, itself.
const PARTING_BYTES: usize = 24 * 1024;

/// One device's session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) identity: Identity,
    /// What the phone holds as `sessionId`.
    pub(crate) id: String,
    pub(crate) under_way: Arc<Semaphore>,
    pub(crate) turns: Turns,
    /// Held while a page of the mailbox is read, so that a phone that asks for many does not get them all at once.
    pub(crate) paging: tokio::sync::Mutex<()>,
    /// Held while the requests of one POST are taken, so that those of the next come after them.
    pub(crate) posting: Arc<tokio::sync::Mutex<()>>,
    /// Requests that wait for others, without a place of their own.
    dependents: AtomicUsize,
    life: Life,
    written_active: AtomicI64,
    written_mark: AtomicI64,
    state: Mutex<State>,
    /// Notified when a reservation of sequences has ended, well or not.
    pub(crate) reserved: Notify,
    wake: Notify,
    room: Notify,
}

/// The part of a session that changes.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) outbound: Outbound,
    pub(crate) recent: Recent,
    pub(crate) people: People,
    /// The socket or poll that reads the session now.
    pub(crate) reader: Option<u64>,
    /// When the last poll was answered, while nobody reads and the next one is awaited.
    polled_at: Option<Instant>,
    /// How fast requests come in POSTs.
    pub(crate) posts: Rate,
    pub(crate) background: bool,
    pub(crate) push_type: i64,
    pub(crate) availability: Option<Availability>,
    pub(crate) personal_message: String,
    /// The state of the line that the phone was told last, with its reason.
    pub(crate) line: Option<LineState>,
    /// The sequence under which it was told.
    line_told: i64,
    pub(crate) end: Option<End>,
    /// The phone took too little of what waited for it, and has not caught up since.
    pub(crate) lagging: bool,
    /// A wider reservation of sequences is being asked of the store.
    pub(crate) reserving: bool,
}

impl State {
    fn tell(&mut self, contacts: &[ContactView]) {
        if let Some(sequence) = self.outbound.event(&trunkline_wire::contact_update(contacts)) {
            self.people.telling(sequence);
        }
    }
}

/// What a session begins with.
pub(crate) struct Beginning {
    pub(crate) identity: Identity,
    pub(crate) id: String,
    pub(crate) outbound: Outbound,
    pub(crate) background: bool,
    pub(crate) push_type: i64,
    pub(crate) availability: Option<Availability>,
    pub(crate) personal_message: String,
    pub(crate) last_active: Timestamp,
}

impl Session {
    pub(crate) fn new(from: Beginning) -> Self {
        Self {
            identity: from.identity,
            id: from.id,
            under_way: Arc::new(Semaphore::new(MAX_UNDER_WAY)),
            turns: Turns::default(),
            paging: tokio::sync::Mutex::default(),
            posting: Arc::default(),
            dependents: AtomicUsize::new(0),
            life: Life::new(from.last_active),
            written_active: AtomicI64::new(from.last_active.0),
            written_mark: AtomicI64::new(from.outbound.acknowledged().0),
            state: Mutex::new(State {
                outbound: from.outbound,
                recent: Recent::default(),
                people: People::default(),
                reader: None,
                polled_at: None,
                posts: Rate::new(Instant::now()),
                background: from.background,
                push_type: from.push_type,
                availability: from.availability,
                personal_message: from.personal_message,
                line: None,
                line_told: 0,
                end: None,
                lagging: false,
                reserving: false,
            }),
            reserved: Notify::new(),
            wake: Notify::new(),
            room: Notify::new(),
        }
    }

    pub(crate) fn account(&self) -> AccountId {
        self.identity.account
    }

    pub(crate) fn address(&self) -> &Address {
        &self.identity.address
    }

    /// The changing part. A poisoned lock is entered all the same: one panicking request must not end the session.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes the socket.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.wake.notify_one();
        result
    }

    /// Resolves when [`Session::change`] was called since the last time.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.state().end.is_some()
    }

    /// The phone takes too little; gives how many entries of the mailbox it is behind.
    pub(crate) fn lags(&self) -> i64 {
        let mut state = self.state();
        state.lagging = true;
        state.outbound.head().0 - state.outbound.sent().0
    }

    /// Whether the phone took too little and has not caught up since.
    pub(crate) fn is_lagging(&self) -> bool {
        self.state().lagging
    }

    /// The phone was heard of.
    pub(crate) fn touch(&self, now: Timestamp) {
        self.life.touch(now);
    }

    /// When the phone was last heard of, by the system's clock.
    pub(crate) fn last_heard(&self) -> Timestamp {
        self.life.last()
    }

    /// How long nothing was heard of the phone.
    pub(crate) fn silence(&self) -> Duration {
        self.life.silence()
    }

    /// An entry was committed to the account's mailbox.
    pub(crate) fn offer(&self, offer: &Arc<Offer>) {
        self.change(|state| {
            if state.outbound.is_open() {
                state.outbound.offer(offer);
            } else {
                state.outbound.heard(offer.entry.seq);
            }
        });
    }

    /// An event that is of no use later; dropped when no socket is there, or one that takes nothing.
    pub(crate) fn hint(&self, data: &EventData) {
        self.change(|state| {
            if state.outbound.is_open() {
                state.outbound.hint(data);
            }
        });
    }

    /// Something about a contact changed.
    pub(crate) fn contact_changed(&self, contact: &Contact) {
        self.change(|state| state.people.changed(contact));
    }

    /// A frame without a sequence.
    pub(crate) fn push(&self, frame: String) {
        self.change(|state| state.outbound.push(frame));
    }

    /// Notes how a request ended, for its dependents.
    pub(crate) fn settle(&self, id: &RequestId, succeeded: bool) {
        self.state().recent.settle(id.key(), succeeded);
    }

    /// A request begins to wait for others.
    pub(crate) fn enter_dependent(&self) {
        self.dependents.fetch_add(1, Ordering::Relaxed);
    }

    /// A request waits no more.
    pub(crate) fn leave_dependent(&self) {
        self.dependents.fetch_sub(1, Ordering::Relaxed);
        self.wrote();
    }

    /// Writes the completion of a request and settles it for its dependents.
    pub(crate) fn complete(
        &self,
        id: &RequestId,
        succeeded: bool,
        write: impl FnOnce(i64) -> String + Send + 'static,
    ) {
        self.change(|state| {
            state.outbound.complete(write);
            state.recent.settle(id.key(), succeeded);
        });
        self.wrote();
    }

    /// Ends the session and has its phone told why; true when it was not over before.
    pub(crate) fn end(&self, why: End) -> bool {
        self.change(|state| {
            if state.end.is_some() {
                return false;
            }
            if let Some(reason) = why.reason() {
                let last = trunkline_wire::session_terminated(reason);
                state.outbound.last_word(&last, why == End::Revoked);
            }
            state.end = Some(why);
            // Nobody waits for a request of a session that is over.
            state.recent.abandon();
            true
        })
    }

    /// Nobody finds the session any more but a phone that polls for its last words. Gives the most memory that it may
    /// take from now on, in bytes; `None` when its phone does not poll.
    pub(crate) fn part(&self) -> Option<usize> {
        let mut state = self.state();
        let polled = state.outbound.is_polled();
        polled.then(|| state.people.part() + state.outbound.part() + PARTING_BYTES)
    }

    /// Queues the contact changes that are due; true when there were any.
    pub(crate) fn tell_contacts(&self, blocked: &HashSet<Address>, cards: &Cards) -> bool {
        let mut due = self.state().people.due(Instant::now());
        cards.fill(self, &mut due);
        let (is_any, mut state) = (!due.is_empty(), self.state());
        for contact in due {
            let view = ContactView { blocked: blocked.contains(&contact.address), contact };
            state.tell(&[view]);
        }
        is_any
    }

    /// Queues contacts for the phone, if a socket is there.
    pub(crate) fn tell(&self, contacts: &[ContactView]) {
        self.change(|state| {
            if state.outbound.is_open() {
                state.tell(contacts);
            }
        });
    }

    /// Like [`Session::tell_line`], for a new socket: a line that is simply up needs no word.
    pub(crate) fn tell_line_anew(&self, line: &LineState) {
        if *line != LineState::Connected || self.state().line_told > 0 {
            self.tell_line(line);
        }
    }

    /// Queues where the line stands and why, unless the phone was told so last.
    pub(crate) fn tell_line(&self, line: &LineState) {
        self.change(|state| {
            if state.outbound.is_open() && state.line.as_ref() != Some(line) {
                state.line = Some(line.clone());
                let event = trunkline_wire::line_state(line.name(), line.reason());
                state.line_told = state.outbound.event(&event).unwrap_or(state.line_told);
            }
        });
    }

    /// When the phone was last heard of, when that is not written down yet.
    pub(crate) fn news_of_life(&self) -> Option<Timestamp> {
        let last = self.life.last();
        (self.written_active.load(Ordering::Relaxed) < last.0).then_some(last)
    }

    /// It is written down that the phone was heard of then.
    pub(crate) fn life_written(&self, heard: Timestamp) {
        self.written_active.fetch_max(heard.0, Ordering::Relaxed);
    }

    /// Up to where the mailbox is acknowledged, when that is not written down yet.
    pub(crate) fn news_of_mark(&self) -> Option<Seq> {
        let mark = self.state().outbound.acknowledged();
        (self.written_mark.load(Ordering::Relaxed) < mark.0).then_some(mark)
    }

    /// The store has it that the phone has everything up to here.
    pub(crate) fn acknowledged(&self, up_to: Seq) {
        self.state().outbound.acknowledge(up_to);
        self.written_mark.fetch_max(up_to.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::{AccountId, DeviceId, Seq, Timestamp};

    use super::{Beginning, Session, outbound::Outbound, sequence::Sequences};
    use crate::port::Identity;

    /// Otherwise every round of housekeeping writes it once more, for every active phone.
    #[test]
    fn what_a_phone_acknowledged_by_a_call_is_no_news_for_housekeeping() {
        let device = DeviceId::fresh();
        let sequences = Sequences::new(Timestamp(1_000_000), 0, 10_000);
        let session = Session::new(Beginning {
            identity: Identity {
                account: AccountId(1),
                address: "bo@example.test".parse().unwrap(),
                device,
                device_token: String::new(),
            },
            id: "1".to_owned(),
            outbound: Outbound::new(device, sequences, Seq(0), Seq(0)),
            background: false,
            push_type: 0,
            availability: None,
            personal_message: String::new(),
            last_active: Timestamp::now(),
        });
        session.acknowledged(Seq(3));
        assert_eq!(session.news_of_mark(), None);
        session.state().outbound.acknowledge(Seq(4));
        assert_eq!(session.news_of_mark(), Some(Seq(4)), "it has sent something behind all that it has");
    }
}
