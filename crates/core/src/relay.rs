//! The relay as the floors above see it.

mod admitting;
mod keeping;
mod measuring;

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trunkline_model::{AccountId, Address, DeviceId};
use trunkline_store::{Measure, Store, StoreError};

use crate::{
    card::Cards,
    connection::{Connection, Opening},
    finding::Directories,
    housekeeping,
    hub::{CommitFeed, Hub},
    line::{BackendHealth, Lines, stored_password},
    local::Local,
    metric::{Metrics, Present},
    port::{Authenticator, Backend, Directory, Person, Step},
    session::End,
    settings::{Live, Settings},
    stranger::{Failures, Strangers},
    token::StoreTokens,
};

/// Locks that keep two BeginSessions of one device from making two sessions.
const BEGINNINGS: usize = 64;

/// What a relay is made of.
pub struct Parts {
    /// Opened with `feed` as its listener.
    pub store: Store,
    /// Carries the store's commits to the sockets.
    pub feed: Arc<CommitFeed>,
    /// The IM systems other than the embedded one.
    pub backends: Vec<Arc<dyn Backend>>,
    /// Where accounts of a domain find people beside what its IM system knows; no two are of one domain.
    pub directories: Vec<Arc<dyn Directory>>,
    /// What an admin has set.
    pub settings: Settings,
}

/// Why a relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store could not be read.
    #[error("the sessions could not be read from the store: {0}")]
    Store(#[from] StoreError),
}

/// The running relay; cheap to clone.
#[derive(Clone)]
pub struct Relay(pub(crate) Arc<Inner>);

/// What all parts of the core share.
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) hub: Arc<Hub>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) directories: Arc<Directories>,
    pub(crate) cards: Cards,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    settings: Live,
    authenticators: Vec<Box<dyn Authenticator>>,
    pub(crate) strangers: Strangers,
    beginnings: [tokio::sync::Mutex<()>; BEGINNINGS],
    hasher: RandomState,
    measured: Mutex<Option<Measure>>,
    next_reader: AtomicU64,
    sockets: AtomicUsize,
    polls: AtomicUsize,
}

/// Whether the relay can serve.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// The store reads and writes; else, what is wrong.
    pub database: Result<(), String>,
    /// How each IM system's lines stand.
    pub backends: Vec<BackendHealth>,
}

/// A picture of the running relay for `trunkline status`.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Live sessions, with and without a socket.
    pub sessions: usize,
    /// Open sockets.
    pub sockets: usize,
    /// How each IM system's lines stand.
    pub backends: Vec<BackendHealth>,
}

impl Relay {
    /// Brings the sessions of an earlier life back, opens their lines in the background, and begins housekeeping.
    pub async fn start(parts: Parts, registry: &mut Registry) -> Result<Self, StartError> {
        let Parts { store, feed, backends, directories, settings } = parts;
        let (hub, metrics, tasks) = (Arc::new(Hub::default()), Metrics::default(), TaskTracker::new());
        metrics.register(registry);
        let local: Arc<dyn Backend> = Arc::new(Local::new(store.clone()));
        let lines = Lines::new(
            store.clone(),
            Arc::clone(&hub),
            metrics.clone(),
            tasks.clone(),
            Failures::default(),
            backends,
            Arc::clone(&local),
        );
        store.register(registry);
        lines.backends().for_each(|backend| metrics.know(backend.as_ref()));
        feed.connect(&hub);
        let directories = Arc::new(Directories::new(directories, metrics.clone()));
        let stop = CancellationToken::new();
        let cards = Cards::start(&lines, &directories, &stop);
        let inner = Arc::new(Inner {
            authenticators: vec![Box::new(StoreTokens::new(store.clone()))],
            strangers: Strangers::new(metrics.clone()),
            beginnings: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            hasher: RandomState::new(),
            measured: Mutex::default(),
            next_reader: AtomicU64::new(1),
            sockets: AtomicUsize::new(0),
            polls: AtomicUsize::new(0),
            stop,
            store,
            hub,
            lines,
            directories,
            cards,
            settings: Live::new(settings),
            metrics,
            tasks,
        });
        registry.register_collector(Box::new(Present { relay: Arc::downgrade(&inner) }));
        housekeeping::restore(&inner).await?;
        housekeeping::begin(&inner);
        Ok(Self(inner))
    }

    /// A phone opens a socket; called before the upgrade is answered. Never fails: a phone that cannot be bound is told
    /// why by the answer to its BeginSession.
    pub async fn open(&self, opening: Opening) -> Connection {
        Connection::open(&self.0, opening).await
    }

