//! What the relay does to keep its sessions, and to end them.

use std::sync::Arc;

use trunkline_model::AccountId;
use trunkline_store::StoreError;

use super::{Inner, short};
use crate::{
    error::Seldom,
    session::{End, Session},
};

/// Sequences that a session must have before it takes a request: more than it can need for those under way.
const MIN_SEQUENCES: i64 = 256;

impl Inner {
    /// Reads how far the mailbox goes. Called after the session can hear of commits, so that nothing falls between.
    pub(crate) async fn catch_up(&self, session: &Session) -> Result<(), StoreError> {
        let head = self.store.mailbox_bounds(session.account()).await?.head;
        session.change(|state| state.outbound.caught_up(head));
        Ok(())
    }

    /// Waits until the session has sequences to give out, for what is under way and more. Fails when the store could
    /// not reserve any.
    pub(crate) async fn reserve(&self, session: &Arc<Session>) -> Result<(), StoreError> {
        self.reserve_ahead(session);
        loop {
            let reserved = session.reserved.notified();
            {
                let state = session.state();
                if state.outbound.sequences.left() >= MIN_SEQUENCES {
                    return Ok(());
                }
                if !state.reserving {
                    return Err(StoreError::Busy);
                }
            }
            reserved.await;
        }
    }

    /// Asks the store for another block when half of the last is used up; in a task, so that a caller who goes away
    /// takes nothing with it.
    pub(crate) fn reserve_ahead(&self, session: &Arc<Session>) {
        let wanted = {
            let mut state = session.state();
            let wanted = state.outbound.sequences.wants().filter(|_| !state.reserving);
            state.reserving |= wanted.is_some();
            wanted
        };
        let Some(reserved) = wanted else { return };
        let (store, session) = (self.store.clone(), Arc::clone(session));
        self.tasks.spawn(async move {
            let result = store.session_reserve(session.identity.device, reserved).await;
            session.change(|state| {
                state.reserving = false;
                if result.is_ok() {
                    state.outbound.granted(reserved);
                }
            });
            session.reserved.notify_waiters();
            static LAST: Seldom = Seldom::new();
            if let Some(error) = result.err().filter(|_| LAST.is_due()) {
                tracing::warn!(%error, "no sequences could be reserved");
            }
        });
    }

    /// Ends a session, tells its phone, and signs the account out of its IM system with its last one. A session that
    /// merely timed out keeps its row and its line (`LINE_KEEP_HOURS`).
    pub(crate) async fn end_session(&self, session: &Arc<Session>, why: End) {
        if !session.end(why) {
            return;
        }
        self.hub.remove(session);
        tracing::info!(session = short(&session.id), account = %session.address(), ?why, "session ended");
        if why != End::Timeout
            && let Err(error) = self.store.session_end(session.identity.device).await
        {
            tracing::error!(%error, "the end of a session could not be written down");
        }
        self.leave_line(session).await;
    }

    /// What the end of a session means for its account's line.
    async fn leave_line(&self, session: &Session) {
        let account = session.account();
        if let Ok(line) = self.lines.line(account) {
            let watched = session.state().people.watched();
            for who in watched {
                self.unwatch(account, line.as_ref(), &who).await;
            }
        }
        let idle = self.hub.sessions(account).is_empty() && !self.sleeps(account).await;
        if !(idle && self.lines.close_if_idle(account).await) {
            self.lines.publish_account(account).await;
        }
    }

    /// Whether a device of the account has a session that timed out and still keeps the line.
    async fn sleeps(&self, account: AccountId) -> bool {
        let sleeping = async {
            for device in self.store.devices(account).await? {
                if self.store.session(device.id).await?.is_some() {
                    return Ok(true);
                }
            }
            Ok::<_, StoreError>(false)
        };
        // When in doubt the line stays: housekeeping closes what nobody keeps.
        sleeping.await.unwrap_or(true)
    }
}
