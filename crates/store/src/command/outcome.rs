use trunkline_model::{AccountId, Address, EntryBody, MessageKey, MessageState};

use crate::{
    MessageOutcome, StoreError,
    draft::{Change, Draft, Needs},
    job::ChatCommand,
};

/// The Connect API code that tells of a fault in the IM system.
const IM_SYSTEM_FAILURE: i64 = 1019;

/// Notes what an IM system said of a message.
pub(crate) struct Settle {
    /// Who must have written it, when that is known; the word is ignored otherwise.
    pub(crate) account: Option<AccountId>,
    pub(crate) key: MessageKey,
    pub(crate) outcome: MessageOutcome,
    pub(crate) tell: bool,
}

/// Notes a receipt that came over a line.
pub(crate) struct Deliver {
    pub(crate) account: AccountId,
    pub(crate) peer: Address,
    pub(crate) key: MessageKey,
}

impl ChatCommand for Settle {
    /// The state that the message was in; `None` when the word changed nothing.
    type Answer = Option<MessageState>;

    fn needs(&self, needs: &mut Needs) {
        needs.message(self.key);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Self::Answer, StoreError> {
        let missing = || StoreError::NotFound(format!("there is no message {}", self.key));
        let row = draft.message(self.key).ok_or_else(missing)?;
        let theirs = self.account.is_none_or(|account| row.account == Some(account));
        let (to, failure) = self.state();
        let from = row.state;
        if !theirs || !follows(from, to) {
            return Ok(None);
        }
        let at = draft.tick();
        if let Some(row) = draft.message_mut(self.key) {
            row.state = to;
            row.changed(if failure.is_some() { Change::Whole } else { Change::State });
            row.failure.clone_from(&failure);
        }
        if !matches!(to, MessageState::Stored | MessageState::Submitted) {
            draft.dequeue(self.key);
        }
        if let Some((code, reason)) = failure.filter(|_| self.tell) {
            let unknown = to == MessageState::Unknown;
            draft.tell_writer(self.key, at, |row| {
                let (chat, peer, id) = (row.chat, row.peer.clone(), row.id.clone());
                EntryBody::MessageFailed { chat, peer, id, code, reason, unknown }
            });
        }
        Ok(Some(from))
    }
}

impl Settle {
    fn state(&self) -> (MessageState, Option<(i64, String)>) {
        match &self.outcome {
            MessageOutcome::Stored => (MessageState::Stored, None),
            MessageOutcome::Submitted => (MessageState::Submitted, None),
            MessageOutcome::Confirmed => (MessageState::Confirmed, None),
            MessageOutcome::Failed { code, reason } => (MessageState::Failed, Some((*code, reason.clone()))),
            MessageOutcome::Unknown { reason } => {
                (MessageState::Unknown, Some((IM_SYSTEM_FAILURE, reason.clone())))
            }
        }
    }
}

/// Whether a message in state `from` may come into state `to`. Late words of an IM system may still settle
/// what is unknown, confirm, or fail a message; they never reopen it.
fn follows(from: MessageState, to: MessageState) -> bool {
    let open = matches!(from, MessageState::Stored | MessageState::Submitted);
    match to {
        MessageState::Stored | MessageState::Submitted | MessageState::Unknown => open && from != to,
        MessageState::Confirmed | MessageState::Failed => from != to,
    }
}

impl ChatCommand for Deliver {
    type Answer = ();

    fn needs(&self, needs: &mut Needs) {
        needs.message(self.key);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        let theirs =
            |row: &&crate::draft::MessageRow| row.account == Some(self.account) && row.peer == self.peer;
        if draft.message(self.key).filter(theirs).is_some() {
            let at = draft.tick();
            draft.deliver(self.key, at);
        }
        Ok(())
    }
}
