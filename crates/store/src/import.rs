use std::sync::Arc;

use async_trait::async_trait;
use trunkline_model::{Address, Profile, Timestamp};
use zeroize::Zeroizing;

use crate::{
    AccessKey, Account, Store, StoreError,
    account::{Add, Set, find},
    activation::Issue,
    fault::Fault,
    job::{PlainCommand, Transaction},
    key::Keyring,
};

/// An account as somebody wants it to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportAccount {
    /// Whose it is.
    pub address: Address,
    /// The whole of what the directory shows.
    pub profile: Profile,
}

/// What became of an [`ImportAccount`].
#[derive(Debug)]
pub struct Imported {
    /// The account as it is now.
    pub account: Account,
    /// Its profile before, `None` for a new account.
    pub before: Option<Profile>,
    /// For a new account, when keys were asked for.
    pub key: Option<AccessKey>,
}

impl Store {
    /// Adds these accounts, or sets the profiles of those that are there, in one transaction; with `keys_expire_at`
    /// each new one gets an access key.
    pub async fn accounts_import(
        &self,
        accounts: Vec<ImportAccount>,
        keys_expire_at: Option<Timestamp>,
    ) -> Result<Vec<Imported>, StoreError> {
        let mut keys = Vec::with_capacity(accounts.len());
        let mut rows = Vec::with_capacity(accounts.len());
        for account in accounts {
            let key = keys_expire_at.map(|_| AccessKey::fresh()).transpose()?;
            rows.push(Row { account, key: key.as_ref().map(AccessKey::copy).zip(keys_expire_at) });
            keys.push(key);
        }
        let done = self.plain(Import { rows, keys: Arc::clone(&self.shared.keys) }).await?;
        let imported = done.into_iter().zip(keys).map(|((account, before), key)| Imported {
            key: key.filter(|_| before.is_none()),
            account,
            before,
        });
        Ok(imported.collect())
    }
}

struct Row {
    account: ImportAccount,
    /// The key that a new account gets, and until when it is good.
    key: Option<(Zeroizing<String>, Timestamp)>,
}

struct Import {
    rows: Vec<Row>,
    keys: Arc<Keyring>,
}

#[async_trait]
impl PlainCommand for Import {
    /// Each account as it is now, and its profile before.
    type Answer = Vec<(Account, Option<Profile>)>;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Self::Answer, Fault> {
        let mut all = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            all.push(row.put(change, &self.keys).await?);
        }
        Ok(all)
    }
}

impl Row {
    async fn put(
        &self,
        change: &mut Transaction<'_>,
        keys: &Arc<Keyring>,
    ) -> Result<(Account, Option<Profile>), Fault> {
        let ImportAccount { address, profile } = self.account.clone();
        let Some(known) = find(change, &address).await? else {
            let account = Add { address, profile }.run(change).await?;
            if let Some((plain, expires_at)) = self.key.clone() {
                let keys = Arc::clone(keys);
                Issue { account: account.id, plain, expires_at, keys }.run(change).await?;
            }
            return Ok((account, None));
        };
        if known.profile != profile {
            Set { account: known.id, profile: profile.clone() }.run(change).await?;
        }
        let before = known.profile.clone();
        Ok((Account { profile, ..known }, Some(before)))
    }
}
