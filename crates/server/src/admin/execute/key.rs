use trunkline_store::{MasterKey, MasterKeyError};

use super::{Executor, refusal};
use crate::admin::{KeyInForceView, Refusal, RefusalKind, Reply, RotatedView};

impl Executor {
    pub(super) fn key_show(&self) -> Result<Reply, Refusal> {
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
        let next = MasterKey::prepare(file).map_err(unchanged)?;
        let kept = if keep_old { Some(MasterKey::keep(file).map_err(unchanged)?) } else { None };
        let rotated = self.store.rotate_key(&next).await.map_err(refusal)?;
        MasterKey::promote(file).map_err(|error| {
            let words = format!(
                "the database is under the new key {}, but the key could not be put into its place; the next start \
                 does that, from {}.next: {error}",
                rotated.to,
                file.display()
            );
            Refusal::new(RefusalKind::Store, words)
        })?;
        let rotated = RotatedView {
            from: rotated.from.to_string(),
            to: rotated.to.to_string(),
            file: file.display().to_string(),
            secrets: rotated.secrets,
            unreadable: rotated.unreadable,
            void: rotated.void,
            kept: kept.map(|kept| kept.display().to_string()),
        };
        Ok(Reply::Rotated { rotated: Box::new(rotated) })
    }
}

fn unchanged(error: MasterKeyError) -> Refusal {
    Refusal::new(RefusalKind::Store, format!("the key is as it was, for a new one cannot be kept: {error}"))
}
