use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{MasterKey, MasterKeyError, file_error, sync_folder, write_draft};
use crate::KeyId;

/// The files of a change of keys. Its order makes a crash harmless at any point: the new key is prepared, the old one
/// kept if it is to be, the database changed ([`crate::Store::rotate_key`]), the new key promoted. Until the promotion
/// both keys lie there, and the database knows which of them it is under. A key that came to nothing is set aside.
impl MasterKey {
    /// Makes a new key and keeps it beside the present one; an earlier one that came to nothing is set aside.
    pub fn prepare(path: &Path) -> Result<Self, MasterKeyError> {
        Self::set_aside(path)?;
        let key = Self::random()?;
        let next = beside(path, "next");
        let draft = beside(path, "next.new");
        let made = remove(&draft)
            .and_then(|()| write_draft(&draft, &key))
            .and_then(|()| fs::rename(&draft, &next))
            .and_then(|()| sync_folder(path));
        made.map_err(|error| file_error(&next, error))?;
        Ok(key)
    }

    /// The key that a change has prepared and not promoted.
    pub fn prepared(path: &Path) -> Result<Option<Self>, MasterKeyError> {
        let next = beside(path, "next");
        match File::open(&next) {
            Ok(file) => Self::load(&next, &file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(&next, error)),
        }
    }

    /// Keeps the present key under a second name, which tells its id; gives that.
    pub fn keep(path: &Path) -> Result<PathBuf, MasterKeyError> {
        let file = File::open(path).map_err(|error| file_error(path, error))?;
        let kept = Self::name_of_kept(path, Self::load(path, &file)?.id());
        match fs::hard_link(path, &kept) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(file_error(&kept, error)),
            _ => sync_folder(path).map(|()| kept).map_err(|error| file_error(path, error)),
        }
    }

    /// The key of this id where it lies beside the present one under the name that [`Self::keep`] gives; `None` when it does
    /// not, or when what lies there is another.
    pub fn kept(path: &Path, id: KeyId) -> Result<Option<Self>, MasterKeyError> {
        let kept = Self::name_of_kept(path, id);
        match File::open(&kept) {
            Ok(file) => Ok(Some(Self::load(&kept, &file)?).filter(|key| key.id() == id)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(&kept, error)),
        }
    }

    /// Where a key of this id lies when it is kept.
    pub fn name_of_kept(path: &Path, id: KeyId) -> PathBuf {
        beside(path, &format!("old-{id}"))
    }

    /// Puts the kept key of this id in the place of the present one, which is gone thereby unless it was kept.
    pub fn reinstate(path: &Path, id: KeyId) -> Result<(), MasterKeyError> {
        let moved = fs::rename(Self::name_of_kept(path, id), path).and_then(|()| sync_folder(path));
        moved.map_err(|error| file_error(path, error))
    }

    /// Puts the prepared key in the place of the present one, which is gone thereby unless it was kept.
    pub fn promote(path: &Path) -> Result<(), MasterKeyError> {
        let moved = fs::rename(beside(path, "next"), path).and_then(|()| sync_folder(path));
        moved.map_err(|error| file_error(path, error))
    }

    /// Keeps a prepared key under a second name, which tells its id, where the database is not under it; gives that name,
    /// `None` when there was none. It is never removed: the database may have been under it and set back since, and then
    /// backups need it that nothing else opens.
    pub fn set_aside(path: &Path) -> Result<Option<PathBuf>, MasterKeyError> {
        let next = beside(path, "next");
        remove(&beside(path, "next.new")).map_err(|error| file_error(path, error))?;
        let text = match fs::read_to_string(&next).map(Zeroizing::new) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            // What is no key is nobody's only copy of one, but it is not ours to remove.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Zeroizing::default(),
            text => text.map_err(|error| file_error(&next, error))?,
        };
        let id = Self::read(&text).map_or_else(|| "unreadable".to_owned(), |key| key.id().to_string());
        let kept = beside(path, &format!("old-{id}"));
        let moved = fs::rename(&next, &kept).and_then(|()| sync_folder(path));
        moved.map_err(|error| file_error(&next, error)).map(|()| Some(kept))
    }
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
