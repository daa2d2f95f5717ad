//! How much of a session may be under way: what its phone does not take holds back what it asks.

use std::sync::atomic::Ordering;

use super::{MAX_UNDER_WAY, Session};

/// Bytes waiting for a socket beyond which nothing more is read from it.
const MAX_WAITING_BYTES: usize = 256 * 1024;

impl Session {
    /// Whether another frame may be read from the phone.
    fn can_read(&self) -> bool {
        self.under_way.available_permits() > 0
            && self.dependents.load(Ordering::Relaxed) < MAX_UNDER_WAY
            && self.state().outbound.waiting_bytes() < MAX_WAITING_BYTES
    }

    /// Resolves when little enough waits for the reader, or it is gone.
    pub(crate) async fn has_room(&self) {
        loop {
            let changed = self.room.notified();
            {
                let outbound = &self.state().outbound;
                if outbound.waiting_bytes() < MAX_WAITING_BYTES || !outbound.is_open() {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Resolves when another frame may be read from the phone.
    pub(crate) async fn readable(&self) {
        // Two sockets of a session can wait here for a moment, the old one and its successor: every change wakes both,
        // and each listens before it looks.
        loop {
            let changed = self.room.notified();
            if self.can_read() {
                return;
            }
            changed.await;
        }
    }

    /// Resolves when no request is under way and none waits for others.
    pub(crate) async fn idle(&self) {
        loop {
            let changed = self.room.notified();
            let dependents = self.dependents.load(Ordering::Relaxed);
            if dependents == 0 && self.under_way.available_permits() == MAX_UNDER_WAY {
                return;
            }
            changed.await;
        }
    }

    /// A frame went out, or a request ended: there may be room for another.
    pub(crate) fn wrote(&self) {
        self.room.notify_waiters();
    }
}
