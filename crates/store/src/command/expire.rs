use trunkline_model::{AccountId, Address, EntryBody, InvitationStatus, Timestamp};

use crate::{
    StoreError,
    draft::{Draft, Needs},
    job::ChatCommand,
};

/// Closes an invitation that nobody answered, if it still pends since before a moment.
pub(crate) struct Expire {
    pub(crate) account: AccountId,
    pub(crate) peer: Address,
    pub(crate) before: Timestamp,
}

impl ChatCommand for Expire {
    type Answer = ();

    fn needs(&self, needs: &mut Needs) {
        needs.side(self.account, &self.peer);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        draft.address(self.account)?;
        if draft.pending_since(self.account, &self.peer).is_none_or(|since| since >= self.before) {
            return Ok(());
        }
        let at = draft.tick();
        let chat = draft.change(self.account, &self.peer, at, |side| {
            side.end();
            side.chat
        });
        let status = InvitationStatus::Expired;
        let body = EntryBody::InvitationUpdate { chat, peer: self.peer.clone(), status };
        draft.append(self.account, at, None, body);
        Ok(())
    }
}
