use std::collections::VecDeque;

use super::{Outbound, unacknowledged::Unacknowledged};

/// Bytes that requests that were under way may still bring to a session that is over; more are lost.
const LATE_BYTES: usize = 16 * 1024;

/// A session that is over holds its last words for a phone that polls, and nothing that grows.
impl Outbound {
    /// Lets go of all that no poll will ask for. Gives the most memory that frames may take from now on, in bytes.
    pub(crate) fn part(&mut self) -> usize {
        self.offers = VecDeque::new();
        self.unacknowledged = Unacknowledged::default();
        self.failures.forget_told();
        self.completions.part();
        self.room.get_or_insert(LATE_BYTES);
        // What comes late is kept, and waits for a reader besides.
        self.ready.weight() + self.completions.weight() + 2 * LATE_BYTES
    }

    /// Whether another frame may be held.
    pub(super) fn take_room(&mut self, frame: &str) -> bool {
        let Some(room) = &mut self.room else { return true };
        let left = room.checked_sub(frame.len());
        *room = left.unwrap_or(*room);
        left.is_some()
    }
}
