use std::path::{Path, PathBuf};

use trunkline_store::{KeyId, MasterKey, MasterKeyError, Rotated};

use super::{Executor, refusal};
use crate::admin::{KeyInForceView, Refusal, RefusalKind, Reply, RotatedView};

impl Executor {
    /// Completes a change whose end was not heard of before: otherwise the file would not be that of the key which is told.
    pub(super) async fn key_show(&self) -> Result<Reply, Refusal> {
        if let Ok(_alone) = self.rotating.try_lock() {
            self.store.complete_rotation(&self.place.master_key).await.map_err(refusal)?;
        }
        let key = KeyInForceView {
            id: self.store.key_id().to_string(),
            file: self.place.master_key.display().to_string(),
        };
        Ok(Reply::KeyInForce { key })
    }

    /// The order makes a crash harmless: see [`MasterKey::prepare`].
    pub(super) async fn key_rotate(&self, keep_old: bool) -> Result<Reply, Refusal> {
        let Ok(_alone) = self.rotating.try_lock() else {
            return Err(Refusal::new(RefusalKind::Conflict, "the master key is being changed already"));
        };
        let file = &self.place.master_key;
        self.store.complete_rotation(file).await.map_err(refusal)?;
        let from = self.store.key_id();
        let kept = if keep_old { Some(keep(file, from)?) } else { spare(file, from)? };
        let next = MasterKey::prepare(file).map_err(unchanged)?;
        let rotated = self.store.rotate_key(&next).await.map_err(refusal)?;
        promote(file, from, &rotated)?;
        let removed = if keep_old { Ok(()) } else { MasterKey::remove_kept(file, from) };
        let others = removed.and_then(|()| MasterKey::all_kept(file)).map_err(|error| {
            let words = format!(
                "everything is under the new key {}, but the files of the old one, {}, could not all be removed: {error}",
                rotated.to,
                MasterKey::name_of_kept(file, from).display(),
            );
            Refusal::new(RefusalKind::Store, words)
        })?;
        let kept = kept.filter(|_| keep_old);
        let others = others.into_iter().filter(|other| Some(other) != kept.as_ref());
        let rotated = RotatedView {
            from: rotated.from.to_string(),
            to: rotated.to.to_string(),
            file: file.display().to_string(),
            secrets: rotated.secrets,
            unreadable: rotated.unreadable,
            void: rotated.void,
            others: others.map(|other| other.display().to_string()).collect(),
            kept: kept.map(|kept| kept.display().to_string()),
        };
        Ok(Reply::Rotated { rotated: Box::new(rotated) })
    }
}

/// Keeps the key in force. Where its file has another one, or none, it is in the memory of this process alone.
fn keep(file: &Path, in_force: KeyId) -> Result<PathBuf, Refusal> {
    MasterKey::demand(file, in_force).map_err(|error| {
        let words = format!(
            "the key is as it was, {in_force}, and cannot be kept, for it is not in its file: {error}. Put it back there \
             from where it was backed up; or, if it is lost, `trunkline key rotate --remove-old` puts everything \
             under a new one before this server ends"
        );
        Refusal::new(RefusalKind::Store, words)
    })?;
    MasterKey::keep(file).map_err(unchanged)
}

/// Keeps what lies in the place of the key in force and is not that.
fn spare(file: &Path, in_force: KeyId) -> Result<Option<PathBuf>, Refusal> {
    match MasterKey::demand(file, in_force) {
        Ok(()) => Ok(None),
        Err(_) => MasterKey::keep_whatever(file).map_err(unchanged),
    }
}

/// Puts the new key into its place, unless that would cost the one that the database was under.
fn promote(file: &Path, from: KeyId, rotated: &Rotated) -> Result<(), Refusal> {
    let told = |error: String| {
        let words = format!(
            "the database is under the new key {}, but the key could not be put into its place; the next start \
             does that, from {}.next: {error}",
            rotated.to,
            file.display()
        );
        Refusal::new(RefusalKind::Store, words)
    };
    if rotated.from != from {
        return Err(told(format!("the database was under the key {}, and not under {from}", rotated.from)));
    }
    MasterKey::promote(file).map_err(|error| told(error.to_string()))
}

fn unchanged(error: MasterKeyError) -> Refusal {
    Refusal::new(RefusalKind::Store, format!("the key is as it was, for a new one cannot be kept: {error}"))
}
