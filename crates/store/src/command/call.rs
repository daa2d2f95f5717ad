use trunkline_model::{AccountId, Address, CallEnd, ChatId, EntryBody, InvitationStatus};

use crate::{
    StoreError,
    draft::{Draft, Needs},
    job::ChatCommand,
};

/// Somebody on an IM system calls, without a message, and waits for an answer.
pub(crate) struct Call {
    pub(crate) account: AccountId,
    pub(crate) peer: Address,
}

/// A call that waited for an answer is over.
pub(crate) struct EndCall {
    pub(crate) account: AccountId,
    pub(crate) peer: Address,
    /// The message that it brought.
    pub(crate) foreign_id: Option<String>,
    pub(crate) end: CallEnd,
}

impl ChatCommand for Call {
    type Answer = ();

    fn needs(&self, needs: &mut Needs) {
        needs.side(self.account, &self.peer);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        draft.address(self.account)?;
        let at = draft.tick();
        let begun = draft
            .change(self.account, &self.peer, at, |side| side.called(ChatId::fresh()).then_some(side.chat));
        if let Some(chat) = begun {
            let body = EntryBody::InvitationReceived { chat, peer: self.peer.clone(), message: None };
            draft.append(self.account, at, None, body);
        }
        Ok(())
    }
}

impl ChatCommand for EndCall {
    type Answer = ();

    fn needs(&self, needs: &mut Needs) {
        needs.side(self.account, &self.peer);
        if let Some(foreign_id) = &self.foreign_id {
            needs.foreign(self.account, foreign_id);
        }
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        draft.address(self.account)?;
        let brought = self.foreign_id.as_ref().map(|id| draft.brought_as(self.account, id));
        if brought == Some(None) {
            // Its message was never taken.
            return Ok(());
        }
        let first = brought.flatten();
        let status = match self.end {
            CallEnd::AnsweredElsewhere => InvitationStatus::AnsweredElsewhere,
            CallEnd::Declined => InvitationStatus::Declined,
            CallEnd::Missed => InvitationStatus::Expired,
        };
        // What was said waits to be read and answered.
        if self.end == CallEnd::Missed && first.is_some() {
            return Ok(());
        }
        let at = draft.tick();
        let lapsed =
            draft.change(self.account, &self.peer, at, |side| side.lapsed(first).then_some(side.chat));
        if let Some(chat) = lapsed {
            let body = EntryBody::InvitationUpdate { chat, peer: self.peer.clone(), status };
            draft.append(self.account, at, None, body);
        }
        if first.is_some() && self.end == CallEnd::AnsweredElsewhere {
            self.read(draft);
        }
        Ok(())
    }
}

impl EndCall {
    /// The message was read where the call was answered.
    fn read(&self, draft: &mut Draft<'_>) {
        let (at, head) = (draft.tick(), draft.head(self.account));
        let read = draft.change(self.account, &self.peer, at, |side| {
            side.read_elsewhere(head).then_some((side.chat, side.read_up_to, side.unread))
        });
        if let Some((chat, up_to, unread)) = read {
            let body = EntryBody::ConversationRead { chat, peer: self.peer.clone(), up_to, unread };
            draft.append(self.account, at, None, body);
        }
    }
}
