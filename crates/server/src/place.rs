//! The folder that holds everything: made when missing, opened under its lock.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::process::geteuid;
use trunkline_model::Address;
use trunkline_store::{
    CommitListener, Database, KeyId, MasterKey, MasterKeyError, OpenStore, Store, StoreError,
};

use crate::exit::Failure;

/// What the configuration says of where things lie and who serves which domain.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The folder that holds everything.
    pub(crate) data_dir: PathBuf,
    /// The SQLite file, or the database on a server.
    pub(crate) database: Database,
    /// The file of the master key.
    pub(crate) master_key: PathBuf,
    /// Domains that a backend serves, lower-case, with the backend's kind.
    pub(crate) domains: Vec<(String, String)>,
}

impl Place {
    /// The kind of the backend that serves an address; `local` when none declares its domain.
    pub(crate) fn backend(&self, address: &Address) -> &str {
        let declared = self.domains.iter().find(|(domain, _)| domain == address.domain());
        declared.map_or("local", |(_, kind)| kind)
    }

    /// Opens the store for this process alone; folder, key and an SQLite database are made when missing.
    pub(crate) async fn open_store(&self, listener: Arc<dyn CommitListener>) -> Result<Opened, Failure> {
        self.make_folder()?;
        match self.open_as_read(|| self.master_key(), &listener).await? {
            Ok(store) => {
                self.set_aside_prepared()?;
                Ok(Opened::Here(store))
            }
            Err(StoreError::Locked(who)) => Ok(Opened::Elsewhere(who)),
            Err(error @ StoreError::WrongKey { .. }) => self.find_key(error, listener).await,
            Err(error) => Err(self.store_trouble(&error)),
        }
    }

    /// Opens with the key that is read; with the one that is read then, when the first does not fit. The file is read
    /// before the database is held, and a change of keys in another process may end in between.
    async fn open_as_read<F: Future<Output = Result<MasterKey, Failure>>>(
        &self,
        read: impl Fn() -> F,
        listener: &Arc<dyn CommitListener>,
    ) -> Result<Result<Store, StoreError>, Failure> {
        let key = read().await?;
        let tried = key.id();
        let opened = self.open_with(key, Arc::clone(listener)).await;
        if !matches!(opened, Err(StoreError::WrongKey { .. })) {
            return Ok(opened);
        }
        let key = read().await?;
        if key.id() == tried {
            return Ok(opened);
        }
        Ok(self.open_with(key, Arc::clone(listener)).await)
    }

    /// A change of keys that came to nothing may have left one.
    fn set_aside_prepared(&self) -> Result<(), Failure> {
        let kept = MasterKey::set_aside(&self.master_key).map_err(|error| self.key_trouble(&error))?;
        if let Some(kept) = kept {
            tracing::warn!(
                kept = %kept.display(),
                "a change of the master key came to nothing; its key is kept, and may be removed when no backup needs it"
            );
        }
        Ok(())
    }

    /// A change of keys or a restore may have ended between the database and the file: then the key that was prepared fits,
    /// or one that was kept.
    async fn find_key(
        &self,
        wrong: StoreError,
        listener: Arc<dyn CommitListener>,
    ) -> Result<Opened, Failure> {
        let StoreError::WrongKey { database: Some(needed), .. } = wrong else {
            return Err(self.store_trouble(&wrong));
        };
        let Some(beside) = self.key_beside(needed)? else { return Err(self.store_trouble(&wrong)) };
        match self.open_with(beside.key.clone(), listener).await {
            Ok(store) => {
                let kept = self.put_in_place(&beside)?;
                let kept = kept.map(|kept| kept.display().to_string());
                tracing::warn!(key = %needed, kept, "the database is under a key that lay beside the present one; it is in its place now");
                Ok(Opened::Here(store))
            }
            Err(StoreError::Locked(who)) => Ok(Opened::Elsewhere(who)),
            Err(StoreError::WrongKey { .. }) => Err(self.store_trouble(&wrong)),
            Err(error) => Err(self.store_trouble(&error)),
        }
    }

