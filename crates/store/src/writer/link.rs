use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::checkpoint;
use crate::{
    StoreError,
    engine::Connection,
    hold::{Hold, Verdict},
};

/// Between two attempts to connect, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How long a database may take to tell how the last transaction ended, before it counts as gone again.
const VERDICT: Duration = Duration::from_secs(5);

/// The writer's connection, and how it is come by again.
#[derive(Debug)]
pub(super) struct Link {
    hold: Hold,
    /// Absent after a failure that may have hurt it.
    connection: Option<Connection>,
    failure: Option<Failure>,
}

/// How the last attempt to connect failed, and when the next is due.
#[derive(Debug)]
struct Failure {
    error: StoreError,
    due: Instant,
    pause: Duration,
}

impl Link {
    pub(super) fn new(hold: Hold, connection: Connection) -> Self {
        Self { hold, connection: Some(connection), failure: None }
    }

    /// The connection, if there is one.
    pub(super) fn present(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// The connection and the hold, if there is one.
    pub(super) fn parts(&mut self) -> Option<(&mut Connection, &mut Hold)> {
        self.connection.as_mut().map(|connection| (connection, &mut self.hold))
    }

    /// True where a transaction can outlive the connection on which it ran.
    pub(super) fn is_remote(&self) -> bool {
        matches!(self.hold, Hold::Postgres(_))
    }

    /// Gives up the connection.
    pub(super) fn lose(&mut self) {
        self.connection = None;
    }

    /// Connects anew when there is no connection, and then tells how the last marked transaction ended. Soon
    /// after a failed attempt that failure is the answer.
    pub(super) async fn mend(&mut self) -> Result<Option<Verdict>, StoreError> {
        if self.connection.is_some() {
            return Ok(None);
        }
        if let Some(failure) = self.failure.as_ref().filter(|failure| Instant::now() < failure.due) {
            return Err(failure.error.clone());
        }
        let connected = self.connect().await;
        if let Err(error) = &connected {
            self.failed(error);
        }
        connected.map(Some)
    }

    /// Only the first failure is a warning, so that an outage does not fill the log.
    fn failed(&mut self, error: &StoreError) {
        let pause = match &self.failure {
            None => {
                tracing::warn!(%error, "the database cannot be used");
                FIRST_PAUSE
            }
            Some(before) => {
                tracing::debug!(%error, "the database still cannot be used");
                (before.pause * 2).min(LONGEST_PAUSE)
            }
        };
        self.failure = Some(Failure { error: error.clone(), due: Instant::now() + pause, pause });
    }

    async fn connect(&mut self) -> Result<Verdict, StoreError> {
        let mut connection = self.hold.connect().await?;
        let verdict = timeout(VERDICT, self.hold.verdict(&mut connection)).await;
        let verdict =
            verdict.unwrap_or_else(|_| Err(StoreError::Unreachable("it does not answer".to_owned())))?;
        self.connection = Some(connection);
        if self.failure.take().is_some() {
            tracing::info!("the database is back");
        }
        Ok(verdict)
    }

    pub(super) async fn close(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        checkpoint::last(&mut connection).await;
        if let Err(error) = connection.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}
