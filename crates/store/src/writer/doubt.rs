use std::time::{Duration, Instant};

use super::Writer;
use crate::{Committed, StoreError, hold::Verdict, job::Job};

/// How long commands wait for the word whether they were committed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a database may take to tell its key.
const ASKING: Duration = Duration::from_secs(5);

/// Commands whose transaction was under way when the connection was lost.
pub(super) struct Doubt {
    /// Those in the transaction.
    pub(super) part: Vec<Job>,
    /// Those behind it, which must not overtake it.
    pub(super) behind: Vec<Vec<Job>>,
    /// What they appended, when the COMMIT had been sent.
    pub(super) entries: Vec<Committed>,
    /// They have been run anew before.
    pub(super) again: bool,
    pub(super) since: Instant,
    pub(super) error: StoreError,
}

impl Writer {
    /// Connects anew when there is no connection; then tells how the last transaction ended.
    pub(super) async fn mend(&mut self) -> Result<Option<Verdict>, StoreError> {
        let mended = self.link.mend().await;
        if let Err(error @ StoreError::Locked(_)) = &mended {
            self.end(error.clone());
        }
        self.asks_key |= matches!(mended, Ok(Some(_)));
        if self.asks_key {
            self.ask_key().await;
        }
        mended
    }

    /// A change of the master key may have ended without a word. What fails is tried again with the next work.
    async fn ask_key(&mut self) {
        let asked = match self.link.present() {
            Some(sql) if self.keys.is_changing() => tokio::time::timeout(ASKING, self.keys.ask(sql)).await,
            Some(_) => Ok(Ok(())),
            None => return,
        };
        self.asks_key = !matches!(asked, Ok(Ok(())));
    }

    /// The database is another's.
    pub(super) fn end(&mut self, error: StoreError) {
        tracing::error!(%error, "nothing more can be written");
        self.over = Some(error);
    }

    /// Finds out what became of a transaction whose end was not heard of. What was not committed is run once
    /// more; when the word does not come in time, the waiters hear that it was not to be had.
    pub(super) async fn dispel(&mut self) {
        let Some(doubt) = self.doubt.take() else { return };
        let Doubt { part, mut behind, entries, again, error, .. } = doubt;
        match self.mend().await {
            Ok(Some(Verdict::Committed)) => self.committed(part, &entries),
            Ok(_) if again => self.tell(part, &error),
            Ok(_) => {
                behind.push(part);
                return self.settle(behind, true).await;
            }
            Err(_) if self.over.is_none() && doubt.since.elapsed() < PATIENCE => {
                self.doubt = Some(Doubt { part, behind, entries, again, error, since: doubt.since });
                return;
            }
            Err(error) => {
                self.tell(part, &error);
                return self.tell(behind.into_iter().flatten().collect(), &error);
            }
        }
        self.settle(behind, false).await;
    }
}
