//! The names that mailbox entries show, and which addresses are accounts here.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use trunkline_model::{AccountId, Address};
use trunkline_store::{Store, StoreError};

/// Addresses kept in memory; beyond, they are asked of the store again.
const MAX_CACHED: usize = 50_000;

/// What is known of the person behind an address.
#[derive(Debug, Clone, Default)]
struct Known {
    name: Option<Arc<str>>,
    account: Option<AccountId>,
}

/// Names and accounts by address, read through from the store and completed by what lines tell.
pub(crate) struct Names {
    store: Store,
    cached: Mutex<HashMap<Address, Known>>,
    /// Rises when something is forgotten: what was read before that is not kept.
    changes: AtomicU64,
}

impl Names {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, cached: Mutex::default(), changes: AtomicU64::new(0) }
    }

    /// The name to show for an address: its account's, what a line told of it, or its local part.
    pub(crate) async fn of(&self, who: &Address) -> Arc<str> {
        let cached = self.cached().get(who).and_then(|known| known.name.clone());
        if let Some(name) = cached {
            return name;
        }
        let before = self.changes.load(Ordering::Acquire);
        let name: Arc<str> = match self.store.account_by_address(who).await {
            Ok(Some(account)) if !account.profile.display_name.is_empty() => {
                account.profile.display_name.into()
            }
            Ok(_) => who.local().into(),
            // A name is not worth holding a message back for.
            Err(_) => return who.local().into(),
        };
        self.learn(before, who, |known| known.name = Some(Arc::clone(&name)));
        name
    }

    /// A line told a person's name.
    pub(crate) fn heard(&self, who: &Address, name: &str) {
        if name.is_empty() || self.cached().get(who).is_some_and(|known| known.name.as_deref() == Some(name))
        {
            return;
        }
        let present = self.changes.load(Ordering::Acquire);
        self.learn(present, who, |known| known.name = Some(name.into()));
    }

    /// The enabled account with this address.
    pub(crate) async fn account(&self, who: &Address) -> Result<Option<AccountId>, StoreError> {
        let cached = self.cached().get(who).and_then(|known| known.account);
        if cached.is_some() {
            return Ok(cached);
        }
        let before = self.changes.load(Ordering::Acquire);
        let account = self.store.account_by_address(who).await?.filter(|account| account.enabled);
        if let Some(account) = &account {
            self.learn(before, who, |known| known.account = Some(account.id));
        }
        Ok(account.map(|account| account.id))
    }

    /// An account changed or went away.
    pub(crate) fn forget(&self, account: AccountId) {
        self.forgetting().retain(|_, known| known.account != Some(account));
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.forgetting().clear();
    }

    /// Forgets one address.
    pub(crate) fn forget_address(&self, who: &Address) {
        self.forgetting().remove(who);
    }

    /// Keeps what was read when `changes` stood at `before`, unless something was forgotten since.
    fn learn(&self, before: u64, who: &Address, learn: impl FnOnce(&mut Known)) {
        let mut cached = self.cached();
        if self.changes.load(Ordering::Acquire) != before {
            return;
        }
        if cached.len() >= MAX_CACHED && !cached.contains_key(who) {
            cached.clear();
        }
        learn(cached.entry(who.clone()).or_default());
    }

    fn forgetting(&self) -> MutexGuard<'_, HashMap<Address, Known>> {
        let cached = self.cached();
        self.changes.fetch_add(1, Ordering::Release);
        cached
    }

    fn cached(&self) -> MutexGuard<'_, HashMap<Address, Known>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
