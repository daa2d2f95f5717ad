use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{MasterKey, MasterKeyError, file_error, folder_of, shown, sync_folder, write_draft};
use crate::KeyId;

/// The files of a change of keys. Its order makes a crash harmless at any point: the new key is prepared, the old one
/// kept if it is to be, the database changed ([`crate::Store::rotate_key`]), the new key promoted. Until the promotion
/// both keys lie there, and the database knows which of them it is under. A key that came to nothing is set aside.
impl MasterKey {
    /// Makes a new key and keeps it beside the present one; an earlier one that came to nothing is set aside.
    pub fn prepare(path: &Path) -> Result<Self, MasterKeyError> {
        Self::set_aside(path)?;
        let key = Self::random()?;
        put(&beside(path, "next"), &key)?;
        Ok(key)
    }

    /// The key that a change has prepared and not promoted; `None` also where what lies there is no key.
    pub fn prepared(path: &Path) -> Result<Option<Self>, MasterKeyError> {
        key_in(&beside(path, "next"))
    }

    /// Refuses a file that has another key than the one of this id.
    pub fn demand(path: &Path, expected: KeyId) -> Result<(), MasterKeyError> {
        let file = File::open(path).map_err(|error| file_error(path, error))?;
        same(path, Self::load(path, &file)?.id(), expected)
    }

    /// Keeps the present key in a second file, whose name tells its id; gives that. A file of that name is good when it has
    /// that key, is written anew when it has none, and a reason to fail when it has another.
    pub fn keep(path: &Path) -> Result<PathBuf, MasterKeyError> {
        let file = File::open(path).map_err(|error| file_error(path, error))?;
        let key = Self::load(path, &file)?;
        let kept = Self::name_of_kept(path, key.id());
        match key_in(&kept)? {
            Some(there) => same(&kept, there.id(), key.id())?,
            // A file of its own: who writes into the present one would write into a second name of it as well.
            None => put(&kept, &key)?,
        }
        sync_folder(path).map(|()| kept).map_err(|error| file_error(path, error))
    }

    /// Keeps what lies in the place of the present key, which another is to take: a key as [`Self::keep`] does, what is
    /// none as `old-unreadable`. `None` when nothing lies there.
    pub fn keep_whatever(path: &Path) -> Result<Option<PathBuf>, MasterKeyError> {
        if !path.try_exists().map_err(|error| file_error(path, error))? {
            return Ok(None);
        }
        match Self::keep(path) {
            Err(MasterKeyError::Malformed { path: malformed }) if malformed == shown(path) => {
                let kept = free_name(path, "unreadable")?;
                let moved = fs::rename(path, &kept).and_then(|()| sync_folder(path));
                moved.map(|()| Some(kept)).map_err(|error| file_error(path, error))
            }
            kept => kept.map(Some),
        }
    }

    /// Removes the kept key of this id; to be called when another is in force.
    pub fn remove_kept(path: &Path, id: KeyId) -> Result<(), MasterKeyError> {
        let kept = Self::name_of_kept(path, id);
        let removed = remove(&kept).and_then(|()| remove(&draft(&kept))).and_then(|()| sync_folder(path));
        removed.map_err(|error| file_error(&kept, error))
    }

    /// Every file beside the present key that an earlier one may lie in, by name.
    pub fn all_kept(path: &Path) -> Result<Vec<PathBuf>, MasterKeyError> {
        let folder = folder_of(path).unwrap_or(Path::new("."));
        let start = beside(path, "old-").file_name().unwrap_or_default().to_string_lossy().into_owned();
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(|error| file_error(folder, error))?;
        let names =
            entries.into_iter().filter(|entry| entry.file_name().to_string_lossy().starts_with(&start));
        let mut kept: Vec<_> = names.map(|entry| entry.path()).collect();
        kept.sort();
        Ok(kept)
    }

    /// The key of this id where it lies beside the present one under the name that [`Self::keep`] gives; `None` when it does
    /// not, or when what lies there is another or no key.
    pub fn kept(path: &Path, id: KeyId) -> Result<Option<Self>, MasterKeyError> {
        Ok(key_in(&Self::name_of_kept(path, id))?.filter(|key| key.id() == id))
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
        if !next.try_exists().map_err(|error| file_error(&next, error))? {
            return Ok(None);
        }
        // What is no key is nobody's only copy of one, but it is not ours to remove.
        let kept = match any_key_in(&next)? {
            Some(key) => Self::free_name_of_kept(path, key.id())?,
            None => free_name(path, "unreadable")?,
        };
        let moved = fs::rename(&next, &kept).and_then(|()| sync_folder(path));
        moved.map_err(|error| file_error(&next, error)).map(|()| Some(kept))
    }

    /// Where the key of this id can be put without writing over another one.
    fn free_name_of_kept(path: &Path, id: KeyId) -> Result<PathBuf, MasterKeyError> {
        match any_key_in(&Self::name_of_kept(path, id))? {
            Some(there) if there.id() != id => free_name(path, &id.to_string()),
            _ => Ok(Self::name_of_kept(path, id)),
        }
    }
}

/// The key in a file; `None` when there is no file, or no key in it.
fn key_in(path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    match File::open(path).map(|file| MasterKey::load(path, &file)) {
        Ok(Err(MasterKeyError::Malformed { .. })) => Ok(None),
        Ok(loaded) => loaded.map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error(path, error)),
    }
}

/// The same of a file that is only to be named, whoever may read it.
fn any_key_in(path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    match fs::read(path).map(Zeroizing::new) {
        Ok(bytes) => Ok(str::from_utf8(&bytes).ok().and_then(MasterKey::read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file_error(path, error)),
    }
}

fn same(path: &Path, found: KeyId, expected: KeyId) -> Result<(), MasterKeyError> {
    if found == expected {
        Ok(())
    } else {
        Err(MasterKeyError::Another { path: shown(path), found, expected })
    }
}

/// Writes a key so that a crash leaves all of it or what was there.
fn put(path: &Path, key: &MasterKey) -> Result<(), MasterKeyError> {
    let draft = draft(path);
    let made = remove(&draft)
        .and_then(|()| write_draft(&draft, key))
        .and_then(|()| fs::rename(&draft, path))
        .and_then(|()| sync_folder(path));
    made.map_err(|error| file_error(path, error))
}

fn draft(path: &Path) -> PathBuf {
    beside(path, "new")
}

/// `old-<what>`, or the next name that nothing has.
fn free_name(path: &Path, what: &str) -> Result<PathBuf, MasterKeyError> {
    let mut name = beside(path, &format!("old-{what}"));
    let mut number = 1;
    while name.try_exists().map_err(|error| file_error(&name, error))? {
        number += 1;
        name = beside(path, &format!("old-{what}-{number}"));
    }
    Ok(name)
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
