use std::time::Duration;

use super::event::Action;

/// What is to be done, and when it is.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) now: Duration,
    actions: Vec<Action>,
    last: u64,
}

impl Out {
    pub(super) fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// A number that was not given before.
    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }
}
