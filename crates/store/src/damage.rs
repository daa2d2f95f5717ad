use std::{
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use prometheus_client::metrics::gauge::Gauge;
use sqlx::SqlitePool;

use crate::StoreError;

/// What SQLite has said of damage to its file since it was opened. A statement that touches no damaged page still
/// succeeds, so the word is kept until the program ends.
#[derive(Clone, Default)]
pub(crate) struct Damage {
    words: Arc<OnceLock<String>>,
    shown: Gauge,
}

impl Damage {
    /// Remembers the first word of damage, and puts it into the log.
    pub(crate) fn note(&self, error: &StoreError) {
        let StoreError::Damaged(words) = error else { return };
        if self.words.set(words.clone()).is_ok() {
            self.shown.set(1);
            tracing::error!(
                error = words,
                "the database file is damaged: the server is no longer ready; stop it and restore a backup: trunkline \
                 restore BACKUP --replace"
            );
        }
    }

    /// Fails from the first word on.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.words.get().map_or(Ok(()), |words| Err(StoreError::Damaged(words.clone())))
    }

    /// 1 from the first word on.
    pub(crate) fn gauge(&self) -> Gauge {
        self.shown.clone()
    }
}

impl fmt::Debug for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Damage").field(&self.words.get()).finish()
    }
}

/// SQLite connections that only read, and tell of damage that they meet.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    pub(crate) pool: SqlitePool,
    pub(crate) damage: Damage,
}

impl Readers {
    /// Takes note of damage on its way to whoever asked.
    pub(crate) fn noted<T>(&self, done: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        done.inspect_err(|error| {
            if let Some(words) = crate::fault::damage(error) {
                self.damage.note(&StoreError::Damaged(words));
            }
        })
    }
}

impl Deref for Readers {
    type Target = SqlitePool;

    fn deref(&self) -> &SqlitePool {
        &self.pool
    }
}
