use trunkline_model::{AccountId, Address, DeviceId, EntryBody, Seq};

use crate::{
    ReadMark, StoreError,
    draft::{Draft, Needs},
    job::ChatCommand,
};

/// Marks a conversation as read.
pub(crate) struct Read {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) peer: Address,
    pub(crate) up_to: Option<Seq>,
}

impl ChatCommand for Read {
    type Answer = ReadMark;

    fn needs(&self, needs: &mut Needs) {
        needs.side(self.account, &self.peer);
        if let Some(up_to) = self.up_to {
            needs.unread(self.account, &self.peer, up_to);
        }
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<ReadMark, StoreError> {
        draft.address(self.account)?;
        let head = draft.head(self.account);
        let up_to = self.up_to.unwrap_or(head).min(head);
        let missing = || StoreError::NotFound(format!("there is no conversation with {}", self.peer));
        let before = draft.conversation(self.account, &self.peer).ok_or_else(missing)?.clone();
        let mark = |unread, up_to| ReadMark { chat: before.chat, up_to, unread, state: before.state };
        if up_to <= before.read_up_to {
            return Ok(mark(before.unread, before.read_up_to));
        }
        let at = draft.tick();
        let unread = draft.unread_after(self.account, &self.peer, up_to).min(before.unread);
        draft.change(self.account, &self.peer, at, |side| {
            side.unread = unread;
            side.read_up_to = up_to;
        });
        if unread < before.unread {
            let body =
                EntryBody::ConversationRead { chat: before.chat, peer: self.peer.clone(), up_to, unread };
            draft.append(self.account, at, Some(self.device), body);
        }
        Ok(mark(unread, up_to))
    }
}
