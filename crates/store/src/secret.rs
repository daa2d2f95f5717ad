use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use trunkline_model::AccountId;

use crate::{
    Store, StoreError,
    crypto::Sealed,
    engine::query,
    fault::Fault,
    job::{PlainCommand, Transaction},
    key::Keyring,
    sql::{account as sql, columns::Columns},
};

impl Store {
    /// An account's secret, e.g. its password on an IM system; [`StoreError::Crypto`] when it cannot be
    /// opened.
    pub async fn secret(&self, account: AccountId, name: &str) -> Result<Option<SecretString>, StoreError> {
        let query = query(sql::SECRET).bind(account.0).bind(name.to_owned());
        let Some(row) = query.fetch_optional(self.readers()).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        let sealed = Sealed { key_id: columns.next()?, bytes: columns.next()? };
        self.shared.keys.sealed_by(&sealed.key_id).open(account, name, sealed).map(Some)
    }

    /// Keeps a secret, sealed with AES-256-GCM and bound to its row; [`StoreError::NotFound`] for an unknown
    /// account.
    pub async fn secret_set(
        &self,
        account: AccountId,
        name: &str,
        secret: &SecretString,
    ) -> Result<(), StoreError> {
        let (keys, secret) = (Arc::clone(&self.shared.keys), secret.clone());
        self.plain(Put { account, name: name.to_owned(), secret, keys }).await
    }

    /// Forgets a secret; fine when there is none.
    pub async fn secret_drop(&self, account: AccountId, name: &str) -> Result<(), StoreError> {
        self.plain(Drop { account, name: name.to_owned() }).await
    }
}

struct Put {
    account: AccountId,
    name: String,
    secret: SecretString,
    keys: Arc<Keyring>,
}

#[async_trait]
impl PlainCommand for Put {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let sealed = self.keys.in_force(change).await?.seal(self.account, &self.name, &self.secret)?;
        query(sql::PUT_SECRET)
            .bind(self.account.0)
            .bind(self.name.clone())
            .bind(sealed.key_id)
            .bind(sealed.bytes)
            .execute(&mut *change.sql)
            .await?;
        Ok(())
    }
}

struct Drop {
    account: AccountId,
    name: String,
}

#[async_trait]
impl PlainCommand for Drop {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        query(sql::DROP_SECRET)
            .bind(self.account.0)
            .bind(self.name.clone())
            .execute(&mut *change.sql)
            .await?;
        Ok(())
    }
}
