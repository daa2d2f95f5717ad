use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use secrecy::SecretString;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trunkline_model::MessageKey;

use super::password::same;
use crate::port::{Backend, Line, LineState, Outcome, Person};

/// Outcomes kept for senders that have not asked yet.
const MAX_EARLY: usize = 256;

/// The place of one account's line, open or not.
pub(crate) struct Slot {
    pub(crate) person: Person,
    pub(crate) backend: Arc<dyn Backend>,
    /// Held while the line is opened or closed, so that two sessions do not open two, and none opens one that closes.
    pub(super) opening: tokio::sync::Mutex<()>,
    /// Held while phones are told how the line stands.
    pub(super) telling: tokio::sync::Mutex<()>,
    /// Cancelled when the account signs out of its IM system.
    pub(super) stop: CancellationToken,
    pub(super) outbox: Notify,
    /// The lane at work; waited for when the account signs out.
    pub(super) lanes: TaskTracker,
    state: watch::Sender<LineState>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    line: Option<Arc<dyn Line>>,
    generation: u64,
    password: Option<SecretString>,
    waiters: Vec<(MessageKey, oneshot::Sender<Outcome>)>,
    early: Vec<(MessageKey, Instant, Outcome)>,
    lane_runs: bool,
    was_connected: bool,
}

impl Slot {
    pub(super) fn new(person: Person, backend: Arc<dyn Backend>) -> Self {
        Self {
            person,
            backend,
            opening: tokio::sync::Mutex::default(),
            telling: tokio::sync::Mutex::default(),
            stop: CancellationToken::new(),
            outbox: Notify::new(),
            lanes: TaskTracker::new(),
            state: watch::Sender::new(LineState::Closed),
            inner: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> LineState {
        self.state.borrow().clone()
    }

    pub(crate) fn line(&self) -> Option<Arc<dyn Line>> {
        self.inner().line.clone()
    }

    /// There may be something in the outbox.
    pub(crate) fn ring(&self) {
        self.outbox.notify_one();
    }

    /// A new line begins; its generation tells its events from those of the line before.
    pub(super) fn begin(&self, password: Option<SecretString>) -> u64 {
        let mut inner = self.inner();
        inner.password = password;
        inner.was_connected = false;
        inner.generation += 1;
        self.state.send_replace(LineState::Connecting { reason: String::new() });
        inner.generation
    }

    /// Tells the slot's line from those before it.
    pub(super) fn generation(&self) -> u64 {
        self.inner().generation
    }

    pub(super) fn is_present(&self, generation: u64) -> bool {
        self.inner().generation == generation
    }

    /// Takes the opened line, unless it was refused while it was being opened.
    pub(super) fn set_line(&self, generation: u64, line: Arc<dyn Line>) {
        if self.is_present(generation) && !matches!(*self.state.borrow(), LineState::PasswordRefused) {
            self.inner().line = Some(line);
        }
    }

    pub(super) fn take_line(&self) -> Option<Arc<dyn Line>> {
        self.inner().line.take()
    }

    /// What the line of this generation was opened with; `None` for one that was replaced.
    pub(super) fn password(&self, generation: u64) -> Option<SecretString> {
        let inner = self.inner();
        inner.password.clone().filter(|_| inner.generation == generation)
    }

    /// Lets go of the line of this generation, unless another has taken its place.
    pub(super) fn drop_line(&self, generation: u64) {
        let mut inner = self.inner();
        if inner.generation == generation {
            inner.line = None;
        }
    }

    /// Whether the line signed in with this password.
    pub(super) fn uses(&self, password: &SecretString) -> bool {
        self.inner().password.as_ref().is_some_and(|used| same(used, password))
    }

    /// Notes a state; true when it is another one than before.
    pub(super) fn set_state(&self, state: &LineState) -> bool {
        self.state.send_if_modified(|present| {
            let news = present != state;
            present.clone_from(state);
            news
        })
    }

    /// Waits until the line is up or refused, at most `wait`, and says where it stands.
    pub(super) async fn settled(&self, wait: Duration) -> LineState {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| !matches!(state, LineState::Connecting { .. }));
        // Running out of time is an answer too: the phone is told "connecting".
        let _ = tokio::time::timeout(wait, settled).await;
        self.state()
    }

    /// Resolves with the outcome of a message that was given to the store after `since`; what became of earlier
    /// attempts does not count.
    pub(crate) fn outcome(&self, key: MessageKey, since: Instant) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut inner = self.inner();
        inner.waiters.retain(|(_, waiter)| !waiter.is_closed());
        inner.early.retain(|(early, at, _)| *early != key || *at >= since);
        match inner.early.iter().position(|(early, ..)| *early == key) {
            Some(at) => {
                let (.., outcome) = inner.early.swap_remove(at);
                // The receiver is right here.
                let _ = sender.send(outcome);
            }
            None => inner.waiters.push((key, sender)),
        }
        receiver
    }

    /// Tells those who wait for it what became of a message; when nobody does, keeps it for a sender that is about to.
    pub(super) fn tell(&self, key: MessageKey, outcome: &Outcome) {
        let mut inner = self.inner();
        let (told, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut inner.waiters).into_iter().partition(|(waiting, _)| *waiting == key);
        inner.waiters = others;
        if told.is_empty() {
            if inner.early.len() == MAX_EARLY {
                inner.early.remove(0);
            }
            inner.early.push((key, Instant::now(), outcome.clone()));
        }
        for (_, waiter) in told {
            // A sender that no longer waits reads it in its mailbox.
            let _ = waiter.send(outcome.clone());
        }
    }

    /// The line is signed in; true when it was so before, and has been away.
    pub(super) fn came_back(&self) -> bool {
        std::mem::replace(&mut self.inner().was_connected, true)
    }

    /// Claims the outbox; false when a lane runs already.
    pub(super) fn claim_lane(&self) -> bool {
        !std::mem::replace(&mut self.inner().lane_runs, true)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
