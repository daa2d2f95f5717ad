use trunkline_model::{AccountId, ChatId, EntryBody, MessageKey, MessageState, Timestamp};

use crate::{
    NewMessage, Route, Sent, StoreError,
    draft::{Actor, Change, Draft, MessageRow, Needs},
    job::ChatCommand,
};

impl ChatCommand for NewMessage {
    type Answer = Sent;

    fn needs(&self, needs: &mut Needs) {
        needs.both_sides(self.account, &self.peer, self.recipient());
        needs.send(self.device, &self.id);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Sent, StoreError> {
        #[cfg(debug_assertions)]
        trunkline_model::poison::taste("commit", self.text.expose());
        let me = draft.address(self.account)?;
        if let Some(recipient) = self.recipient() {
            draft.address(recipient)?;
        }
        let again = match draft.sent_as(self.device, &self.id) {
            Some(earlier) if !self.same_as(earlier, draft) => return Err(StoreError::Reused),
            Some(earlier) if !matches!(earlier.state, MessageState::Failed | MessageState::Unknown) => {
                return Ok(answer(earlier, draft, true));
            }
            earlier => earlier.map(|earlier| earlier.key),
        };
        let at = draft.tick();
        let actor = self.actor();
        let chat = self.enter(draft, &actor, at)?;
        let key = self.keep(draft, again, chat, at);
        if let Some(message) = draft.view(key) {
            let peer = self.peer.clone();
            let body = EntryBody::MessageSent { chat, peer, message };
            draft.append(self.account, at, Some(self.device), body);
        }
        match self.route {
            Route::Local { recipient, deliver: true } => draft.arrive(recipient, &me, Some(key), chat, at),
            Route::Local { deliver: false, .. } => {}
            Route::Line => draft.enqueue(key, self.account, at),
        }
        let row =
            draft.message(key).ok_or_else(|| StoreError::Corrupt("a new message was lost".to_owned()))?;
        Ok(answer(row, draft, false))
    }
}

impl NewMessage {
    fn recipient(&self) -> Option<AccountId> {
        match self.route {
            Route::Local { recipient, .. } => Some(recipient),
            Route::Line => None,
        }
    }

    /// Somebody who blocks the sender does not notice an answer either.
    fn actor(&self) -> Actor {
        let recipient = match self.route {
            Route::Local { recipient, deliver: true } => Some(recipient),
            Route::Local { deliver: false, .. } | Route::Line => None,
        };
        Actor { account: self.account, device: self.device, peer: self.peer.clone(), recipient }
    }

    fn same_as(&self, earlier: &MessageRow, draft: &Draft<'_>) -> bool {
        earlier.peer == self.peer && earlier.had_text(&self.text, draft.keys())
    }

    /// The sender's side: begins a conversation or answers an invitation, and reads what came before.
    fn enter(&self, draft: &mut Draft<'_>, actor: &Actor, at: Timestamp) -> Result<ChatId, StoreError> {
        if draft.change(self.account, &self.peer, at, |side| side.send(ChatId::fresh())) {
            draft.accept(actor, at)?;
        }
        draft.read_by_answering(actor, at);
        Ok(draft.change(self.account, &self.peer, at, |side| side.chat))
    }

    /// The message row: a new one, or the earlier one for another attempt.
    fn keep(
        &self,
        draft: &mut Draft<'_>,
        again: Option<MessageKey>,
        chat: ChatId,
        at: Timestamp,
    ) -> MessageKey {
        let state = match self.route {
            Route::Local { .. } => MessageState::Confirmed,
            Route::Line => MessageState::Stored,
        };
        if let Some(row) = again.and_then(|key| draft.message_mut(key)) {
            row.chat = chat;
            row.text = self.text.clone();
            row.digest = None;
            row.state = state;
            row.failure = None;
            row.sent_at = at;
            row.attempts += 1;
            row.changed(Change::Whole);
            return row.key;
        }
        let row = self.row(chat, state, at);
        let key = row.key;
        draft.insert_message(row);
        key
    }

    fn row(&self, chat: ChatId, state: MessageState, at: Timestamp) -> MessageRow {
        MessageRow {
            key: MessageKey::fresh(),
            account: Some(self.account),
            device: Some(self.device),
            id: self.id.clone(),
            peer: self.peer.clone(),
            chat,
            text: self.text.clone(),
            digest: None,
            inbox: None,
            foreign_id: None,
            state,
            failure: None,
            sent_at: at,
            delivered_at: None,
            attempts: 1,
            change: Change::New,
        }
    }
}

fn answer(row: &MessageRow, draft: &Draft<'_>, dup: bool) -> Sent {
    Sent {
        key: row.key,
        chat: row.chat,
        sent_at: row.sent_at,
        state: row.state,
        dup,
        failure: row.failure.clone(),
        head: row.account.map(|account| draft.head(account)).unwrap_or_default(),
    }
}
