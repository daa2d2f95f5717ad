//! The names that mailbox entries show, and which addresses are accounts here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
}

impl Names {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, cached: Mutex::default() }
    }

    /// The name to show for an address: its account's, what a line told of it, or its local part.
    pub(crate) async fn of(&self, who: &Address) -> Arc<str> {
        let cached = self.cached().get(who).and_then(|known| known.name.clone());
        if let Some(name) = cached {
            return name;
        }
        let name: Arc<str> = match self.store.account_by_address(who).await {
            Ok(Some(account)) if !account.profile.display_name.is_empty() => {
                account.profile.display_name.into()
            }
            Ok(_) => who.local().into(),
            // A name is not worth holding a message back for.
            Err(_) => return who.local().into(),
        };
        self.learn(who, |known| known.name = Some(Arc::clone(&name)));
        name
    }

    /// A line told a person's name.
    pub(crate) fn heard(&self, who: &Address, name: &str) {
        if name.is_empty() || self.cached().get(who).is_some_and(|known| known.name.as_deref() == Some(name))
        {
            return;
        }
        self.learn(who, |known| known.name = Some(name.into()));
    }

    /// The enabled account with this address.
    pub(crate) async fn account(&self, who: &Address) -> Result<Option<AccountId>, StoreError> {
        let cached = self.cached().get(who).and_then(|known| known.account);
        if cached.is_some() {
            return Ok(cached);
        }
        let account = self.store.account_by_address(who).await?.filter(|account| account.enabled);
        if let Some(account) = &account {
            self.learn(who, |known| known.account = Some(account.id));
        }
        Ok(account.map(|account| account.id))
    }

    /// An account changed or went away.
    pub(crate) fn forget(&self, account: AccountId) {
        self.cached().retain(|_, known| known.account != Some(account));
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.cached().clear();
    }

    /// Forgets one address.
    pub(crate) fn forget_address(&self, who: &Address) {
        self.cached().remove(who);
    }

    fn learn(&self, who: &Address, learn: impl FnOnce(&mut Known)) {
        let mut cached = self.cached();
        if cached.len() >= MAX_CACHED && !cached.contains_key(who) {
            cached.clear();
        }
        learn(cached.entry(who.clone()).or_default());
    }

    fn cached(&self) -> MutexGuard<'_, HashMap<Address, Known>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
