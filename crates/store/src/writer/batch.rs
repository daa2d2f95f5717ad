use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use futures_util::FutureExt;
use sqlx::{Connection, SqliteConnection};

use super::Writer;
use crate::{
    Committed, StoreError,
    cache::Cache,
    clock::Clock,
    crypto::Keys,
    draft::{Draft, Needs},
    fault::Fault,
    job::{Job, Transaction},
};

const BEGIN: &str = "BEGIN IMMEDIATE";

impl Writer {
    /// Brings every command to its end. A batch that fails because of a row is halved until the bad command
    /// stands alone; one that fails because of the database fails as a whole.
    pub(super) async fn settle(&mut self, batch: Vec<Job>) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match self.attempt(&mut part).await {
                Ok(entries) => {
                    if !entries.is_empty() {
                        // What is committed stands, whatever becomes of those who hear of it.
                        let _ = catch_unwind(AssertUnwindSafe(|| self.listener.committed(&entries)));
                    }
                    part.into_iter().for_each(|job| job.tell(Ok(())));
                }
                Err(Fault::Failed { everywhere: false, .. }) if part.len() > 1 => {
                    self.cache.clear();
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
                Err(fault) => self.fail(part, fault),
            }
        }
    }

    fn fail(&mut self, part: Vec<Job>, fault: Fault) {
        self.cache.clear();
        if matches!(fault, Fault::Failed { everywhere: true, .. }) {
            self.connection = None;
        }
        let error = fault.into_error();
        tracing::error!(%error, commands = part.len(), "a transaction failed");
        part.into_iter().for_each(|job| job.tell(Err(error.clone())));
    }

    /// A panic fails the part as a bad row does, so that in the end it fails the one command that it comes from.
    async fn attempt(&mut self, part: &mut [Job]) -> Result<Vec<Committed>, Fault> {
        let attempt = AssertUnwindSafe(self.carry_out(part)).catch_unwind().await;
        attempt.unwrap_or_else(|_| {
            // Its transaction may be half done.
            self.connection = None;
            let error = StoreError::Database("the server failed at this command".to_owned());
            Err(Fault::Failed { error, everywhere: false })
        })
    }

    async fn carry_out(&mut self, part: &mut [Job]) -> Result<Vec<Committed>, Fault> {
        self.connect().await.map_err(|error| Fault::Failed { error, everywhere: true })?;
        let Some(connection) = self.connection.as_mut() else { return Err(StoreError::Closed.into()) };
        let mut transaction = connection.begin_with(BEGIN).await.map_err(Fault::everywhere)?;
        let mut entries = Vec::new();
        for run in part.chunk_by_mut(|one, next| matches!((one, next), (Job::Chat(_), Job::Chat(_)))) {
            let (cache, clock) = (&mut self.cache, &mut self.clock);
            match run {
                [Job::Plain(job)] => {
                    let now = clock.tick();
                    job.run(&mut Transaction { sql: &mut transaction, cache, now }).await?;
                }
                run => entries.extend(together(run, &mut transaction, cache, clock, &self.keys).await?),
            }
        }
        let begun = Instant::now();
        transaction.commit().await.map_err(Fault::everywhere)?;
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.gauges.committed(part.len(), micros);
        self.checkpoint.committed();
        Ok(entries)
    }
}

/// Runs neighbouring chat commands with shared statements.
async fn together(
    run: &mut [Job],
    sql: &mut SqliteConnection,
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
