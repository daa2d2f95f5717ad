use async_trait::async_trait;
use trunkline_model::{AccountId, Address};

use crate::{
    Store, StoreError,
    engine::query,
    fault::Fault,
    group,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, roster as sql},
};

/// People whom an account blocks.
const MAX_BLOCKS: i64 = 5_000;

impl Store {
    /// The addresses whose messages the account does not want, in order.
    pub async fn blocks(&self, account: AccountId) -> Result<Vec<Address>, StoreError> {
        let rows = query(sql::BLOCKS).bind(account.0).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Columns::of(row).address()).collect()
    }

    /// Blocks an address; again is fine. [`StoreError::NotFound`] for an unknown account,
    /// [`StoreError::Conflict`] when there are too many.
    pub async fn block(&self, account: AccountId, address: &Address) -> Result<(), StoreError> {
        self.plain(Mark { account, address: address.clone(), blocked: true }).await
    }

    /// Unblocks an address; fine when it was not blocked.
    pub async fn unblock(&self, account: AccountId, address: &Address) -> Result<(), StoreError> {
        self.plain(Mark { account, address: address.clone(), blocked: false }).await
    }
}

struct Mark {
    account: AccountId,
    address: Address,
    blocked: bool,
}

#[async_trait]
impl PlainCommand for Mark {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let query = |text| query(text).bind(self.account.0).bind(self.address.bare().to_owned());
        if self.blocked && query(sql::BLOCKED).fetch_optional(&mut *change.sql).await?.is_none() {
            group::check_room(change, self.account, sql::BLOCK_COUNT, MAX_BLOCKS, "blocked people").await?;
        }
        query(if self.blocked { sql::BLOCK } else { sql::UNBLOCK }).execute(&mut *change.sql).await?;
        Ok(())
    }
}
