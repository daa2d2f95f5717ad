//! Every account's line: opening and closing it, and what it says of itself.

mod blocking;
mod inlet;
mod lane;
mod password;
mod people;
mod slot;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use secrecy::SecretString;
use tokio_util::task::TaskTracker;
use trunkline_model::{AccountId, Address};
use trunkline_store::Store;

use self::inlet::LineInlet;
pub use self::password::stored_password;
pub(crate) use self::slot::Slot;
use crate::{
    block::Blocks,
    hub::Hub,
    metric::Metrics,
    name::Names,
    port::{Backend, Line, LineError, LineState, OpenLine, Person},
    stranger::Failures,
};

/// How long a line that closes waits for its outbox: longer than the outbox waits for the IM system.
const LANE_WAIT: Duration = Duration::from_secs(6);

/// How the lines of one backend stand.
#[derive(Debug, Clone, serde::Serialize)]
pub struct BackendHealth {
    /// `local`, `xmpp`, …
    pub kind: &'static str,
    /// The domain it serves; `None` for the local backend.
    pub domain: Option<String>,
    /// All lines.
    pub lines: usize,
    /// Lines that are signed in.
    pub connected: usize,
    /// Lines that try to sign in.
    pub connecting: usize,
    /// Lines that were refused and do not try again by themselves.
    pub refused: usize,
}

impl BackendHealth {
    fn count(&mut self, state: &LineState) {
        self.lines += 1;
        match state {
            LineState::Connected => self.connected += 1,
            LineState::Connecting { .. } => self.connecting += 1,
            LineState::PasswordRefused | LineState::Refused { .. } => self.refused += 1,
            LineState::Closed => {}
        }
    }
}

/// What a line says of itself, and what it was opened with.
struct Change {
    generation: u64,
    password: Option<SecretString>,
    state: LineState,
}

/// The lines of all accounts.
pub(crate) struct Lines {
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) blocks: Blocks,
    pub(crate) names: Names,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: TaskTracker,
    /// Wrong IM passwords of each account, wherever they come from.
    pub(crate) guesses: Failures<AccountId>,
    backends: Vec<Arc<dyn Backend>>,
    local: Arc<dyn Backend>,
    slots: Mutex<HashMap<AccountId, Arc<Slot>>>,
}

impl Lines {
    pub(crate) fn new(
        store: Store,
        hub: Arc<Hub>,
        metrics: Metrics,
        tasks: TaskTracker,
        guesses: Failures<AccountId>,
        backends: Vec<Arc<dyn Backend>>,
        local: Arc<dyn Backend>,
    ) -> Arc<Self> {
        let (blocks, names) = (Blocks::new(store.clone()), Names::new(store.clone()));
        let slots = Mutex::default();
        Arc::new(Self { store, hub, blocks, names, metrics, tasks, guesses, backends, local, slots })
    }

    /// The backend that serves an address: the one that declares its domain, else the local one.
    pub(crate) fn backend(&self, address: &Address) -> &Arc<dyn Backend> {
        let declared = |backend: &&Arc<dyn Backend>| backend.domain() == Some(address.domain());
        self.backends.iter().find(declared).unwrap_or(&self.local)
    }

    /// Whether the accounts of a domain live on this backend.
    pub(crate) fn serves(&self, backend: &dyn Backend, domain: &str) -> bool {
        match backend.domain() {
            Some(own) => own == domain,
            None => !self.backends.iter().any(|other| other.domain() == Some(domain)),
        }
    }

    /// The declared backends and the local one.
    pub(crate) fn backends(&self) -> impl Iterator<Item = &Arc<dyn Backend>> {
        self.backends.iter().chain([&self.local])
    }

