use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use futures_util::FutureExt;

use super::Writer;
use crate::{
    Committed, StoreError,
    cache::Cache,
    clock::Clock,
    crypto::Keys,
    draft::{Draft, Needs},
    engine::Connection,
    fault::Fault,
    job::{Extent, Job, Transaction},
};

/// How long a database server may be silent in the middle of a transaction.
const ANSWER: Duration = Duration::from_secs(30);
/// The same for a command that is known to be long: all that it does together.
const LONG_ANSWER: Duration = Duration::from_secs(600);

/// How a transaction ended.
pub(super) enum Attempt {
    Committed(Vec<Committed>),
    /// Nothing of it was kept.
    Void(Fault),
    /// Its COMMIT was not answered; these are the entries that it has or has not appended.
    Doubtful(StoreError, Vec<Committed>),
}

impl Writer {
    /// Runs the commands in one transaction.
    pub(super) async fn attempt(&mut self, part: &mut [Job]) -> Attempt {
        let limit = self.link.is_remote().then(|| patience(part));
        let entries = match within(limit, self.work_or_panic(part)).await {
            Ok(entries) => entries,
            Err(fault) => return Attempt::Void(self.undo(limit, fault).await),
        };
        let begun = Instant::now();
        match within(limit, self.commit()).await {
            Ok(()) => {}
            // Whatever a server says instead of yes, only looking tells what it did.
            Err(fault) if self.link.is_remote() => return Attempt::Doubtful(fault.into_error(), entries),
            Err(fault) => return Attempt::Void(fault),
        }
        self.gauges.committed(part.len(), begun.elapsed());
        if let Some(checkpoint) = self.checkpoint.as_mut() {
            checkpoint.committed();
        }
        Attempt::Committed(entries)
    }

    /// A panic fails the part as a bad row does, so that in the end it fails the one command that it comes from.
    async fn work_or_panic(&mut self, part: &mut [Job]) -> Result<Vec<Committed>, Fault> {
        AssertUnwindSafe(self.work(part)).catch_unwind().await.unwrap_or_else(|_| {
            // Nobody knows what the connection was at.
            self.link.lose();
            let error = StoreError::Database("the server failed at this command".to_owned());
            Err(Fault::Failed { error, everywhere: false })
        })
    }

    async fn work(&mut self, part: &mut [Job]) -> Result<Vec<Committed>, Fault> {
        let Some((sql, hold)) = self.link.parts() else { return Err(StoreError::Closed.into()) };
        sql.begin().await.map_err(Fault::everywhere)?;
        let mut entries = Vec::new();
        for run in part.chunk_by_mut(|one, next| matches!((one, next), (Job::Chat(_), Job::Chat(_)))) {
            let (cache, clock) = (&mut self.cache, &mut self.clock);
            match run {
                [Job::Plain(job)] => {
                    let now = clock.tick();
                    job.run(&mut Transaction { sql: &mut *sql, cache, now }).await?;
                }
                run => entries.extend(together(run, sql, cache, clock, &self.keys.present()).await?),
            }
        }
        hold.mark(sql).await?;
        Ok(entries)
    }

    async fn commit(&mut self) -> Result<(), Fault> {
        let Some((sql, hold)) = self.link.parts() else { return Err(StoreError::Closed.into()) };
        sql.commit().await.map_err(Fault::everywhere)?;
        hold.committed();
        Ok(())
    }

    /// Rolls back, so that the connection can be used again; a connection that cannot even do that is gone.
    async fn undo(&mut self, limit: Option<Duration>, fault: Fault) -> Fault {
        if matches!(fault, Fault::Lost(_)) {
            return fault;
        }
        let rollback = async {
            let Some((sql, _)) = self.link.parts() else { return Ok(()) };
            sql.rollback().await.map_err(Fault::everywhere)
        };
        if within(limit, rollback).await.is_err() {
            self.link.lose();
        }
        fault
    }
}

async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let Some(limit) = limit else { return work.await };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let words = format!("the server has not answered for {} s", limit.as_secs());
        Err(Fault::Lost(StoreError::Unreachable(words)))
    })
}

/// How long these commands may take a database server together.
fn patience(part: &[Job]) -> Duration {
    if part.iter().any(|job| job.extent() == Extent::Long) { LONG_ANSWER } else { ANSWER }
}

/// Runs neighbouring chat commands with shared statements.
async fn together(
    run: &mut [Job],
    sql: &mut Connection,
    cache: &mut Cache,
    clock: &mut Clock,
    keys: &Keys,
) -> Result<Vec<Committed>, Fault> {
    let mut needs = Needs::default();
    for job in run.iter() {
        if let Job::Chat(job) = job {
            job.needs(&mut needs);
        }
    }
    let mut draft = Draft::load(sql, needs, cache, clock, keys).await?;
    for job in run {
        if let Job::Chat(job) = job {
            job.apply(&mut draft)?;
        }
    }
    draft.write(sql).await
}
