//! Two sides and the way between them.

use std::time::Duration;

use super::side::{ALICE, BOB, Side};
use crate::chat::Settings;

pub(super) struct Way {
    pub(super) alice: Side,
    pub(super) bob: Side,
    pub(super) now: Duration,
}

impl Way {
    pub(super) fn new(alice: Settings, bob: Settings) -> Self {
        Self { alice: Side::new(ALICE, alice), bob: Side::new(BOB, bob), now: Duration::ZERO }
    }

    /// Carries all that there is until nobody says anything more.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            if let Some(message) = self.alice.wire.pop_front() {
                self.bob.receive(message);
            } else if let Some(message) = self.bob.wire.pop_front() {
                self.alice.receive(message);
            } else {
                return;
            }
        }
        panic!("they never stop");
    }

    /// Lets time pass, and all that happens in it.
    pub(super) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let next = [self.alice.next_deadline(), self.bob.next_deadline()].into_iter().flatten().min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.at(next.max(self.now)),
                None => break,
            }
        }
        self.at(end);
    }

    fn at(&mut self, now: Duration) {
        self.now = now;
        self.alice.advance(now);
        self.bob.advance(now);
        self.settle();
    }
}