    /// The key of this id where it lies beside the one in force: prepared by a change of keys, or kept by one.
    pub(crate) fn key_beside(&self, id: KeyId) -> Result<Option<Beside>, Failure> {
        let trouble = |error: MasterKeyError| self.key_trouble(&error);
        // What is wrong with one of them matters only when the other is not the right one.
        let prepared = MasterKey::prepared(&self.master_key);
        if let Ok(Some(key)) = &prepared
            && key.id() == id
        {
            return Ok(Some(Beside { key: key.clone(), prepared: true }));
        }
        if let Some(key) = MasterKey::kept(&self.master_key, id).map_err(trouble)? {
            return Ok(Some(Beside { key, prepared: false }));
        }
        prepared.map(|_| None).map_err(trouble)
    }

    /// Keeps what lies in the place of the key in force under a name of its own, which is given, and puts another there.
    pub(crate) fn put_in_place(&self, beside: &Beside) -> Result<Option<PathBuf>, Failure> {
        let trouble = |error: MasterKeyError| self.key_trouble(&error);
        let kept = MasterKey::keep_whatever(&self.master_key).map_err(trouble)?;
        if beside.prepared {
            MasterKey::promote(&self.master_key).map_err(trouble)?;
        } else {
            MasterKey::reinstate(&self.master_key, beside.key.id()).map_err(trouble)?;
        }
        Ok(kept)
    }

    /// Whether the key of this id, which a database is under, lies in its place or beside, where a start finds it; changes
    /// nothing.
    pub(crate) fn check_key(&self, needed: Option<KeyId>) -> Result<(), Failure> {
        let Some(needed) = needed else { return Ok(()) };
        let wrong = if self.master_key.exists() {
            match MasterKey::demand(&self.master_key, needed) {
                Ok(()) => return Ok(()),
                Err(MasterKeyError::Another { found, .. }) => {
                    self.store_trouble(&StoreError::WrongKey { given: found, database: Some(needed) })
                }
                Err(error) => return Err(self.key_trouble(&error)),
            }
        } else {
            let path = self.master_key.display().to_string();
            self.key_trouble(&MasterKeyError::Missing { path, database: self.database.to_string() })
        };
        self.key_beside(needed)?.map(drop).ok_or(wrong)
    }

    /// What to do where the key of this id is not to be found.
    pub(crate) fn key_wanted(&self, id: KeyId) -> String {
        let name = MasterKey::name_of_kept(&self.master_key, id);
        format!(
            "put the key {id}, from where it was backed up, beside the one in force, as {}",
            name.display()
        )
    }

    async fn open_with(
        &self,
        master_key: MasterKey,
        listener: Arc<dyn CommitListener>,
    ) -> Result<Store, StoreError> {
        let database = self.database.clone();
        Store::open(OpenStore { database, master_key, listener, exclusive: true }).await
    }

    /// True when there is a database with something in it; makes nothing.
    pub(crate) async fn holds_data(&self) -> Result<bool, Failure> {
        self.database.holds_data().await.map_err(|error| self.store_trouble(&error))
    }

    /// What is wrong when an SQLite file is there with nothing in it, and a key as well; makes nothing.
    pub(crate) fn emptied(&self) -> Option<Failure> {
        let Database::Sqlite(file) = &self.database else { return None };
        let empty = fs::metadata(file).is_ok_and(|found| found.len() == 0) && self.master_key.exists();
        empty.then(|| self.store_trouble(&StoreError::Emptied(file.display().to_string())))
    }

    /// What another process can hold: the data folder, or a database on a server.
    pub(crate) fn held(&self) -> String {
        match &self.database {
            Database::Sqlite(_) => self.data_dir.display().to_string(),
            Database::Postgres(_) => format!("the database {}", self.database),
        }
    }

