use std::sync::Arc;

use trunkline_model::Address;

use super::TELLING;
use crate::{port::CallAnswer, relay::Inner, session::Session};

/// What the account's IM system is to hear of a person's answer to a call, once that is committed.
pub(super) struct Answering {
    relay: Arc<Inner>,
    session: Arc<Session>,
    peer: Address,
    answer: CallAnswer,
}

impl Answering {
    pub(super) fn new(
        relay: &Arc<Inner>,
        session: &Arc<Session>,
        peer: &Address,
        answer: CallAnswer,
    ) -> Self {
        Self { relay: Arc::clone(relay), session: Arc::clone(session), peer: peer.clone(), answer }
    }

    /// Tells the line, without the phone waiting for it. Where the line is down no call waits any more.
    pub(super) fn spawn(self) {
        let Self { relay, session, peer, answer } = self;
        if relay.lines.backend(session.address()).delivers_by_commit() {
            return;
        }
        let Some(line) = relay.lines.connected(session.account()) else { return };
        relay.tasks.spawn(async move {
            match tokio::time::timeout(TELLING, line.answer(&peer, answer)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a call was not answered"),
                Err(_) => tracing::debug!("an IM system did not take the answer to a call in time"),
            }
        });
    }
}
