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

/// Sessions by id, for phones that have no socket.
#[derive(Debug, Default)]
pub(super) struct Index(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    sessions: HashMap<String, Arc<Session>>,
    parting: VecDeque<(Instant, Arc<Session>)>,
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
        if session.state().outbound.is_polled() {
            known.parting.push_back((Instant::now(), Arc::clone(session)));
            if known.parting.len() > MAX_PARTING {
                known.forget_oldest();
            }
        } else {
            known.forget(session);
        }
    }

    /// Forgets those that are over for long.
    pub(super) fn tidy(&self, now: Instant) {
        let mut known = self.known();
        while known.parting.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > PARTING) {
            known.forget_oldest();
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget_oldest(&mut self) {
        if let Some((_, session)) = self.parting.pop_front() {
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
