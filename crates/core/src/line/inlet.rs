use std::sync::{Arc, Weak};

use async_trait::async_trait;
use trunkline_model::{AccountId, Address, CallEnd, ChatId, Contact, MessageKey, Profile};
use trunkline_store::{MessageOutcome, NewIncoming, StoreError};

use super::{Change, Lines, Slot, blocking::Blocking};
use crate::{
    error,
    port::{Incoming, Inlet, InletError, LineState, Outcome},
};

/// What one line tells the core; a line that was replaced is not listened to any more.
pub(super) struct LineInlet {
    lines: Weak<Lines>,
    slot: Weak<Slot>,
    generation: u64,
    /// Held while a typing notice is passed on: those that come meanwhile are dropped.
    typing: Arc<tokio::sync::Mutex<()>>,
    blocking: Arc<Blocking>,
}

impl LineInlet {
    pub(super) fn new(lines: &Arc<Lines>, slot: &Arc<Slot>, generation: u64) -> Self {
        let (lines, slot) = (Arc::downgrade(lines), Arc::downgrade(slot));
        Self { lines, slot, generation, typing: Arc::default(), blocking: Arc::default() }
    }

    fn present(&self) -> Option<(Arc<Lines>, Arc<Slot>)> {
        let slot = self.slot.upgrade().filter(|slot| slot.is_present(self.generation))?;
        Some((self.lines.upgrade()?, slot))
    }
}

#[async_trait]
impl Inlet for LineInlet {
    async fn receive(&self, message: Incoming) -> Result<(), InletError> {
        let (lines, slot) = self.present().ok_or(InletError::Gone)?;
        let account = slot.person.account;
        if lines.blocks.blocks(account, &message.peer).await.map_err(failed)? {
            lines.metrics.blocked.inc();
            return Err(InletError::Unwanted);
        }
        let Incoming { peer, id, foreign_id, text, sent_at, profile } = message;
        if let Some(profile) = profile {
            lines.names.heard(&peer, &profile.display_name);
        }
        let incoming = NewIncoming { account, peer, id, foreign_id, text, sent_at };
        let received = lines.store.receive(incoming).await.map_err(failed)?.await.map_err(failed)?;
        if !received.dup {
            lines.metrics.received(slot.backend.as_ref());
        }
        Ok(())
    }

    async fn called(&self, peer: &Address, profile: Option<Profile>) -> Result<(), InletError> {
        let (lines, slot) = self.present().ok_or(InletError::Gone)?;
        let account = slot.person.account;
        if lines.blocks.blocks(account, peer).await.map_err(failed)? {
            return Err(InletError::Unwanted);
        }
        if let Some(profile) = profile {
            lines.names.heard(peer, &profile.display_name);
        }
        lines.store.call(account, peer).await.map_err(failed)?.await.map_err(failed)
    }

    async fn call_ended(
        &self,
        peer: &Address,
        foreign_id: Option<&str>,
        end: CallEnd,
    ) -> Result<(), InletError> {
        let (lines, slot) = self.present().ok_or(InletError::Gone)?;
        let ended = lines.store.call_ended(slot.person.account, peer, foreign_id, end);
        ended.await.map_err(failed)?.await.map_err(failed)
    }

    async fn delivered(&self, peer: &Address, key: MessageKey) -> Result<(), InletError> {
        let (lines, slot) = self.present().ok_or(InletError::Gone)?;
        lines.store.delivered(slot.person.account, peer, key).await.map_err(failed)?.await.map_err(failed)
    }

    async fn failed(&self, key: MessageKey, permanent: bool, reason: &str) -> Result<(), InletError> {
        let (lines, slot) = self.present().ok_or(InletError::Gone)?;
        let outcome =
            MessageOutcome::Failed { code: error::refusal(permanent).number(), reason: reason.to_owned() };
        match lines.store.outcome(Some(slot.person.account), key, outcome, true).await.map_err(failed)?.await
        {
            // Retention has removed the message: the account is there, but nothing is left to tell.
            Err(StoreError::NotFound(_)) => Ok(()),
            Ok(from) => {
                let outcome = Outcome::Refused { permanent, reason: String::new() };
                lines.metrics.settled(slot.backend.as_ref(), &outcome, from);
                Ok(())
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn typing(&self, peer: &Address, composing: bool) {
        let Some((lines, slot)) = self.present() else { return };
        let Ok(turn) = Arc::clone(&self.typing).try_lock_owned() else { return };
        let peer = peer.clone();
        lines.tasks.clone().spawn(async move {
            let _turn = turn;
            if let Err(error) = tell_typing(&lines, slot.person.account, &peer, composing).await {
                tracing::debug!(%error, "a typing notice was dropped");
            }
        });
    }

    fn contact_changed(&self, contact: Contact) {
        if let Some((lines, slot)) = self.present() {
            lines.names.heard(&contact.address, &contact.profile.display_name);
            lines.hub.contact_changed(slot.person.account, &contact);
        }
    }

    fn roster_changed(&self) {
        if let Some((lines, slot)) = self.present() {
            lines.roster_outdated(slot.person.account);
        }
    }

    fn blocked_changed(&self, blocked: Vec<Address>) {
        let Some((lines, slot)) = self.present() else { return };
        let blocked = blocked.into_iter().filter(|who| *who != slot.person.address).collect();
        self.blocking.learn(lines, slot, blocked);
    }

    fn state_changed(&self, state: LineState) {
        let Some((lines, slot)) = self.present() else { return };
        if !slot.set_state(&state) {
            return;
        }
        tracing::info!(account = %slot.person.address, backend = slot.backend.kind(), state = state.name(), reason = state.reason(), "line");
        let change = Change { generation: self.generation, password: slot.password(self.generation), state };
        lines.tasks.clone().spawn(async move { lines.state_changed(&slot, change).await });
    }
}

async fn tell_typing(
    lines: &Lines,
    account: AccountId,
    peer: &Address,
    composing: bool,
) -> Result<(), StoreError> {
    if lines.blocks.blocks(account, peer).await? {
        return Ok(());
    }
    let conversation = lines.store.conversation(account, peer).await?;
    let chat = conversation.map_or(ChatId::NIL, |conversation| conversation.chat);
    lines.hub.hint(account, &trunkline_wire::typing(peer, chat, composing));
    Ok(())
}

fn failed(error: StoreError) -> InletError {
    match error {
        StoreError::NotFound(_) => InletError::Gone,
        error => InletError::Store(error.to_string()),
    }
}
