use async_trait::async_trait;
use trunkline_model::{AccountId, Timestamp};

use crate::{
    Store, StoreError,
    engine::{Row, query},
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, device as sql},
};

/// Bytes of a hash that make an id: 48 bits tell the few keys of one account apart.
const ID_BYTES: usize = 6;

/// An access key that is still good, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenKey {
    /// The first 12 hex digits of its keyed hash: says nothing of the key.
    pub id: String,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

impl Store {
    /// The account's access keys that are neither used nor expired, oldest first.
    pub async fn open_keys(&self, account: AccountId) -> Result<Vec<OpenKey>, StoreError> {
        let found = query(sql::OPEN_KEYS).bind(account.0).bind(Timestamp::now().0);
        let rows = found.fetch_all(self.readers()).await?;
        rows.iter().map(|row| read(row).map(|(_, key)| key)).collect()
    }

    /// Makes the account's open access key with this id void, or all of them; gives those.
    pub async fn activation_revoke(
        &self,
        account: AccountId,
        id: Option<&str>,
    ) -> Result<Vec<OpenKey>, StoreError> {
        self.plain(Revoke { account, id: id.map(str::to_ascii_lowercase) }).await
    }
}

fn read(row: &Row) -> Result<(Vec<u8>, OpenKey), StoreError> {
    let mut columns = Columns::of(row);
    let hash: Vec<u8> = columns.next()?;
    let id = hash.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect();
    let key = OpenKey { id, created_at: Timestamp(columns.next()?), expires_at: Timestamp(columns.next()?) };
    Ok((hash, key))
}

struct Revoke {
    account: AccountId,
    id: Option<String>,
}

#[async_trait]
impl PlainCommand for Revoke {
    type Answer = Vec<OpenKey>;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Vec<OpenKey>, Fault> {
        let found = query(sql::OPEN_KEYS).bind(self.account.0).bind(change.now.0);
        let mut revoked = Vec::new();
        for row in found.fetch_all(&mut *change.sql).await? {
            let (hash, key) = read(&row)?;
            if self.id.as_ref().is_none_or(|id| *id == key.id) {
                query(sql::USE_ACCESS_KEY).bind(hash).execute(&mut *change.sql).await?;
                revoked.push(key);
            }
        }
        Ok(revoked)
    }
}
