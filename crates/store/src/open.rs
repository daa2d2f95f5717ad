use std::{path::PathBuf, sync::Arc};

use crate::{CommitListener, MasterKey, Store, StoreError, store::unbuilt};

/// What a store needs to open.
#[derive(Debug)]
pub struct OpenStore {
    /// Where the data lie.
    pub database: Database,
    /// The key that guards secrets.
    pub master_key: MasterKey,
    /// Hears of every committed entry.
    pub listener: Arc<dyn CommitListener>,
    /// Take an OS lock beside the database; [`StoreError::Locked`] when another process holds it.
    pub exclusive: bool,
}

/// Where the data lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file; it and its folder are made (modes 0600 and 0700) when absent.
    Sqlite(PathBuf),
}

impl Store {
    /// Opens the database, brings its schema up to date and starts the writer. [`StoreError::TooNew`] when a newer
    /// program has changed the schema.
    pub async fn open(_open: OpenStore) -> Result<Store, StoreError> {
        unbuilt()
    }
}
