use crate::{
    Store, StoreError,
    engine::query,
    sql::{columns::Columns, mailbox as sql},
};

/// How many rows there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Accounts, disabled ones too.
    pub accounts: u64,
    /// Devices that are not revoked.
    pub devices: u64,
    /// Messages, also those that only guard against a resend.
    pub messages: u64,
    /// Messages that wait for an IM system.
    pub outbox: u64,
    /// Mailbox entries.
    pub entries: u64,
}

impl Store {
    /// Counts rows; reads whole indexes, so for people and not for every scrape.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        let row = query(sql::COUNTS).fetch_one(self.readers()).await?;
        let mut columns = Columns::of(&row);
        let mut next = || columns.next::<i64>().map(|count| u64::try_from(count).unwrap_or_default());
        Ok(Counts {
            accounts: next()?,
            devices: next()?,
            messages: next()?,
            outbox: next()?,
            entries: next()?,
        })
    }
}