    /// Never makes a new key beside data that an earlier one has sealed.
    async fn master_key(&self) -> Result<MasterKey, Failure> {
        let beside = match &self.database {
            Database::Sqlite(file) => file.clone(),
            Database::Postgres(_) if !self.master_key.exists() && self.holds_data().await? => {
                let path = self.master_key.display().to_string();
                let missing = MasterKeyError::Missing { path, database: self.database.to_string() };
                return self.instead_of_missing(&missing).await;
            }
            Database::Postgres(_) => PathBuf::new(),
        };
        match MasterKey::load_or_create(&self.master_key, &beside) {
            Err(missing @ MasterKeyError::Missing { .. }) => self.instead_of_missing(&missing).await,
            key => key.map_err(|error| self.key_trouble(&error)),
        }
    }

    /// The key that the database says it is under, from beside its place, into which it is put.
    async fn instead_of_missing(&self, missing: &MasterKeyError) -> Result<MasterKey, Failure> {
        // What is wrong with a database that does not say is told when it is opened, with a key.
        let needed = self.database.key_id().await.ok().flatten();
        let beside = needed.map(|needed| self.key_beside(needed)).transpose()?.flatten();
        let Some(beside) = beside else { return Err(self.key_trouble(missing)) };
        self.put_in_place(&beside)?;
        tracing::warn!(key = %beside.key.id(), "the master key was missing; the one that the database is under lay beside, and is in its place now");
        Ok(beside.key)
    }

    /// Keeps root from making files in a folder of somebody else's, whose server could then not use them.
    pub(crate) fn leave_to_its_owner(&self) -> Result<(), Failure> {
        self.leave_to_owner("no server runs on it, and this is root", "trunkline …")
    }

    /// The same of a server that is to start.
    pub(crate) fn serve_as_its_owner(&self) -> Result<(), Failure> {
        self.leave_to_owner(
            "a server of root would leave files there that are closed to them",
            "trunkline serve",
        )
    }

    fn leave_to_owner(&self, why: &str, command: &str) -> Result<(), Failure> {
        let owner = fs::metadata(&self.data_dir).map_or(0, |folder| folder.uid());
        if owner == 0 || !geteuid().is_root() {
            return Ok(());
        }
        let owner = name_of(owner).unwrap_or_else(|| format!("'#{owner}'"));
        let words = format!("the folder {} is {owner}'s: {why}", self.data_dir.display());
        Err(Failure::failed(words).advise(format!("the same as that user: sudo -u {owner} {command}")))
    }

    /// The name of the user whose folder it is, as far as that can be seen from here.
    pub(crate) fn owner(&self) -> Option<String> {
        name_of(fs::metadata(&self.data_dir).ok()?.uid())
    }

    /// Who has the database open, whether or not he answers; makes nothing. Of a database server nothing is said.
    pub(crate) fn locked(&self) -> Option<String> {
        self.database.locked()
    }

