use std::{path::Path, str::FromStr, sync::Arc};

use async_trait::async_trait;
use trunkline_model::{AccountId, Address};

use super::{Keyring, in_force};
use crate::{
    KeyId, MasterKey, MasterKeyError, Store, StoreError,
    crypto::{Keys, Sealed},
    engine::{Query, query},
    fault::Fault,
    job::{Extent, PlainCommand, Transaction},
    sql::{account::DROP_SECRET, columns::Columns, key as sql},
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
    /// of; true when there was one: what lay in its place is kept, whatever the change was to do with it. To be called before
    /// the next change: its [`MasterKey::prepare`] replaces what is then the only copy of the key in force. [`StoreError::Crypto`] when that key is not there.
    pub async fn complete_rotation(&self, file: &Path) -> Result<bool, StoreError> {
        let in_force = self.plain(InForce).await?;
        let ring = &self.shared.keys;
        let told = |error: MasterKeyError| StoreError::Crypto(error.to_string());
        if let Some(next) =
            MasterKey::prepared(file).map_err(told)?.filter(|next| Some(next.id()) == in_force)
        {
            let keys = Arc::new(Keys::derive(&next)?);
            ring.adopt(&keys);
            let kept = MasterKey::keep_whatever(file).map_err(told)?.map(|kept| kept.display().to_string());
            MasterKey::promote(file).map_err(told)?;
            tracing::warn!(key = %keys.id(), kept, "a change of the master key that was broken off is complete now");
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

    fn extent(&self) -> Extent {
        Extent::Long
    }

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Rotated, Fault> {
        let from = self.ring.in_force(change).await?.id();
        let mut rotated = Rotated { from, to: self.keys.id(), secrets: 0, unreadable: 0, void: Vec::new() };
        let mut after = (0_i64, String::new());
        loop {
            let page = query(sql::SECRETS).bind(after.0).bind(after.1.clone());
            let page = page.fetch_all(&mut *change.sql).await?;
            let mut resealed = Vec::with_capacity(page.len());
            for row in &page {
                let mut columns = Columns::of(row);
                let (account, name): (i64, String) = (columns.next()?, columns.next()?);
                let sealed = Sealed { key_id: columns.next()?, bytes: columns.next()? };
                after = (account, name.clone());
                match self.reseal(AccountId(account), &name, sealed)? {
                    Some(sealed) => resealed.push((account, name, sealed)),
                    None => {
                        rotated.unreadable += 1;
                        query(DROP_SECRET).bind(account).bind(name).execute(&mut *change.sql).await?;
                    }
                }
            }
            rotated.secrets += resealed.len() as u64;
            let bind = |query: Query, (account, name, sealed): &(i64, String, Sealed)| {
                let query = query.bind(*account).bind(name.clone());
                query.bind(sealed.key_id.clone()).bind(sealed.bytes.clone())
            };
            sql::RESEAL.execute(&mut *change.sql, &resealed, |query| query, bind).await?;
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
    /// Seals one secret anew; `None` when no key opens it.
    fn reseal(&self, account: AccountId, name: &str, sealed: Sealed) -> Result<Option<Sealed>, Fault> {
        let Ok(secret) = self.ring.sealed_by(&sealed.key_id).open(account, name, sealed) else {
            return Ok(None);
        };
        // Others are sealed anew already: the whole change fails, not this command alone.
        let sealed = self.keys.seal(account, name, &secret);
        sealed.map(Some).map_err(|error| Fault::Failed { error, everywhere: false })
    }
}
