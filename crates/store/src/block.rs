use async_trait::async_trait;
use trunkline_model::{AccountId, Address};

use crate::{
    Store, StoreError,
    engine::query,
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, roster as sql},
};

impl Store {
    /// The addresses whose messages the account does not want, in order.
    pub async fn blocks(&self, account: AccountId) -> Result<Vec<Address>, StoreError> {
        let rows = query(sql::BLOCKS).bind(account.0).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Columns::of(row).address()).collect()
    }

    /// Blocks an address; again is fine. [`StoreError::NotFound`] for an unknown account.
    pub async fn block(&self, account: AccountId, address: &Address) -> Result<(), StoreError> {
        self.plain(Mark { account, address: address.clone(), text: sql::BLOCK }).await
    }

    /// Unblocks an address; fine when it was not blocked.
    pub async fn unblock(&self, account: AccountId, address: &Address) -> Result<(), StoreError> {
        self.plain(Mark { account, address: address.clone(), text: sql::UNBLOCK }).await
    }
}

struct Mark {
    account: AccountId,
    address: Address,
    text: &'static str,
}

#[async_trait]
impl PlainCommand for Mark {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let query = query(self.text).bind(self.account.0).bind(self.address.bare().to_owned());
        query.execute(&mut *change.sql).await?;
        Ok(())
    }
}
