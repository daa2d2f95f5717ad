use std::{sync::Arc, time::Instant};

use trunkline_model::{MessageId, Timestamp};
use trunkline_store::{NewMessage, Route, Sent};
use trunkline_wire::{ApiError, ErrorCode};

use crate::{
    error::refusal,
    port::Outcome,
    relay::Inner,
    session::{Session, outbound::Failure},
};

/// The answer to a message, which waits a while for the IM system's word. A failure that it tells is not told again by
/// MessageFailed.
pub(super) struct Answer {
    session: Arc<Session>,
    id: MessageId,
    since: Timestamp,
    ended: bool,
}

impl Answer {
    /// Before the message enters the writer.
    pub(super) fn begin(session: &Arc<Session>, message: &NewMessage) -> Self {
        let (id, since) = (message.id.clone(), Timestamp::now());
        let ended = !matches!(message.route, Route::Line);
        if !ended {
            session.state().outbound.expect_answer(id.clone(), since);
        }
        Self { session: Arc::clone(session), id, since, ended }
    }

    /// Gives the IM system a while for its word; bad news are an error, no news are good news.
    pub(super) async fn outcome(
        mut self,
        relay: &Inner,
        sent: &Sent,
        since: Instant,
    ) -> Result<(), ApiError> {
        let Some(slot) = relay.lines.slot(self.session.account()) else { return Ok(()) };
        let outcome = slot.outcome(sent.key, since);
        slot.ring();
        let told = match tokio::time::timeout(relay.settings().send_outcome_wait, outcome).await {
            Ok(Ok(Outcome::Refused { permanent, reason })) => Err(ApiError::new(refusal(permanent), reason)),
            Ok(Ok(Outcome::Unknown)) => Err(unknown()),
            _ => Ok(()),
        };
        // The word may have come to the mailbox in the very moment in which the wait was over.
        let passed = self.end(told.is_err()).map_or(Ok(()), |failure| Err(error(failure)));
        told.and(passed)
    }

    fn end(&mut self, tells: bool) -> Option<Failure> {
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        self.session.state().outbound.answered(&self.id, self.since, tells)
    }
}

impl Drop for Answer {
    /// What was never stored, or was confirmed before, does not fail.
    fn drop(&mut self) {
        self.end(false);
    }
}

fn error(failure: Failure) -> ApiError {
    if failure.unknown {
        return unknown();
    }
    let code = ErrorCode::from_number(failure.code).unwrap_or(ErrorCode::OperationFailure);
    ApiError::new(code, failure.reason)
}

fn unknown() -> ApiError {
    ApiError::new(
        ErrorCode::ImSystemFailure,
        "outcome-unknown: the link was lost before the IM system confirmed; it may have arrived",
    )
}
