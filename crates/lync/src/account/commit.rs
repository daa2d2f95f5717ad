//! What the core has to take, one after the other.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tracing::warn;
use trunkline_core::port::{Incoming, Inlet, InletError};
use trunkline_model::{Address, CallEnd, MessageKey, Profile};

use super::{Account, Act};
use crate::chat;

/// Most that may wait. Messages whose sender waits for the answer are fewer by themselves.
const MOST: usize = 1_024;

/// Something that the core has to take.
#[derive(Debug, Clone)]
pub(crate) enum Commit {
    /// A message; with a token its sender waits for the answer.
    Received(Option<chat::Token>, Box<Incoming>),
    /// An invitation without a message, whose sender rings.
    Called { token: chat::Token, peer: Address, profile: Option<Box<Profile>> },
    /// What rang does so no more.
    CallEnded { peer: Address, foreign_id: Option<String>, end: CallEnd },
    /// A message of the person's came back after it had been confirmed.
    Failed { key: MessageKey, permanent: bool, reason: String },
}

/// What waits. The first is under way.
#[derive(Debug, Default)]
pub(super) struct Commits(VecDeque<Commit>);

impl Commit {
    /// Waits until the core has it.
    pub(crate) async fn tell(self, inlet: Arc<dyn Inlet>) -> Result<(), InletError> {
        match self {
            Self::Received(_, incoming) => inlet.receive(*incoming).await,
            Self::Called { token: _, peer, profile } => {
                inlet.called(&peer, profile.map(|profile| *profile)).await
            }
            Self::CallEnded { peer, foreign_id, end } => {
                inlet.call_ended(&peer, foreign_id.as_deref(), end).await
            }
            Self::Failed { key, permanent, reason } => inlet.failed(key, permanent, &reason).await,
        }
    }
}

impl Account {
    /// How the core is told.
    pub(crate) fn inlet(&self) -> Arc<dyn Inlet> {
        self.inlet.clone()
    }

    /// The core has taken what was under way, or cannot.
    pub(crate) fn committed(&mut self, now: Duration, result: &Result<(), InletError>, acts: &mut Vec<Act>) {
        let done = self.commits.0.pop_front();
        if let Some(next) = self.commits.0.front() {
            acts.push(Act::Commit(Box::new(next.clone())));
        }
        if let Err(error) = result
            && *error != InletError::Unwanted
        {
            warn!(account = self.shared.person.account.0, %error, "not taken");
        }
        if let Some(Commit::Received(Some(token), _) | Commit::Called { token, .. }) = done {
            let event = match result {
                Ok(()) => chat::Event::Committed(token),
                Err(InletError::Unwanted) => chat::Event::Unwanted(token),
                Err(_) => chat::Event::NotCommitted(token),
            };
            self.chat(now, event, acts);
        }
        if let Err(InletError::Gone) = result {
            self.close(now, None, acts);
        }
    }

    pub(super) fn commit(&mut self, commit: Commit, acts: &mut Vec<Act>) {
        if self.commits.0.len() >= MOST {
            warn!(account = self.shared.person.account.0, "too much waits for the store");
            return;
        }
        if self.commits.0.is_empty() {
            acts.push(Act::Commit(Box::new(commit.clone())));
        }
        self.commits.0.push_back(commit);
    }
}
