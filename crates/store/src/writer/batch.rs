use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use super::{Writer, attempt::Attempt, doubt::Doubt};
use crate::{Committed, StoreError, fault::Fault, job::Job};

impl Writer {
    /// Brings every command to its end, or into doubt. A batch that fails because of a row is halved until
    /// the bad command stands alone; one that fails because of the database fails as a whole; one that loses
    /// its connection is run anew, unless that has been done (`again`).
    pub(super) async fn settle(&mut self, mut parts: Vec<Vec<Job>>, mut again: bool) {
        while let Some(mut part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            if let Err(error) = self.ready().await {
                self.tell(part, &error);
                continue;
            }
            match self.attempt(&mut part).await {
                Attempt::Committed(entries) => {
                    self.committed(part, &entries);
                    again = false;
                }
                Attempt::Void(Fault::Failed { everywhere: false, .. }) if part.len() > 1 => {
                    self.cache.clear();
                    let rest = part.split_off(part.len() / 2);
                    parts.extend([rest, part]);
                }
                Attempt::Void(Fault::Lost(error)) if self.link.is_remote() && !again => {
                    self.lose(&error);
                    parts.push(part);
                    again = true;
                }
                Attempt::Void(fault) => self.fail(part, fault),
                Attempt::Doubtful(error, entries) => {
                    self.lose(&error);
                    let (behind, since) = (parts, Instant::now());
                    self.doubt = Some(Doubt { part, behind, entries, again, since, error });
                    return;
                }
            }
        }
    }

    fn lose(&mut self, error: &StoreError) {
        tracing::warn!(%error, "the connection to the database was lost");
        self.cache.clear();
        self.link.lose();
    }

    /// Whether there is a connection, and no doubt that a new command would overtake.
    async fn ready(&mut self) -> Result<(), StoreError> {
        if let Some(error) = &self.over {
            return Err(error.clone());
        }
        if let Some(doubt) = &self.doubt {
            return Err(doubt.error.clone());
        }
        self.mend().await.map(|_| ())
    }

    /// Rings, then answers.
    pub(super) fn committed(&mut self, part: Vec<Job>, entries: &[Committed]) {
        self.complaints.committed();
        if !entries.is_empty() {
            // What is committed stands, whatever becomes of those who hear of it.
            let _ = catch_unwind(AssertUnwindSafe(|| self.listener.committed(entries)));
        }
        part.into_iter().for_each(|job| job.tell(Ok(())));
    }

    fn fail(&mut self, part: Vec<Job>, fault: Fault) {
        self.cache.clear();
        let everywhere = matches!(fault, Fault::Failed { everywhere: true, .. } | Fault::Lost(_));
        if everywhere {
            self.link.lose();
        }
        let over = matches!(fault, Fault::Ended(_));
        let error = fault.into_error();
        self.complaints.failed(&error, part.len(), everywhere);
        self.tell(part, &error);
        if over {
            self.end(error);
        }
    }

    /// Tells everybody why there was no commit.
    pub(super) fn tell(&self, part: Vec<Job>, error: &StoreError) {
        self.gauges.failed_commands(part.len(), error);
        part.into_iter().for_each(|job| job.tell(Err(error.clone())));
    }
}
