use std::collections::VecDeque;

/// What we sent and the server has not confirmed yet, oldest first: the sender's half of XEP-0198.
///
/// A server without stream management is asked by ping instead; its pong stands for an `h` (see
/// [`Outbound::position`]), because a stream is processed in order.
#[derive(Debug)]
pub(crate) struct Outbound<T> {
    sent: u32,
    open: VecDeque<T>,
}

/// The server confirmed more than was sent, or took a confirmation back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WrongCount;

impl<T> Default for Outbound<T> {
    fn default() -> Self {
        Self { sent: 0, open: VecDeque::new() }
    }
}

impl<T> Outbound<T> {
    /// Counts a stanza that is on its way.
    pub(crate) fn push(&mut self, item: T) {
        self.sent = self.sent.wrapping_add(1);
        self.open.push_back(item);
    }

    /// The count that confirms everything sent so far.
    pub(crate) fn position(&self) -> u32 {
        self.sent
    }

    /// Takes the server's `h` (modulo 2^32) and gives what it newly confirms.
    pub(crate) fn confirm(&mut self, h: u32) -> Result<impl Iterator<Item = T> + '_, WrongCount> {
        let open = u32::try_from(self.open.len()).map_err(|_| WrongCount)?;
        let confirmed = h.wrapping_sub(self.sent.wrapping_sub(open));
        if confirmed > open {
            return Err(WrongCount);
        }
        Ok(self.open.drain(..confirmed as usize))
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.open.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.open.iter_mut()
    }

    /// Forgets the stream and gives what stayed open.
    pub(crate) fn reset(&mut self) -> VecDeque<T> {
        self.sent = 0;
        std::mem::take(&mut self.open)
    }
}

/// What the server sent and how far we have taken it: the receiver's half of XEP-0198.
///
/// Stanzas may be finished out of order (a message waits for its commit while presence behind it is done); the count
/// that the server is told never passes an unfinished one.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    stream: u32,
    handled: u32,
    unfinished: VecDeque<bool>,
}

/// A stanza's place in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    stream: u32,
    number: u32,
}

impl Ticket {
    /// The `h` that acknowledges this stanza; the same when the server repeats it after a resumption.
    pub(crate) fn number(self) -> u32 {
        self.number
    }
}

impl Inbound {
    pub(crate) fn arrive(&mut self) -> Ticket {
        self.unfinished.push_back(false);
        let number = self.handled.wrapping_add(self.unfinished.len() as u32);
        Ticket { stream: self.stream, number }
    }

    /// Marks a stanza as taken for good; a ticket of an earlier stream is ignored.
    pub(crate) fn finish(&mut self, ticket: Ticket) {
        if ticket.stream != self.stream {
            return;
        }
        let place = ticket.number.wrapping_sub(self.handled).wrapping_sub(1) as usize;
        if let Some(done) = self.unfinished.get_mut(place) {
            *done = true;
        }
        while self.unfinished.front() == Some(&true) {
            self.unfinished.pop_front();
            self.handled = self.handled.wrapping_add(1);
        }
    }

    /// The `h` to tell the server.
    pub(crate) fn handled(&self) -> u32 {
        self.handled
    }

    /// True when nothing that arrived is unfinished.
    pub(crate) fn settled(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// The session goes on over a new stream, on which the server repeats everything beyond `handled`.
    pub(crate) fn rewind(&mut self, handled: u32) {
        *self = Self { stream: self.stream.wrapping_add(1), handled, unfinished: VecDeque::new() };
    }

    /// A new session begins: tickets given so far mean nothing to it.
    pub(crate) fn reset(&mut self) {
        *self = Self { stream: self.stream.wrapping_add(1), ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Inbound, Outbound, WrongCount};

    #[test]
    fn confirmations_are_cumulative_and_wrap() {
        let mut ledger = Outbound { sent: u32::MAX - 1, open: [].into() };
        for item in ["a", "b", "c"] {
            ledger.push(item);
        }
        assert_eq!(ledger.position(), 1);
        assert_eq!(ledger.confirm(0).unwrap().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(ledger.confirm(0).unwrap().count(), 0);
        assert_eq!(ledger.confirm(u32::MAX).err(), Some(WrongCount), "taken back");
        assert_eq!(ledger.confirm(2).err(), Some(WrongCount), "never sent");
        assert_eq!(ledger.confirm(1).unwrap().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn an_unfinished_stanza_holds_the_count() {
        let mut inbound = Inbound::default();
        let (message, presence) = (inbound.arrive(), inbound.arrive());
        inbound.finish(presence);
        assert_eq!(inbound.handled(), 0);
        assert!(!inbound.settled());
        inbound.finish(message);
        assert_eq!(inbound.handled(), 2);
        assert!(inbound.settled());
    }

    #[test]
    fn tickets_of_an_earlier_stream_count_for_nothing() {
        let mut inbound = Inbound::default();
        let old = inbound.arrive();
        inbound.reset();
        inbound.arrive();
        inbound.finish(old);
        assert_eq!(inbound.handled(), 0);
    }

    proptest! {
        #[test]
        fn the_count_is_the_longest_finished_prefix(finish_order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(),
                                                    cut in 0..40usize) {
            let mut inbound = Inbound::default();
            let tickets: Vec<_> = (0..40).map(|_| inbound.arrive()).collect();
            let mut finished = [false; 40];
            for &index in &finish_order[..cut] {
                inbound.finish(tickets[index]);
                finished[index] = true;
            }
            let prefix = finished.iter().take_while(|done| **done).count();
            prop_assert_eq!(inbound.handled() as usize, prefix);
        }
    }
}