    pub(crate) fn slot(&self, account: AccountId) -> Option<Arc<Slot>> {
        self.slots().get(&account).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Slot>> {
        self.slots().values().cloned().collect()
    }

    /// The line of an account, when one is open.
    pub(crate) fn line(&self, account: AccountId) -> Result<Arc<dyn Line>, LineError> {
        let slot = self.slot(account).ok_or_else(|| LineError::NotConnected("not signed in".into()))?;
        slot.line().ok_or_else(|| LineError::NotConnected(slot.state().reason().to_owned()))
    }

    /// The line of an account, when it is signed in.
    pub(crate) fn connected(&self, account: AccountId) -> Option<Arc<dyn Line>> {
        let slot = self.slot(account).filter(|slot| slot.state() == LineState::Connected)?;
        slot.line()
    }

    /// Opens the account's line unless it is open, and gives it at most `wait` to come up. A password that differs
    /// from the one in use is tried aside first, so that a wrong one cannot end a line that works or may yet work.
    pub(crate) async fn open(
        self: &Arc<Self>,
        person: &Person,
        password: Option<SecretString>,
        wait: Duration,
    ) -> Result<LineState, LineError> {
        let deadline = Instant::now() + wait;
        loop {
            let slot = self.slot_for(person);
            let left = deadline.saturating_duration_since(Instant::now());
            let opening = match tokio::time::timeout(left, slot.opening.lock()).await {
                Ok(opening) => opening,
                Err(_) if !wait.is_zero() => return Ok(slot.state()),
                Err(_) => slot.opening.lock().await,
            };
            // One that was closed while this waited is no place for a line any more.
            if !self.holds(&slot) {
                continue;
            }
            // Who began to close it has given up midway.
            if slot.stop.is_cancelled() {
                self.retire(&slot).await;
                continue;
            }
            if let Some(state) = self.bring_up(&slot, password, deadline).await? {
                return Ok(state);
            }
            let generation = slot.generation();
            drop(opening);
            return Ok(self.settle(&slot, generation, deadline).await);
        }
    }

    /// Sees to it that the slot has a line; `None` when what remains is to wait for it. Called while the slot's
    /// `opening` is held.
    async fn bring_up(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        password: Option<SecretString>,
        deadline: Instant,
    ) -> Result<Option<LineState>, LineError> {
        if slot.line().is_none() {
            return self.open_fresh(slot, password).await.map(|()| None);
        }
        if matches!(slot.state(), LineState::Refused { .. } | LineState::Closed) {
            // It does not try again by itself; a person who signs in wants it tried.
            let password = password.or_else(|| slot.password(slot.generation()));
            return self.replace(slot, password).await.map(|()| None);
        }
        let news = password.filter(|password| slot.backend.needs_password() && !slot.uses(password));
        let Some(password) = news else { return Ok(None) };
        let left = deadline.saturating_duration_since(Instant::now());
        match slot.backend.try_password(&slot.person, &password, left).await? {
            LineState::Connected => self.replace(slot, Some(password)).await.map(|()| None),
            LineState::PasswordRefused => {
                self.guesses.fail(&slot.person.account);
                Ok(Some(LineState::PasswordRefused))
            }
            // Nothing is known of the password: the line goes on with the one that it has.
            _ => Ok(Some(slot.state())),
        }
    }

    async fn replace(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        password: Option<SecretString>,
    ) -> Result<(), LineError> {
        if let Some(old) = slot.take_line() {
            old.close().await;
        }
        self.open_fresh(slot, password).await
    }

    async fn open_fresh(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        given: Option<SecretString>,
    ) -> Result<(), LineError> {
        let password = match given {
            _ if !slot.backend.needs_password() => None,
            Some(given) => Some(given),
            None => Some(self.stored_password(slot.person.account).await?.ok_or(LineError::PasswordNeeded)?),
        };
        let generation = slot.begin(password.clone());
        let inlet = Arc::new(LineInlet::new(self, slot, generation));
        let line = slot.backend.open(OpenLine { person: slot.person.clone(), password, inlet }).await?;
        slot.set_line(generation, line);
        self.wake(slot.person.account);
        if !slot.backend.delivers_by_commit() {
            let lane = lane::run(Arc::clone(self), Arc::clone(slot));
            self.tasks.spawn(slot.lanes.track_future(lane));
        }
        self.watch_again(slot).await;
        self.publish(slot).await;
        Ok(())
    }

    /// Waits until the line is up or refused, at most until `deadline`, and says where it stands.
    async fn settle(&self, slot: &Slot, generation: u64, deadline: Instant) -> LineState {
        let state = slot.settled(deadline.saturating_duration_since(Instant::now())).await;
        if let (LineState::Connected, Some(password)) = (&state, slot.password(generation)) {
            // Before the phone is told, so that it is not asked again, whatever happens next.
            self.keep_password(slot, &password).await;
        }
        state
    }

    /// How the lines of each backend stand.
    pub(crate) fn health(&self) -> Vec<BackendHealth> {
        let slots = self.all();
        let of = |backend: &Arc<dyn Backend>| {
            let mut health = BackendHealth {
                kind: backend.kind(),
                domain: backend.domain().map(str::to_owned),
                lines: 0,
                connected: 0,
                connecting: 0,
                refused: 0,
            };
            for slot in slots.iter().filter(|slot| Arc::ptr_eq(&slot.backend, backend)) {
                health.count(&slot.state());
            }
            health
        };
        self.backends().map(of).collect()
    }

    /// Signs every account out, side by side.
    pub(crate) async fn close_all(&self) {
        let accounts: Vec<_> = self.slots().keys().copied().collect();
        futures_util::stream::iter(accounts).for_each_concurrent(64, |account| self.close(account)).await;
    }

    /// Signs the account out of its IM system.
    pub(crate) async fn close(&self, account: AccountId) {
        self.close_when(account, || true).await;
    }

    /// Signs the account out of its IM system unless it has a live session; true when none keeps the line.
    pub(crate) async fn close_if_idle(&self, account: AccountId) -> bool {
        let idle = || self.hub.sessions(account).is_empty();
        idle() && self.close_when(account, idle).await
    }

    /// Whoever opens a line meanwhile waits, and then opens another: the slot leaves the map when its line is closed.
    async fn close_when(&self, account: AccountId, may: impl Fn() -> bool + Send) -> bool {
        let Some(slot) = self.slot(account) else { return may() };
        let _opening = slot.opening.lock().await;
        if !may() {
            return false;
        }
        if self.holds(&slot) {
            self.retire(&slot).await;
        }
        true
    }

    async fn retire(&self, slot: &Slot) {
        shut(slot).await;
        self.slots().remove(&slot.person.account);
    }

    /// A line's state changed. Called by the line's inlet.
    async fn state_changed(&self, slot: &Slot, change: Change) {
        self.tell(slot, &change).await;
        if change.state != LineState::Connected {
            return;
        }
        self.watch_again(slot).await;
        self.publish(slot).await;
        slot.ring();
        if slot.came_back() {
            self.roster_outdated(slot.person.account);
        } else {
            self.wake(slot.person.account);
        }
    }

    /// Tells the phones, once the store agrees. One change after the other, and each tells how the line stands by then,
    /// so that the last word is the last state.
    async fn tell(&self, slot: &Slot, change: &Change) {
        let _telling = slot.telling.lock().await;
        match (&change.state, &change.password) {
            (LineState::Connected, Some(password)) if slot.is_present(change.generation) => {
                self.keep_password(slot, password).await;
            }
            (LineState::PasswordRefused, Some(password)) => {
                self.guesses.fail(&slot.person.account);
                self.drop_password(slot, password).await;
                slot.drop_line(change.generation);
            }
            _ => {}
        }
        // A line that has made room for another has no say any more.
        if !self.holds(slot) {
            return;
        }
        for session in self.hub.sessions(slot.person.account) {
            session.tell_line(&slot.state());
        }
    }

    fn slot_for(&self, person: &Person) -> Arc<Slot> {
        let mut slots = self.slots();
        let slot = slots.entry(person.account).or_insert_with(|| {
            Arc::new(Slot::new(person.clone(), Arc::clone(self.backend(&person.address))))
        });
        Arc::clone(slot)
    }

    /// Whether this is still the place of the account's line.
    fn holds(&self, slot: &Slot) -> bool {
        self.slots().get(&slot.person.account).is_some_and(|present| std::ptr::eq(Arc::as_ptr(present), slot))
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<AccountId, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the slot's line, and waits until what was under way on it is written down.
async fn shut(slot: &Slot) {
    slot.stop.cancel();
    slot.lanes.close();
    let line = slot.take_line();
    let closed = async {
        if let Some(line) = line {
            line.close().await;
        }
    };
    let drained = tokio::time::timeout(LANE_WAIT, slot.lanes.wait());
    if let ((), Err(_)) = tokio::join!(closed, drained) {
        tracing::warn!(account = %slot.person.address, "the outbox is still at work after its line is closed");
    }
    // Whoever still waits for the line to come up need not any more.
    slot.set_state(&LineState::Closed);
}
