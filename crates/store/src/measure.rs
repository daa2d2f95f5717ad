use trunkline_model::{MessageState, Timestamp};

use crate::{
    Store, StoreError,
    engine::{Engine, query},
    sql::{columns::Columns, mailbox as sql, postgres},
};

/// How the database stands at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measure {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// What it takes on disk, in bytes; of SQLite the file and its WAL.
    pub bytes: u64,
    /// Room on the disk, in bytes; unknown of a database server.
    pub free: Option<u64>,
    /// What waits for IM systems, by the domain of the writers and the state.
    pub outbox: Vec<OutboxCount>,
}

/// Messages of a domain's accounts that wait for the IM system's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxCount {
    /// The domain of the accounts that wrote them.
    pub domain: String,
    /// Stored or submitted.
    pub state: MessageState,
    /// How many.
    pub messages: u64,
    /// When the oldest was taken.
    pub oldest: Timestamp,
}

impl Store {
    /// Measures the database; quick while little waits for IM systems.
    pub async fn measure(&self) -> Result<Measure, StoreError> {
        let rows = query(sql::OUTBOX_COUNTS).fetch_all(self.readers()).await?;
        let outbox = rows.iter().map(count).collect::<Result<_, _>>()?;
        let (engine, bytes, free) = match self.readers() {
            Engine::Sqlite(_) => {
                let disk = self.shared.disk.clone();
                let look = move || disk.map_or((0, None), |disk| (disk.bytes(), disk.free()));
                let (bytes, free) = tokio::task::spawn_blocking(look).await.unwrap_or_default();
                ("sqlite", bytes, free)
            }
            Engine::Postgres(_) => {
                let size: i64 = query(postgres::SIZE).fetch_one(self.readers()).await?.try_get(0)?;
                ("postgres", u64::try_from(size).unwrap_or_default(), None)
            }
        };
        Ok(Measure { engine, bytes, free, outbox })
    }
}

fn count(row: &crate::engine::Row) -> Result<OutboxCount, StoreError> {
    let mut columns = Columns::of(row);
    Ok(OutboxCount {
        domain: columns.next()?,
        state: MessageState::from_code(columns.next()?)
            .ok_or_else(|| StoreError::Corrupt("a message has an unknown state".to_owned()))?,
        messages: u64::try_from(columns.next::<i64>()?).unwrap_or_default(),
        oldest: Timestamp(columns.next()?),
    })
}
