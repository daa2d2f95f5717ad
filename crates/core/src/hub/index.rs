use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::session::Session;

/// A session that is over can still be polled for its last words so long.
const PARTING: Duration = Duration::from_secs(120);
/// Most sessions that are kept so.
const MAX_PARTING: usize = 1_024;
/// Most memory that they may take together; the oldest go before there is more.
const MAX_PARTING_BYTES: usize = 64 * 1024 * 1024;

/// Sessions by id, for phones that have no socket.
#[derive(Debug, Default)]
pub(super) struct Index(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    sessions: HashMap<String, Arc<Session>>,
    parting: VecDeque<Parting>,
    /// The memory that those may take.
    bytes: usize,
}

#[derive(Debug)]
struct Parting {
    since: Instant,
    session: Arc<Session>,
    bytes: usize,
}

impl Index {
    pub(super) fn add(&self, session: &Arc<Session>) {
        self.known().sessions.insert(session.id.clone(), Arc::clone(session));
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.known().sessions.get(id).cloned()
    }

    /// The session is over; one that is polled is found a while longer.
    pub(super) fn part(&self, session: &Arc<Session>) {
        let mut known = self.known();
        let Some(bytes) = session.part() else { return known.forget(session) };
        known.bytes += bytes;
        known.parting.push_back(Parting { since: Instant::now(), session: Arc::clone(session), bytes });
        while known.parting.len() > MAX_PARTING || known.bytes > MAX_PARTING_BYTES {
            known.forget_oldest();
        }
    }

    /// Forgets those that are over for long.
    pub(super) fn tidy(&self, now: Instant) {
        let mut known = self.known();
        while known.parting.front().is_some_and(|one| now.saturating_duration_since(one.since) > PARTING) {
            known.forget_oldest();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget_oldest(&mut self) {
        if let Some(Parting { session, bytes, .. }) = self.parting.pop_front() {
            self.bytes -= bytes;
            self.forget(&session);
        }
    }

    /// A restored session has the id of the one before it.
    fn forget(&mut self, session: &Arc<Session>) {
        if self.sessions.get(&session.id).is_some_and(|known| Arc::ptr_eq(known, session)) {
            self.sessions.remove(&session.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trunkline_model::{AccountId, DeviceId, Seq, Timestamp};

    use super::{Index, MAX_PARTING_BYTES};
    use crate::{
        port::Identity,
        session::{Beginning, Session, outbound::Outbound, sequence::Sequences},
    };

    const FRAME: usize = 200 * 1024;

    /// A session whose phone polls and has not fetched three large answers.
    fn polled(id: usize) -> Arc<Session> {
        let device = DeviceId::fresh();
        let sequences = Sequences::new(Timestamp(1_000_000), 0, 10_000);
        let session = Session::new(Beginning {
            identity: Identity {
                account: AccountId(1),
                address: "bo@example.test".parse().unwrap(),
                device,
                device_token: String::new(),
            },
            id: id.to_string(),
            outbound: Outbound::new(device, sequences, Seq(0), Seq(0)),
            background: false,
            push_type: 0,
            availability: None,
            personal_message: String::new(),
            last_active: Timestamp::now(),
        });
        session.posted();
        (0..3).for_each(|_| answer(&session));
        Arc::new(session)
    }

    fn answer(session: &Session) {
        session.change(|state| state.outbound.complete(|_| "x".repeat(FRAME)));
    }

    /// What polls of all of them would be answered.
    fn held(index: &Index, count: usize) -> Vec<usize> {
        let bytes = |session: Arc<Session>| {
            let mut state = session.state();
            state.outbound.poll(None);
            std::iter::from_fn(|| state.outbound.take_ready()).map(|frame| frame.len()).sum()
        };
        (0..count).map(|id| index.find(&id.to_string()).map_or(0, bytes)).collect()
    }

    #[test]
    fn what_sessions_hold_that_are_over_is_bounded_in_bytes_and_the_oldest_go_first() {
        let (index, count) = (Index::default(), 300);
        for id in 0..count {
            let session = polled(id);
            index.add(&session);
            index.part(&session);
            // Requests that were under way end late.
            (0..3).for_each(|_| answer(&session));
        }
        let held = held(&index, count);
        assert!(held.iter().sum::<usize>() <= MAX_PARTING_BYTES, "{held:?}");
        let gone = held.iter().take_while(|bytes| **bytes == 0).count();
        assert!(gone > 0 && gone < count, "{gone}");
        assert!(
            held[gone..].iter().all(|bytes| *bytes == 3 * FRAME),
            "the newest keep all they had: {held:?}"
        );
    }
}
