//! Under which master key a backup is restored.

use std::path::Path;

use trunkline_store::{KeyId, MasterKey, MasterKeyError};

use crate::{
    cli::Restore,
    exit::Failure,
    place::{Beside, Place},
};

/// The key that the database will be under.
pub(super) enum Chosen {
    /// The one that is there, or a new one when the backup's is lost.
    InForce(MasterKey),
    /// One beside it, which takes its place when all is restored.
    Beside(Beside),
}

impl Chosen {
    pub(super) fn key(&self) -> &MasterKey {
        match self {
            Self::InForce(key) => key,
            Self::Beside(beside) => &beside.key,
        }
    }
}

/// The key that the backup was made under, wherever it lies; nothing is changed, unless that key is lost and there is none.
pub(super) fn choose(place: &Place, args: &Restore, needed: Option<KeyId>) -> Result<Chosen, Failure> {
    let trouble = |error: MasterKeyError| place.key_trouble(&error);
    if place.master_key.exists() {
        let key = MasterKey::load_or_create(&place.master_key, Path::new("")).map_err(trouble)?;
        if needed.is_none_or(|needed| needed == key.id()) {
            return Ok(Chosen::InForce(key));
        }
    }
    if let Some(needed) = needed
        && let Some(beside) = place.key_beside(needed)?
    {
        return Ok(Chosen::Beside(beside));
    }
    if args.without_key {
        let key = MasterKey::load_or_create(&place.master_key, Path::new("")).map_err(trouble)?;
        return Ok(Chosen::InForce(key));
    }
    Err(lacking(place, needed))
}

/// Where the backup's key lies, for a look that changes nothing; `None` when it does not say which it needs.
pub(super) fn found(place: &Place, needed: Option<KeyId>) -> Result<Option<String>, Failure> {
    let Some(needed) = needed else { return Ok(None) };
    let file = &place.master_key;
    if file.exists() {
        let key =
            MasterKey::load_or_create(file, Path::new("")).map_err(|error| place.key_trouble(&error))?;
        if key.id() == needed {
            return Ok(Some(file.display().to_string()));
        }
    }
    match place.key_beside(needed)? {
        Some(Beside { prepared: true, .. }) => Ok(Some(format!("{}.next", file.display()))),
        Some(_) => Ok(Some(MasterKey::name_of_kept(file, needed).display().to_string())),
        None => Err(lacking(place, Some(needed))),
    }
}

fn lacking(place: &Place, needed: Option<KeyId>) -> Failure {
    let file = place.master_key.display();
    let Some(needed) = needed else {
        let words = format!("there is no master key {file}");
        return Failure::failed(words).advise(
            "put the backup's key there, from where it was backed up; or, if it is lost, --without-key",
        );
    };
    if !place.master_key.exists() {
        let words = format!("the backup needs the master key {needed}, and there is none in {file}");
        return Failure::failed(words).advise(format!(
            "put the key {needed} there, from where it was backed up (mode 600); or, if it is lost, --without-key"
        ));
    }
    let given = MasterKey::load_or_create(&place.master_key, Path::new(""));
    let given = given.map(|key| key.id().to_string()).unwrap_or_default();
    Failure::failed(format!("the backup needs the master key {needed}, and {file} has the key {given}"))
        .advise(format!("{} (mode 600); or, if it is lost, --without-key", place.key_wanted(needed)))
}
