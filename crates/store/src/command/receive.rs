use trunkline_model::{ChatId, MessageKey, MessageState};

use crate::{
    NewIncoming, Received, StoreError,
    draft::{Change, Draft, MessageRow, Needs},
    job::ChatCommand,
};

impl ChatCommand for NewIncoming {
    type Answer = Received;

    fn needs(&self, needs: &mut Needs) {
        needs.side(self.account, &self.peer);
        needs.foreign(self.account, &self.foreign_id);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Received, StoreError> {
        draft.address(self.account)?;
        if let Some(key) = draft.brought_as(self.account, &self.foreign_id) {
            return Ok(Received { dup: true, key });
        }
        let at = draft.tick();
        let key = MessageKey::fresh();
        let chat = draft.conversation(self.account, &self.peer).map(|side| side.chat);
        draft.insert_message(self.row(key, chat.unwrap_or_else(ChatId::fresh)));
        draft.arrive(self.account, &self.peer, Some(key), ChatId::fresh(), at);
        let chat = draft.change(self.account, &self.peer, at, |side| side.chat);
        if let Some(row) = draft.message_mut(key) {
            row.chat = chat;
        }
        Ok(Received { dup: false, key })
    }
}

impl NewIncoming {
    fn row(&self, key: MessageKey, chat: ChatId) -> MessageRow {
        MessageRow {
            key,
            account: None,
            device: None,
            id: self.id.clone(),
            peer: self.peer.clone(),
            chat,
            text: self.text.clone(),
            digest: None,
            inbox: Some(self.account),
            foreign_id: Some(self.foreign_id.clone()),
            state: MessageState::Confirmed,
            failure: None,
            sent_at: self.sent_at,
            delivered_at: None,
            attempts: 1,
            change: Change::New,
        }
    }
}