    /// Whether the relay can serve, and how its IM systems are.
    pub async fn readiness(&self) -> Readiness {
        let database = self.0.store.check().await.map_err(|error| error.to_string());
        Readiness { database, backends: self.0.lines.health() }
    }

    /// A picture for `trunkline status`, which no trouble of the store hides.
    pub fn status(&self) -> Status {
        Status {
            sessions: self.0.hub.all().len(),
            sockets: self.0.sockets(),
            backends: self.0.lines.health(),
        }
    }

    /// Walks the way to an account's IM system step by step, up to a sign-in with the password that is kept for it;
    /// its line is not touched. Nothing for accounts that live on the relay itself.
    pub async fn examine(&self, account: AccountId, address: &Address) -> Result<Vec<Step>, StoreError> {
        let lines = &self.0.lines;
        let password = stored_password(&self.0.store, account).await?;
        Ok(lines.backend(address).examine(Some(address), password.as_ref()).await)
    }

    /// An account was changed, disabled, enabled or removed in the store: a disabled or removed one is signed out.
    pub async fn account_changed(&self, account: AccountId) -> Result<(), StoreError> {
        let inner = &self.0;
        inner.lines.names.forget(account);
        inner.lines.blocks.forget(account);
        let row = inner.store.account(account).await?;
        match row {
            Some(row) => {
                inner.lines.names.forget_address(&row.address);
                if row.enabled {
                    inner.lines.profile_changed(&Person { account, address: row.address }).await;
                    return Ok(());
                }
            }
            None => inner.lines.names.clear(),
        }
        inner.all_begun().await;
        for session in inner.hub.sessions(account) {
            inner.end_session(&session, End::Revoked).await;
        }
        inner.lines.close(account).await;
        Ok(())
    }

    /// A device was revoked in the store: its session ends.
    pub async fn device_revoked(&self, account: AccountId, device: DeviceId) {
        self.0.revoke(account, device).await;
    }

    /// What is in force.
    pub fn settings(&self) -> Settings {
        self.0.settings()
    }

    /// Puts other settings in force, for everything that happens from now on: sessions and sockets that are open go by
    /// them too.
    pub fn set(&self, settings: Settings) {
        self.0.settings.set(settings);
    }

    /// Writes down what is still in memory, signs the lines out, and waits for the tasks under way; sockets are the
    /// caller's and should be closed before.
    pub async fn stop(&self) {
        let inner = &self.0;
        inner.stop.cancel();
        let patience = Duration::from_secs(5);
        // The receipts that this catches up need the lines.
        if tokio::time::timeout(patience, housekeeping::touch(inner)).await.is_err() {
            tracing::warn!("how far phones are could not all be written down in time; they are asked anew");
        }
        inner.lines.close_all().await;
        inner.tasks.close();
        if tokio::time::timeout(patience, inner.tasks.wait()).await.is_err() {
            tracing::warn!(
                tasks = inner.tasks.len(),
                "some requests did not end in time; what was committed is kept"
            );
        }
    }
}

impl Inner {
    /// What is in force now.
    pub(crate) fn settings(&self) -> Settings {
        self.settings.get()
    }

    /// Held while a session of the device begins.
    pub(crate) fn beginning(&self, device: DeviceId) -> &tokio::sync::Mutex<()> {
        let at = self.hasher.hash_one(device) % BEGINNINGS as u64;
        &self.beginnings[usize::try_from(at).unwrap_or(0)]
    }

    /// Waits until every session that is beginning, perhaps on the strength of what is no longer so, has begun.
    async fn all_begun(&self) {
        for beginning in &self.beginnings {
            drop(beginning.lock().await);
        }
    }

    /// Ends the session of a device that the store has just revoked.
    pub(crate) async fn revoke(&self, account: AccountId, device: DeviceId) {
        let session = {
            let _beginning = self.beginning(device).lock().await;
            self.hub.session(account, device)
        };
        if let Some(session) = session {
            self.end_session(&session, End::Revoked).await;
        }
    }

    /// A number for a new reader of a session, unique in this process.
    pub(crate) fn next_reader(&self) -> u64 {
        self.next_reader.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn enter_socket(&self) {
        self.sockets.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave_socket(&self) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn enter_poll(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave_poll(&self) {
        self.polls.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }

    pub(crate) fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }
}

/// The part of a session id that logs may show.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
