//! What the core has to take, one after the other.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tracing::warn;
use trunkline_core::port::{Incoming, Inlet, InletError};
use trunkline_model::{Address, CallEnd, MessageKey, Profile};

use super::{Account, Act};
use crate::chat;

/// So many may wait before peers are told to come again later.
const CROWD: usize = 512;
/// Most that may wait; what ends (an invitation, say) is not asked whether there is room.
const MOST: usize = 2_048;
/// How long to wait before the core is told once more of what nobody would tell the relay again.
const AGAIN: Duration = Duration::from_secs(1);

/// Something that the core has to take.
#[derive(Debug, Clone)]
pub(crate) enum Commit {
    /// A message; with a token its sender waits for the answer.
    Received(Option<chat::Token>, Box<Incoming>),
    /// An invitation without a message, whose sender rings.
    Called { token: chat::Token, peer: Address, profile: Option<Box<Profile>> },
    /// What rang does so no more.
    CallEnded { peer: Address, foreign_id: Option<String>, end: CallEnd },
    /// A message of the person's came back after it had been confirmed; with a token who says so waits for the answer.
    Failed { token: Option<chat::Token>, key: MessageKey, permanent: bool, reason: String },
}

/// What waits. The first is under way, or rests until it is told once more.
#[derive(Debug, Default)]
pub(super) struct Commits {
    waiting: VecDeque<Commit>,
    rests: Option<Duration>,
    /// Whether the store has failed since it last took something.
    fails: bool,
}

impl Commits {
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.rests
    }

    /// Whether so much waits that peers had better come again later.
    pub(super) fn is_crowded(&self) -> bool {
        self.waiting.len() >= CROWD
    }

    /// Leaves the first to be told once more, and takes out what others tell again themselves.
    fn rest(&mut self, until: Duration) -> Vec<chat::Token> {
        self.rests = Some(until);
        let told_again: Vec<_> = self.waiting.iter().filter_map(Commit::is_told_again).collect();
        self.waiting.retain(|commit| commit.is_told_again().is_none());
        told_again
    }
}

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
            Self::Failed { token: _, key, permanent, reason } => inlet.failed(key, permanent, &reason).await,
        }
    }

    /// What its sender waits for.
    fn token(&self) -> Option<chat::Token> {
        match self {
            Self::Called { token, .. } => Some(*token),
            Self::Received(token, _) | Self::Failed { token, .. } => *token,
            Self::CallEnded { .. } => None,
        }
    }

    /// What its sender waits for who, when it is not taken, tells it once more or tells the person there that it failed.
    fn is_told_again(&self) -> Option<chat::Token> {
        self.token().filter(|_| !matches!(self, Self::Failed { .. }))
    }
}

impl Account {
    /// How the core is told.
    pub(crate) fn inlet(&self) -> Arc<dyn Inlet> {
        self.inlet.clone()
    }

    /// The core has taken what was under way, or cannot.
    pub(crate) fn committed(&mut self, now: Duration, result: &Result<(), InletError>, acts: &mut Vec<Act>) {
        let fails = matches!(result, Err(InletError::Store(_)));
        if let Err(error) = result
            && *error != InletError::Unwanted
            && !(fails && self.commits.fails)
        {
            warn!(account = self.shared.person.account.0, %error, "not taken");
        }
        self.commits.fails = fails;
        let stays = |commit: &Commit| commit.is_told_again().is_none();
        if fails && self.commits.waiting.front().is_some_and(stays) {
            for token in self.commits.rest(now.saturating_add(AGAIN)) {
                self.chat(now, chat::Event::NotCommitted(token), acts);
            }
            return;
        }
        let done = self.commits.waiting.pop_front();
        self.commit_next(acts);
        if let Some(token) = done.and_then(|commit| commit.token()) {
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

    /// It may be time to tell the core once more.
    pub(super) fn commit_on(&mut self, now: Duration, acts: &mut Vec<Act>) {
        if self.commits.rests.take_if(|until| *until <= now).is_some() {
            self.commit_next(acts);
        }
    }

    fn commit_next(&self, acts: &mut Vec<Act>) {
        if let Some(next) = self.commits.waiting.front() {
            acts.push(Act::Commit(Box::new(next.clone())));
        }
    }

    pub(super) fn commit(&mut self, now: Duration, commit: Commit, acts: &mut Vec<Act>) {
        if self.commits.waiting.len() >= MOST {
            warn!(account = self.shared.person.account.0, "too much waits for the store");
            if let Some(token) = commit.token() {
                self.chat(now, chat::Event::NotCommitted(token), acts);
            }
            return;
        }
        self.commits.waiting.push_back(commit);
        if self.commits.waiting.len() == 1 {
            self.commit_next(acts);
        }
    }
}
