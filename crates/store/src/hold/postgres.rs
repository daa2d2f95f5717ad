mod session;
mod url;

use std::time::{Duration, Instant};

use sqlx::{
    ConnectOptions, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;
use uuid::Uuid;

use super::Verdict;
use crate::{
    StoreError,
    engine::{Connection, query},
    fault::Fault,
    migration,
    sql::{archive as sql_archive, postgres as sql},
};

pub use url::{PostgresUrl, PostgresUrlError};

/// Connections that read.
const READERS: u32 = 8;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a lock may still be held by a session that is about to end.
const LOCKED: Duration = Duration::from_secs(3);
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// After so many transactions, and whenever their number has doubled, plans are made anew: those of small tables read
/// them whole, and the server itself looks again only after a minute.
const FIRST_REPLAN: u64 = 16;

/// The right to write to a PostgreSQL database: an advisory lock on the writer's own session, for as long as
/// that lives. A session that holds the lock knows that every earlier writer's last transaction has ended.
///
/// Each transaction replaces the mark in `meta` by a new random one, so that two things are found out after a
/// reconnection: whether a transaction whose COMMIT was not answered took place, and whether anybody else
/// has written meanwhile.
#[derive(Debug)]
pub(crate) struct PostgresHold {
    options: PgConnectOptions,
    /// Tells the sessions of this process from all others'.
    name: String,
    /// The mark of the last transaction that is known to be committed; `None` until the first.
    settled: Option<i64>,
    /// The mark of a transaction that may be committed or not.
    doubtful: Option<i64>,
    /// Transactions since the start.
    begun: u64,
}

impl PostgresHold {
    pub(super) fn new(url: &PostgresUrl) -> Self {
        let name = format!("trunkline {}", Uuid::new_v4().simple());
        let options = url.options().clone().application_name(&name).statement_cache_capacity(256);
        Self { options: options.disable_statement_logging(), name, settled: None, doubtful: None, begun: 0 }
    }

    pub(super) async fn connect(&mut self) -> Result<PgConnection, StoreError> {
        let mut sql = timeout(CONNECT, self.options.connect()).await.map_err(|_| silent())??;
        let ready = async {
            let durable = session::prepare(&mut sql).await?;
            if !durable && self.settled.is_none() {
                tracing::warn!(
                    "the PostgreSQL server runs with fsync=off: a crash of its machine loses acknowledged messages"
                );
            }
            self.lock(&mut sql).await
        };
        timeout(CONNECT + LOCKED, ready).await.map_err(|_| silent())??;
        Ok(sql)
    }

    /// Takes the lock. An own session that lives on after its connection was lost is ended.
    async fn lock(&self, sql: &mut PgConnection) -> Result<(), StoreError> {
        let since = Instant::now();
        loop {
            if session::try_lock(sql).await? {
                return Ok(());
            }
            let Some(holder) = session::holder(sql).await? else { continue };
            if holder.name == self.name {
                session::end(sql, holder.process).await?;
            } else if since.elapsed() > LOCKED {
                return Err(StoreError::Locked(format!("another process has the database open ({holder})")));
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }

    pub(super) async fn begin(&mut self, sql: &mut Connection) -> Result<(), StoreError> {
        let mark = fresh_mark();
        query(sql::BEGIN_MARK).bind(mark).execute(sql).await?;
        self.settled = Some(mark);
        Ok(())
    }

    pub(super) async fn mark(&mut self, sql: &mut Connection) -> Result<(), Fault> {
        self.begun += 1;
        if self.begun >= FIRST_REPLAN && self.begun.is_power_of_two() {
            sql.run(sql::REPLAN).await.map_err(Fault::everywhere)?;
        }
        let mark = fresh_mark();
        let changed = query(sql::MARK).bind(mark).bind(self.settled).execute(sql).await?;
        if changed == 0 {
            return Err(Fault::Ended(taken()));
        }
        self.doubtful = Some(mark);
        Ok(())
    }

    pub(super) fn committed(&mut self) {
        if let Some(mark) = self.doubtful.take() {
            self.settled = Some(mark);
        }
    }

    pub(super) async fn verdict(&mut self, sql: &mut Connection) -> Result<Verdict, StoreError> {
        let found = query(sql::FIND_MARK).fetch_optional(sql).await?;
        let found: Option<i64> = found.map(|row| row.try_get(0)).transpose()?;
        let doubtful = self.doubtful.take();
        if found == self.settled {
            Ok(Verdict::Void)
        } else if found.is_some() && found == doubtful {
            self.settled = doubtful;
            Ok(Verdict::Committed)
        } else {
            Err(taken())
        }
    }

    /// Made without a connection: the first read makes one.
    pub(super) fn readers(&self, pool: PgPoolOptions) -> PgPool {
        let pool = pool.max_connections(READERS).acquire_timeout(CONNECT);
        let pool = pool.after_connect(|sql, _| Box::pin(session::only_read(sql)));
        pool.connect_lazy_with(self.options.clone())
    }
}

/// A connection that sees one moment of the database; `None` when it has no tables of ours.
pub(super) async fn snapshot(url: &PostgresUrl) -> Result<Option<Connection>, StoreError> {
    let options = url.options().clone().application_name("trunkline backup").disable_statement_logging();
    let sql = timeout(CONNECT, options.connect()).await.map_err(|_| silent())??;
    let mut connection = Connection::Postgres(sql);
    connection.run(sql_archive::LONG_READ).await?;
    connection.run(sql_archive::SNAPSHOT_POSTGRES).await?;
    let there = migration::version(&mut connection).await?.is_some();
    Ok(there.then_some(connection))
}

/// Whether a relay has made its tables there.
pub(crate) async fn holds_data(url: &PostgresUrl) -> Result<bool, StoreError> {
    let connected = timeout(CONNECT, url.options().clone().disable_statement_logging().connect()).await;
    let mut sql = Connection::Postgres(connected.map_err(|_| silent())??);
    let found: i64 = query(sql::TABLES).fetch_one(&mut sql).await?.try_get(0)?;
    sql.close().await?;
    Ok(found > 0)
}

fn silent() -> StoreError {
    StoreError::Unreachable(format!("no answer within {} s", CONNECT.as_secs()))
}

fn taken() -> StoreError {
    StoreError::Locked(
        "the database is not as this process left it: another process has written to it, or it was set back \
         to an earlier state"
            .to_owned(),
    )
}

/// Random, so that no two processes and no two transactions leave the same.
fn fresh_mark() -> i64 {
    let (high, _) = Uuid::new_v4().as_u64_pair();
    i64::from_be_bytes(high.to_be_bytes())
}
