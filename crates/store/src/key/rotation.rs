use std::{path::Path, str::FromStr, sync::Arc};

use async_trait::async_trait;
use trunkline_model::{AccountId, Address};

use super::{Keyring, in_force};
use crate::{
    KeyId, MasterKey, MasterKeyError, Store, StoreError,
    crypto::{Keys, Sealed},
    engine::query,
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, key as sql},
};

/// Secrets that are held in memory at a time.
const PAGE: usize = 256;

/// What a change of the master key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The key that went.
    pub from: KeyId,
    /// The key that came.
    pub to: KeyId,
    /// Secrets that are now under the new key.
    pub secrets: u64,
    /// Secrets that no key opened, and that were dropped.
    pub unreadable: u64,
    /// Whose open access keys are void: only their hashes under the old key were known.
    pub void: Vec<Address>,
}

impl Store {
    /// The master key that the database is under.
    pub fn key_id(&self) -> KeyId {
        self.shared.keys.present().id()
    }

    /// Puts everything under another master key, in one transaction: secrets are sealed anew, open access keys become
    /// void. The caller keeps the new key where the next start finds it *before* this, and removes the old one after.
    pub async fn rotate_key(&self, key: &MasterKey) -> Result<Rotated, StoreError> {
        let ring = Arc::clone(&self.shared.keys);
        let keys = Arc::new(Keys::derive(key)?);
        ring.expect(&keys);
        let rotated = self.plain(Rotate { ring: Arc::clone(&ring), keys: Arc::clone(&keys) }).await?;
        ring.adopt(&keys);
        Ok(rotated)
    }
}

impl Store {
    /// Completes a change of the key in `file` that ended between the database and the file, or whose end was not heard
    /// of; true when there was one. To be called before the next change: its [`MasterKey::prepare`] replaces what is
    /// then the only copy of the key in force. [`StoreError::Crypto`] when that key is not there.
    pub async fn complete_rotation(&self, file: &Path) -> Result<bool, StoreError> {
        let in_force = self.plain(InForce).await?;
        let ring = &self.shared.keys;
        let told = |error: MasterKeyError| StoreError::Crypto(error.to_string());
        if let Some(next) =
            MasterKey::prepared(file).map_err(told)?.filter(|next| Some(next.id()) == in_force)
        {
            let keys = Arc::new(Keys::derive(&next)?);
            if ring.present().id() != keys.id() {
                ring.adopt(&keys);
            }
            MasterKey::promote(file).map_err(told)?;
            tracing::warn!(key = %keys.id(), "a change of the master key that was broken off is complete now");
            return Ok(true);
        }
        match in_force {
            Some(id) if id != ring.present().id() => Err(StoreError::Crypto(format!(
                "the database is under the key {id}, which lies neither in {} nor beside it",
                file.display()
            ))),
            _ => Ok(false),
        }
    }
}

/// Asks the writer, because only what it reads is sure to be the last word.
struct InForce;

#[async_trait]
impl PlainCommand for InForce {
    type Answer = Option<KeyId>;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Option<KeyId>, Fault> {
        Ok(in_force(change.sql).await?)
    }
}

struct Rotate {
    ring: Arc<Keyring>,
    keys: Arc<Keys>,
}

#[async_trait]
impl PlainCommand for Rotate {
    type Answer = Rotated;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Rotated, Fault> {
        let from = self.ring.in_force(change).await?.id();
        let mut rotated = Rotated { from, to: self.keys.id(), secrets: 0, unreadable: 0, void: Vec::new() };
        let mut after = (0_i64, String::new());
        loop {
            let page = query(sql::SECRETS).bind(after.0).bind(after.1.clone());
            let page = page.fetch_all(&mut *change.sql).await?;
            for row in &page {
                let mut columns = Columns::of(row);
                let (account, name): (i64, String) = (columns.next()?, columns.next()?);
                let sealed = Sealed { key_id: columns.next()?, bytes: columns.next()? };
                let kept = self.reseal(change, AccountId(account), &name, sealed).await?;
                if kept {
                    rotated.secrets += 1
                } else {
                    rotated.unreadable += 1
                }
                after = (account, name);
            }
            if page.len() < PAGE {
                break;
            }
        }
        let open = query(sql::WITH_OPEN_KEYS).bind(change.now.0).fetch_all(&mut *change.sql).await?;
        for row in open {
            let bare: String = row.try_get(0)?;
            rotated.void.extend(Address::from_str(&bare));
        }
        query(sql::VOID_ACCESS_KEYS).execute(&mut *change.sql).await?;
        query(sql::PUT_IN_FORCE).bind(self.keys.id().number()).execute(&mut *change.sql).await?;
        Ok(rotated)
    }
}

impl Rotate {
    /// Seals one secret anew; false when it could not be opened and was dropped.
    async fn reseal(
        &self,
        change: &mut Transaction<'_>,
        account: AccountId,
        name: &str,
        sealed: Sealed,
    ) -> Result<bool, Fault> {
        let old = self.ring.sealed_by(&sealed.key_id);
        let Ok(secret) = old.open(account, name, sealed) else {
            query(crate::sql::account::DROP_SECRET)
                .bind(account.0)
                .bind(name)
                .execute(&mut *change.sql)
                .await?;
            return Ok(false);
        };
        // Others are sealed anew already: the whole change fails, not this command alone.
        let sealed = self.keys.seal(account, name, &secret);
        let sealed = sealed.map_err(|error| Fault::Failed { error, everywhere: false })?;
        let query = query(sql::RESEAL).bind(account.0).bind(name).bind(sealed.key_id).bind(sealed.bytes);
        query.execute(&mut *change.sql).await?;
        Ok(true)
    }
}
