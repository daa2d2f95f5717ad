use std::sync::{Arc, PoisonError, RwLock};

use super::in_force;
use crate::{StoreError, crypto::Keys, engine::Connection, fault::Fault, job::Transaction};

/// The keys of the present master key, and those of another while it takes over and shortly after.
#[derive(Debug)]
pub(crate) struct Keyring(RwLock<Ring>);

#[derive(Debug)]
struct Ring {
    present: Arc<Keys>,
    /// Those that come, or those that went: a row may be under them.
    other: Option<Arc<Keys>>,
}

impl Keyring {
    pub(crate) fn new(keys: Keys) -> Self {
        Self(RwLock::new(Ring { present: Arc::new(keys), other: None }))
    }

    pub(crate) fn present(&self) -> Arc<Keys> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).present)
    }

    /// The keys that sealed something under this name; the present ones when none did, which then say so.
    pub(crate) fn sealed_by(&self, seal_id: &str) -> Arc<Keys> {
        self.find(|keys| keys.seal_id() == seal_id).unwrap_or_else(|| self.present())
    }

    /// The keys that the database is under within this transaction: while another master key takes over, only the
    /// database knows.
    pub(crate) async fn in_force(&self, change: &mut Transaction<'_>) -> Result<Arc<Keys>, Fault> {
        let id = in_force(change.sql).await?;
        let keys = self.find(|keys| Some(keys.id()) == id);
        keys.ok_or_else(|| {
            StoreError::Corrupt("it is under a master key that this process never had".to_owned()).into()
        })
    }

    /// Makes keys known that may come into force.
    pub(super) fn expect(&self, keys: &Arc<Keys>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).other = Some(Arc::clone(keys));
    }

    /// These keys have come into force.
    pub(super) fn adopt(&self, keys: &Arc<Keys>) {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if ring.present.id() != keys.id() {
            let former = std::mem::replace(&mut ring.present, Arc::clone(keys));
            ring.other = Some(former);
        }
    }

    /// Whether other keys than the present ones may be in force.
    pub(crate) fn is_changing(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).other.is_some()
    }

    /// Asks the database which keys are in force, where the end of a change was perhaps not heard of.
    pub(crate) async fn ask(&self, sql: &mut Connection) -> Result<(), StoreError> {
        let id = in_force(sql).await?;
        if let Some(keys) = self.find(|keys| Some(keys.id()) == id) {
            self.adopt(&keys);
        }
        Ok(())
    }

    /// All keys under which a row may be, the present ones first.
    pub(crate) fn all(&self) -> Vec<Arc<Keys>> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        [Some(&ring.present), ring.other.as_ref()].into_iter().flatten().cloned().collect()
    }

    fn find(&self, fits: impl Fn(&Keys) -> bool) -> Option<Arc<Keys>> {
        self.all().into_iter().find(|keys| fits(keys))
    }
}
