//! Who is here: the live sessions of each account, and the doorbell that tells them of commits.

mod index;

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use tokio::time::Instant;
use trunkline_model::{AccountId, Contact, DeviceId};
use trunkline_store::{CommitListener, Committed};
use trunkline_wire::EventData;

use self::index::Index;
use crate::session::{Session, offer::Offer};

const SHARDS: usize = 16;

type Shard = HashMap<AccountId, Vec<Arc<Session>>>;

/// The live sessions, by account.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    ids: Index,
}

/// Carries the store's commits to the hub. It is made before both, because the store is opened before the relay starts;
/// what is committed until then reaches the sockets through their first read of the mailbox.
#[derive(Debug, Default)]
pub struct CommitFeed {
    hub: OnceLock<Weak<Hub>>,
}

impl CommitFeed {
    pub(crate) fn connect(&self, hub: &Arc<Hub>) {
        // A second relay on the same store would be a fault of the program; the first one keeps the feed.
        let _ = self.hub.set(Arc::downgrade(hub));
    }
}

impl CommitListener for CommitFeed {
    fn committed(&self, entries: &[Committed]) {
        if let Some(hub) = self.hub.get().and_then(Weak::upgrade) {
            for committed in entries {
                hub.committed(committed);
            }
        }
    }
}

impl Hub {
    /// Adds a session; gives back the one of the same device that it replaces.
    pub(crate) fn add(&self, session: &Arc<Session>) -> Option<Arc<Session>> {
        let mut shard = self.shard(session.account());
        let sessions = shard.entry(session.account()).or_default();
        let old = sessions.iter().position(|one| one.identity.device == session.identity.device);
        let old = old.map(|at| sessions.swap_remove(at));
        sessions.push(Arc::clone(session));
        self.ids.add(session);
        if let Some(old) = &old {
            self.ids.part(old);
        }
        old
    }

    /// Removes a session; true when it was there.
    pub(crate) fn remove(&self, session: &Arc<Session>) -> bool {
        let mut shard = self.shard(session.account());
        let Some(sessions) = shard.get_mut(&session.account()) else { return false };
        let before = sessions.len();
        sessions.retain(|one| !Arc::ptr_eq(one, session));
        let removed = sessions.len() < before;
        if sessions.is_empty() {
            shard.remove(&session.account());
        }
        if removed {
            self.ids.part(session);
        }
        removed
    }

    pub(crate) fn sessions(&self, account: AccountId) -> Vec<Arc<Session>> {
        self.shard(account).get(&account).cloned().unwrap_or_default()
    }

    pub(crate) fn session(&self, account: AccountId, device: DeviceId) -> Option<Arc<Session>> {
        self.shard(account).get(&account)?.iter().find(|one| one.identity.device == device).cloned()
    }

    /// The session with this id; for a while also one that is over, when its phone polls.
    pub(crate) fn by_id(&self, id: &str) -> Option<Arc<Session>> {
        self.ids.find(id)
    }

    /// Forgets sessions that are over for long.
    pub(crate) fn tidy(&self, now: Instant) {
        self.ids.tidy(now);
    }

    /// Every live session, for housekeeping; taken shard by shard, so not one moment's picture.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.shards
            .iter()
            .flat_map(|shard| lock(shard).values().flatten().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Accounts with at least one live session.
    pub(crate) fn accounts(&self) -> HashSet<AccountId> {
        self.shards.iter().flat_map(|shard| lock(shard).keys().copied().collect::<Vec<_>>()).collect()
    }

    /// An event that is of no use later, to all of an account's sessions.
    pub(crate) fn hint(&self, account: AccountId, data: &EventData) {
        for session in self.sessions(account) {
            session.hint(data);
        }
    }

    /// Something about a contact changed for this account.
    pub(crate) fn contact_changed(&self, account: AccountId, contact: &Contact) {
        for session in self.sessions(account) {
            session.contact_changed(contact);
        }
    }

    fn committed(&self, committed: &Committed) {
        let shard = self.shard(committed.account);
        let Some(sessions) = shard.get(&committed.account) else { return };
        let offer = Arc::new(Offer::fresh(Arc::clone(&committed.entry)));
        for session in sessions {
            session.offer(&offer);
        }
    }

    fn shard(&self, account: AccountId) -> MutexGuard<'_, Shard> {
        let at = self.hasher.hash_one(account) % SHARDS as u64;
        lock(&self.shards[usize::try_from(at).unwrap_or(0)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
