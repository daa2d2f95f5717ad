use async_trait::async_trait;
use trunkline_model::{AccountId, Seq, Timestamp};
use uuid::Uuid;

use super::{Purge, Stage, message::Judge};
use crate::{
    Store, StoreError,
    engine::{Connection, Row, query},
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, purge as sql},
};

/// Entries that one call removes at most.
const BUDGET: i64 = 512;

impl Store {
    /// `None` when all mailboxes have been looked at.
    pub(super) async fn purge_entries(
        &self,
        purge: Purge,
        after: AccountId,
    ) -> Result<Option<Stage>, StoreError> {
        let Some(retention) = purge.retention else { return Ok(None) };
        let limits =
            Limits { acknowledged: purge.now.minus(retention), any: purge.now.minus(purge.undelivered) };
        let next = self.plain(Entries { after, limits, judge: self.judge(purge) }).await?;
        Ok(next.map(Stage::Entries))
    }
}

/// What is older may go.
#[derive(Debug, Clone, Copy)]
struct Limits {
    acknowledged: Timestamp,
    any: Timestamp,
}

/// Removes the oldest entries of some mailboxes; gives the account after which to go on.
struct Entries {
    after: AccountId,
    limits: Limits,
    /// Of the messages that they showed.
    judge: Judge,
}

#[async_trait]
impl PlainCommand for Entries {
    type Answer = Option<AccountId>;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Self::Answer, Fault> {
        let rows = query(sql::MAILBOXES).bind(self.after.0).fetch_all(&mut *change.sql).await?;
        let (mut next, mut budget) = (None, BUDGET);
        let mut shown = Vec::new();
        for row in &rows {
            let mailbox = Mailbox::read(row)?;
            budget -= mailbox.trim(change.sql, self.limits, budget, &mut shown).await?;
            if budget <= 0 {
                next = Some(next.unwrap_or(self.after));
                break;
            }
            next = Some(mailbox.account);
        }
        shown.sort_unstable();
        shown.dedup();
        self.judge.reconsider(change.sql, &shown).await?;
        Ok(next)
    }
}

struct Mailbox {
    account: AccountId,
    floor: Seq,
    /// Everything up to here has reached all devices that count.
    acknowledged: Seq,
}

impl Mailbox {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let mut columns = Columns::of(row);
        let (account, floor) = (AccountId(columns.next()?), Seq(columns.next()?));
        let (lowest, highest): (Option<i64>, Option<i64>) = (columns.next()?, columns.next()?);
        Ok(Self { account, floor, acknowledged: Seq(lowest.or(highest).unwrap_or_default()) })
    }

    /// Removes from the old end up to the first entry that stays, so that a floor tells what is gone; adds the messages
    /// that it showed.
    async fn trim(
        &self,
        connection: &mut Connection,
        limits: Limits,
        budget: i64,
        shown: &mut Vec<Uuid>,
    ) -> Result<i64, Fault> {
        let oldest = query(sql::OLDEST).bind(self.account.0).bind(self.floor.0).bind(budget);
        let mut floor = self.floor;
        let mut removed = 0;
        for row in oldest.fetch_all(&mut *connection).await? {
            let mut columns = Columns::of(&row);
            let (seq, at) = (Seq(columns.next()?), Timestamp(columns.next()?));
            let goes = at < limits.any || (at < limits.acknowledged && seq <= self.acknowledged);
            if !goes {
                break;
            }
            floor = seq;
            removed += 1;
            shown.extend(columns.next::<Option<Uuid>>()?);
        }
        if removed > 0 {
            for text in [sql::DELETE_ENTRIES, sql::SET_FLOOR] {
                query(text).bind(self.account.0).bind(floor.0).execute(&mut *connection).await?;
            }
        }
        Ok(removed)
    }
}