    pub(crate) fn make_folder(&self) -> Result<(), Failure> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.data_dir).map_err(|error| {
            let words = format!("the data folder {} cannot be made: {error}", self.data_dir.display());
            Failure::failed(words).advise("set DATA_DIR to a folder that this user may write to")
        })
    }

    pub(crate) fn key_trouble(&self, error: &MasterKeyError) -> Failure {
        let failure = Failure::failed(error.to_string());
        match error {
            MasterKeyError::Missing { .. } => {
                failure.advise(
                    "check MASTER_KEY_FILE and DB_CONNECTION, and put the key back from where it was backed up; if it is \
                     lost: trunkline backup NOW.backup, then trunkline restore NOW.backup --without-key --replace, which \
                     keeps all but the IM passwords",
                )
            }
            _ => failure.advise(format!(
                "check MASTER_KEY_FILE, and its mode: chmod 600 {}",
                self.master_key.display()
            )),
        }
    }

    pub(crate) fn store_trouble(&self, error: &StoreError) -> Failure {
        let failure = Failure::failed(format!("the database {}: {error}", self.database));
        match (error, &self.database) {
            (StoreError::WrongKey { database: Some(needed), .. }, _) => failure
                .because(OTHER_KEY)
                .advise(format!("{}; the next start takes it from there", self.key_wanted(*needed))),
            (StoreError::WrongKey { .. }, _) => failure
                .because(OTHER_KEY)
                .advise("check MASTER_KEY_FILE, DB_CONNECTION, and whether the database is of this server"),
            (StoreError::Emptied(file), _) => {
                failure.because("the disk was full, or somebody wrote over the file").advise(format!(
                    "trunkline restore BACKUP; or, where there never was anything in it: rm {file}"
                ))
            }
            (StoreError::Damaged(_) | StoreError::Corrupt(_), Database::Sqlite(file)) => {
                failure.because(DAMAGE).advise(mend(file))
            }
            (StoreError::TooNew { .. }, _) => {
                failure.advise("run the newer version of trunkline that wrote it")
            }
            (StoreError::Unreachable(_), _) => failure.because(AWAY).advise(
                "start the database server, or check DB_CONNECTION; `psql` with the same URL tells more",
            ),
            (_, Database::Postgres(_)) => {
                failure.advise("check DB_CONNECTION, what the database's owner may do, and the server's log")
            }
            (StoreError::Busy, Database::Sqlite(_)) => {
                failure.advise("end the program that writes to the file, e.g. an SQL shell in a transaction")
            }
            (_, Database::Sqlite(_)) => {
                failure.advise("check DB_CONNECTION, the folder's owner, and the space on its disk")
            }
        }
    }
}

/// How a file comes to be damaged.
pub(crate) const DAMAGE: &str =
    "the disk has lost or changed what was written, or somebody wrote over the file";
const AWAY: &str =
    "the database server is down or cannot be reached from here, or DB_CONNECTION names another one";
const OTHER_KEY: &str = "MASTER_KEY_FILE or DB_CONNECTION names something else than before";

/// What to do about a damaged file.
pub(crate) fn mend(file: &Path) -> String {
    format!(
        "stop the server, copy {} where more is to be got out of it, and then: trunkline restore BACKUP --replace",
        file.display()
    )
}

/// A master key that lies beside the one in force.
pub(crate) struct Beside {
    pub(crate) key: MasterKey,
    /// By a change of keys that did not end; else it was kept.
    pub(crate) prepared: bool,
}

/// What came of opening the store.
pub(crate) enum Opened {
    Here(Store),
    /// Another process holds it; the words say which.
    Elsewhere(String),
}

/// A local user's name.
fn name_of(uid: u32) -> Option<String> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let user = users.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string()))?;
    user.split(':').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use trunkline_store::Committed;

    use super::{Arc, CommitListener, Database, Failure, KeyId, MasterKey, Place, StoreError};

    #[derive(Debug)]
    struct Deaf;

    impl CommitListener for Deaf {
        fn committed(&self, _: &[Committed]) {}
    }

    /// Opens with the first key that is read, or the second.
    async fn open(place: &Place, keys: [&MasterKey; 2]) -> Result<KeyId, StoreError> {
        let listener: Arc<dyn CommitListener> = Arc::new(Deaf);
        let reads = Cell::new(0);
        let read = || {
            let key = keys[reads.replace(reads.get() + 1)].clone();
            async move { Ok::<_, Failure>(key) }
        };
        let store = place.open_as_read(read, &listener).await.unwrap_or_else(|_| panic!("keys are read"))?;
        store.close().await;
        Ok(store.key_id())
    }

    #[tokio::test]
    async fn a_change_of_keys_that_ends_after_the_file_was_read_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place {
            data_dir: folder.path().to_owned(),
            database: Database::Sqlite(folder.path().join("relay.db")),
            master_key: folder.path().join("master.key"),
            domains: Vec::new(),
        };
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        assert_eq!(open(&place, [&new, &old]).await, Ok(new.id()), "the first that fits");
        assert_eq!(open(&place, [&old, &new]).await, Ok(new.id()));
        let wrong = StoreError::WrongKey { given: old.id(), database: Some(new.id()) };
        assert_eq!(open(&place, [&old, &old]).await, Err(wrong));
    }
}
