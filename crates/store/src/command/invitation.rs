use trunkline_model::{ChatId, ConversationState, EntryBody, InvitationStatus};

use crate::{
    Started, StoreError,
    draft::{Actor, Draft, Needs},
    job::ChatCommand,
};

/// Opens a conversation without a message.
pub(crate) struct Start(pub(crate) Actor);

/// Accepts the pending invitation that phones know by this id.
pub(crate) struct Accept(pub(crate) Actor, pub(crate) ChatId);

/// Declines the pending invitation that phones know by this id.
pub(crate) struct Decline(pub(crate) Actor, pub(crate) ChatId);

/// Ends a conversation.
pub(crate) struct End(pub(crate) Actor);

impl ChatCommand for Start {
    type Answer = Started;

    fn needs(&self, needs: &mut Needs) {
        self.0.needs(needs);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Started, StoreError> {
        let actor = &self.0;
        actor.check(draft)?;
        let me = draft.address(actor.account)?;
        let at = draft.tick();
        let state = draft.conversation(actor.account, &actor.peer).map(|side| side.state);
        if draft.change(actor.account, &actor.peer, at, |side| side.send(ChatId::fresh())) {
            draft.accept(actor, at)?;
        }
        let chat = draft.change(actor.account, &actor.peer, at, |side| side.chat);
        let begun = matches!(state, None | Some(ConversationState::Closed));
        if let Some(recipient) = actor.recipient.filter(|_| begun) {
            draft.arrive(recipient, &me, None, chat, at);
        }
        Ok(Started { chat, at })
    }
}

impl ChatCommand for Accept {
    type Answer = ();

    fn needs(&self, needs: &mut Needs) {
        self.0.needs(needs);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        self.0.check(draft)?;
        pending(draft, &self.0, self.1)?;
        let at = draft.tick();
        draft.accept(&self.0, at)
    }
}

impl ChatCommand for Decline {
    type Answer = ();

    fn needs(&self, needs: &mut Needs) {
        self.0.needs(needs);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        let (actor, chat) = (&self.0, self.1);
        actor.check(draft)?;
        pending(draft, actor, chat)?;
        let at = draft.tick();
        let declined = draft.change(actor.account, &actor.peer, at, |side| side.decline());
        declined.map_err(|_| StoreError::AlreadyAnswered)?;
        let status = InvitationStatus::Declined;
        let body = EntryBody::InvitationUpdate { chat, peer: actor.peer.clone(), status };
        draft.append(actor.account, at, Some(actor.device), body);
        draft.answered(actor, at, status)
    }
}

impl ChatCommand for End {
    type Answer = ();

    fn needs(&self, needs: &mut Needs) {
        self.0.needs(needs);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        let actor = &self.0;
        actor.check(draft)?;
        let me = draft.address(actor.account)?;
        let at = draft.tick();
        let ended = draft.change(actor.account, &actor.peer, at, |side| side.end().then_some(side.chat));
        if let Some(chat) = ended {
            let body = EntryBody::ChatEnded { chat, peer: actor.peer.clone() };
            draft.append(actor.account, at, Some(actor.device), body);
        }
        let Some(recipient) = actor.recipient else { return Ok(()) };
        let ended = draft.change(recipient, &me, at, |side| side.ended().then_some(side.chat));
        if let Some(chat) = ended {
            draft.append(recipient, at, None, EntryBody::ChatEnded { chat, peer: me });
        }
        Ok(())
    }
}

impl Actor {
    fn needs(&self, needs: &mut Needs) {
        needs.both_sides(self.account, &self.peer, self.recipient);
    }

    /// Refuses accounts that are gone before anything is changed.
    fn check(&self, draft: &Draft<'_>) -> Result<(), StoreError> {
        draft.address(self.account)?;
        self.recipient.map_or(Ok(()), |recipient| draft.address(recipient).map(|_| ()))
    }
}

fn pending(draft: &Draft<'_>, actor: &Actor, chat: ChatId) -> Result<(), StoreError> {
    let side = draft.conversation(actor.account, &actor.peer);
    let pends = side.is_some_and(|side| side.chat == chat && side.state.is_invited());
    if pends { Ok(()) } else { Err(StoreError::AlreadyAnswered) }
}
