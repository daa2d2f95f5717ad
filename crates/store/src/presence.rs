use async_trait::async_trait;
use trunkline_model::{AccountId, Availability};

use crate::{
    Store, StoreError,
    account::{one_row, unknown},
    engine::query,
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{account as sql, columns::Columns},
};

/// What a person chose to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PresenceRow {
    /// The last explicit choice; `None` follows the sessions.
    pub choice: Option<Availability>,
    /// The note; may be empty.
    pub personal_message: String,
}

impl Store {
    /// What the person chose; [`StoreError::NotFound`] for an unknown account.
    pub async fn presence(&self, account: AccountId) -> Result<PresenceRow, StoreError> {
        let row = query(sql::PRESENCE).bind(account.0).fetch_optional(self.readers()).await?;
        let row = row.ok_or_else(|| unknown(account))?;
        let mut columns = Columns::of(&row);
        Ok(PresenceRow { choice: columns.availability()?, personal_message: columns.next()? })
    }

    /// Keeps a choice; [`StoreError::NotFound`] for an unknown account.
    pub async fn presence_set(&self, account: AccountId, row: &PresenceRow) -> Result<(), StoreError> {
        self.plain(Set { account, row: row.clone() }).await
    }
}

struct Set {
    account: AccountId,
    row: PresenceRow,
}

#[async_trait]
impl PlainCommand for Set {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let query = query(sql::SET_PRESENCE)
            .bind(self.account.0)
            .bind(self.row.choice.map(Availability::name))
            .bind(self.row.personal_message.clone());
        one_row(query.execute(&mut *change.sql).await?, || unknown(self.account))
    }
}
