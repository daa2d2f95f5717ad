use crate::{
    Store, StoreError,
    engine::{Place, query},
    sql::{columns::Columns, mailbox as sql},
};

/// Messages that are counted one by one.
const COUNTED: i64 = 100_000;

/// Rows are numbered as they come and go roughly in that order, so the span of numbers is close to their count.
const SQLITE_ESTIMATE: &str =
    "SELECT (SELECT MAX(rowid) FROM messages) - (SELECT MIN(rowid) FROM messages) + 1";

/// What the planner believes; -1 before the first ANALYZE.
const POSTGRES_ESTIMATE: &str =
    "SELECT CAST(reltuples AS BIGINT) FROM pg_class WHERE oid = CAST('messages' AS regclass)";

/// How many rows there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Accounts, disabled ones too.
    pub accounts: u64,
    /// Devices that are not revoked.
    pub devices: u64,
    /// Messages, also those that only guard against a resend; an estimate when there are more than 100 000.
    pub messages: u64,
    /// Messages that wait for an IM system.
    pub outbox: u64,
    /// Mailbox entries.
    pub entries: u64,
}

impl Store {
    /// Counts rows, or reckons how many there are where counting would read a large table.
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        counts(self.readers().into()).await
    }
}

pub(crate) async fn counts(mut place: Place<'_>) -> Result<Counts, StoreError> {
    let row = query(sql::COUNTS).bind(COUNTED + 1).fetch_one(place.again()).await?;
    let mut columns = Columns::of(&row);
    let mut next = || columns.next::<i64>();
    let (accounts, devices, counted, outbox, entries) = (next()?, next()?, next()?, next()?, next()?);
    let messages = if counted > COUNTED { estimate(place).await?.max(counted) } else { counted };
    let count = |rows: i64| u64::try_from(rows).unwrap_or_default();
    Ok(Counts {
        accounts: count(accounts),
        devices: count(devices),
        messages: count(messages),
        outbox: count(outbox),
        entries: count(entries),
    })
}

async fn estimate(place: Place<'_>) -> Result<i64, StoreError> {
    let text = if place.is_sqlite() { SQLITE_ESTIMATE } else { POSTGRES_ESTIMATE };
    Ok(query(text).fetch_one(place).await?.try_get(0)?)
}
