//! Whom each account blocks: `contact.Block` stops messages and shows wherever the contact is shown.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use trunkline_model::{AccountId, Address, Contact};
use trunkline_store::{Store, StoreError};
use trunkline_wire::ContactView;

use crate::session::Session;

/// Accounts whose lists are kept in memory; beyond, the store is asked again.
const MAX_CACHED: usize = 50_000;

type List = Arc<HashSet<Address>>;

/// The block lists, read through from the store.
pub(crate) struct Blocks {
    store: Store,
    cached: Mutex<HashMap<AccountId, List>>,
    /// Rises when something is forgotten: what was read before that is not kept.
    changes: AtomicU64,
}

impl Blocks {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, cached: Mutex::default(), changes: AtomicU64::new(0) }
    }

    /// Whom the account blocks.
    pub(crate) async fn of(&self, account: AccountId) -> Result<List, StoreError> {
        if let Some(list) = self.cached().get(&account) {
            return Ok(Arc::clone(list));
        }
        let before = self.changes.load(Ordering::Acquire);
        let list: List = Arc::new(self.store.blocks(account).await?.into_iter().collect());
        let mut cached = self.cached();
        if cached.len() >= MAX_CACHED {
            cached.clear();
        }
        if self.changes.load(Ordering::Acquire) == before {
            cached.insert(account, Arc::clone(&list));
        }
        Ok(list)
    }

    /// Whether the account blocks `who`.
    pub(crate) async fn blocks(&self, account: AccountId, who: &Address) -> Result<bool, StoreError> {
        Ok(self.of(account).await?.contains(who))
    }

    /// Blocks or unblocks.
    pub(crate) async fn set(
        &self,
        account: AccountId,
        who: &Address,
        blocked: bool,
    ) -> Result<(), StoreError> {
        let result = match blocked {
            true => self.store.block(account, who).await,
            false => self.store.unblock(account, who).await,
        };
        self.forget(account);
        result
    }

    /// The account's list may have changed elsewhere.
    pub(crate) fn forget(&self, account: AccountId) {
        let mut cached = self.cached();
        self.changes.fetch_add(1, Ordering::Release);
        cached.remove(&account);
    }

    /// Contacts as a session's phone is to see them: blocked by the account, or muted in this session.
    pub(crate) async fn view(
        &self,
        session: &Session,
        contacts: Vec<Contact>,
    ) -> Result<Vec<ContactView>, StoreError> {
        let list = self.of(session.account()).await?;
        let state = session.state();
        let blocked = |who: &Address| list.contains(who) || state.people.is_muted(who);
        Ok(contacts
            .into_iter()
            .map(|contact| ContactView { blocked: blocked(&contact.address), contact })
            .collect())
    }

    fn cached(&self) -> MutexGuard<'_, HashMap<AccountId, List>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
