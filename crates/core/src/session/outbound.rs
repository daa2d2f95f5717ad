//! What goes to a session's phone and in which order: a pure state machine, driven by whoever reads it.

mod completion;
mod failure;
mod mark;
mod parting;
mod polling;
mod ready;
mod unacknowledged;

use std::{collections::VecDeque, fmt, sync::Arc, time::Instant};

use trunkline_model::{DeviceId, Seq};
use trunkline_wire::EventData;

pub(crate) use self::failure::Failure;
use self::{
    completion::Completions,
    failure::Failures,
    ready::{Numbered, Ready},
    unacknowledged::Unacknowledged,
};
use super::{
    offer::Offer,
    sequence::{Marks, Sequences},
};

/// Bytes waiting for the socket beyond which hints are dropped.
const MAX_HINT_BYTES: usize = 256 * 1024;
/// Live entries kept in memory for a socket that is busy; beyond, it re-reads the mailbox.
const MAX_OFFERS: usize = 64;

/// Everything that waits for, or may have to be repeated to, one session's phone. Its `Debug` shows no frame.
pub(crate) struct Outbound {
    device: DeviceId,
    /// Somebody reads: a socket, or one poll after the other.
    open: bool,
    /// The phone last asked for what waits for it by polls.
    polled: bool,
    /// The last sequence that the present reader was given, or that its phone had before.
    given: Option<i64>,
    pub(crate) sequences: Sequences,
    events: u64,
    ready: Ready,
    completions: Completions,
    marks: Marks,
    offers: VecDeque<Arc<Offer>>,
    /// Everything up to here went to the present socket.
    sent: Seq,
    /// The highest entry that this session showed the phone in this life of the process.
    shown: Seq,
    /// The highest entry that an earlier life may have shown; `None` until the mailbox is first read.
    shown_before: Option<Seq>,
    /// The highest entry that the phone's socket saw.
    seen: Seq,
    /// The highest entry heard of.
    head: Seq,
    /// The highest entry heard of when the mailbox was last asked.
    asked: Seq,
    /// Everything up to here is acknowledged by the device.
    acknowledged: Seq,
    unacknowledged: Unacknowledged,
    /// When the entry that was given out last was committed, if it came fresh from there.
    fresh: Option<Instant>,
    failures: Failures,
    /// Bytes that may still come in, once the session is over; `None` before.
    room: Option<usize>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sent, head, acknowledged, ready, .. } = self;
        write!(
            f,
            "Outbound(sent {sent:?}, head {head:?}, acknowledged {acknowledged:?}, {} wait)",
            ready.len()
        )
    }
}

/// What the socket's task is to do next. It has no `Debug`, since it holds frames.
pub(crate) enum Step {
    /// Write this frame.
    Write(String),
    /// Work out the names that this entry shows, then ask again.
    Encode(Arc<Offer>),
    /// Read the mailbox after this place and bring the page to [`Outbound::page`].
    Read(Seq),
    /// Wait for something to happen.
    Wait,
    /// No sequences left: the store could not reserve any for long.
    Exhausted,
}

impl Outbound {
    pub(crate) fn new(device: DeviceId, sequences: Sequences, acknowledged: Seq, head: Seq) -> Self {
        Self {
            device,
            open: false,
            polled: false,
            given: None,
            // As many as there were in earlier lives of the process, or more: a number comes once in a session's life.
            events: sequences.earlier(),
            sequences,
            ready: Ready::default(),
            completions: Completions::default(),
            marks: Marks::default(),
            offers: VecDeque::new(),
            sent: acknowledged,
            shown: acknowledged,
            shown_before: None,
            seen: acknowledged,
            head,
            asked: acknowledged,
            acknowledged,
            unacknowledged: Unacknowledged::default(),
            fresh: None,
            failures: Failures::default(),
            room: None,
        }
    }

    /// A new socket: the phone has seen everything up to the sequence `seen`. Returns up to where the mailbox is
    /// thereby acknowledged, if that is news.
    pub(crate) fn open(&mut self, seen: Option<i64>) -> Option<Seq> {
        let polled = std::mem::replace(&mut self.polled, false);
        // A phone that polled may have fetched nothing yet, so that it has no sequence to tell.
        self.reopen(seen, polled.then_some(0))
    }

    /// Begins anew behind the sequence `seen`, with the completions after it; without one, with those after `otherwise`.
    fn reopen(&mut self, seen: Option<i64>, otherwise: Option<i64>) -> Option<Seq> {
        self.close();
        self.open = true;
        let seen = seen.filter(|sequence| self.sequences.gave(*sequence));
        if !seen.or(otherwise).is_some_and(|after| self.completions.repeat(after)) {
            self.failures.forget_told();
        }
        self.given = seen;
        let upto =
            seen.and_then(|sequence| self.marks.seq_at(sequence)).filter(|seq| *seq > self.acknowledged);
        if let Some(seq) = upto {
            self.acknowledge(seq);
        }
        self.sent = self.acknowledged;
        upto
    }

    /// The reader is gone: what waited for it is dropped, because the next one is told what it needs.
    pub(crate) fn close(&mut self) {
        self.open = false;
        self.ready.clear();
        self.offers = VecDeque::new();
        self.completions.stop();
    }

    /// A frame without a sequence (phase 1).
    pub(crate) fn push(&mut self, frame: String) {
        if self.take_room(&frame) {
            self.wait_for_reader(None, frame);
        }
    }

    fn wait_for_reader(&mut self, sequence: Option<i64>, frame: String) {
        if self.open {
            self.ready.push(sequence, frame);
        }
    }

    /// A completion (phase 2), made by `write` for its sequence; kept for a phone that comes back. Without a sequence
    /// to give it waits for [`Outbound::granted`].
    pub(crate) fn complete(&mut self, write: impl FnOnce(i64) -> String + Send + 'static) {
        self.completions.defer(Box::new(write));
        self.write_deferred();
        if self.room.is_some() {
            self.completions.part();
        }
    }

    /// The store holds a reservation of sequences up to this n.
    pub(crate) fn granted(&mut self, reserved: i64) {
        self.sequences.granted(reserved);
        self.write_deferred();
    }

    fn write_deferred(&mut self) {
        while self.completions.are_deferred() {
            let Some(sequence) = self.sequences.take() else { return };
            let Some(text) = self.completions.write(sequence) else { return };
            if self.take_room(&text) {
                self.completions.keep(sequence, &text, self.keep());
                self.wait_for_reader(Some(sequence), text);
            }
        }
    }

    /// An event that is of no use later (typing): dropped when the phone is far behind.
    pub(crate) fn hint(&mut self, data: &EventData) {
        if self.ready.bytes() <= MAX_HINT_BYTES {
            self.event(data);
        }
    }

    /// An event that is not stored (presence); its sequence. `None`: exhausted, or nobody's any more.
    pub(crate) fn event(&mut self, data: &EventData) -> Option<i64> {
        if self.room.is_some() {
            return None;
        }
        let sequence = self.sequences.take()?;
        self.events += 1;
        self.wait_for_reader(Some(sequence), trunkline_wire::event(self.events, sequence, data));
        Some(sequence)
    }

    /// The mailbox holds entries up to here.
    pub(crate) fn heard(&mut self, head: Seq) {
        self.head = self.head.max(head);
    }

    /// An entry was committed.
    pub(crate) fn offer(&mut self, offer: &Arc<Offer>) {
        self.head = self.head.max(offer.entry.seq);
        let in_line = match self.offers.back() {
            Some(last) => last.entry.seq.next() == offer.entry.seq,
            None => self.sent.next() == offer.entry.seq,
        };
        if in_line && self.offers.len() < MAX_OFFERS {
            self.offers.push_back(Arc::clone(offer));
        }
    }

    /// A page of the mailbox that [`Step::Read`] asked for. A place without its entry was purged.
    pub(crate) fn page(&mut self, after: Seq, page: Vec<Arc<Offer>>) {
        if after != self.sent {
            return;
        }
        match page.first() {
            Some(first) => self.sent = Seq(first.entry.seq.0 - 1),
            // Purged up to where the mailbox reached when it was asked; what came since is still to be read.
            None => self.sent = self.sent.max(self.asked),
        }
        if let Some(last) = page.last() {
            self.head = self.head.max(last.entry.seq);
        }
        self.offers = page.into();
    }

    /// A frame that waits, past the mailbox: for a session that is over.
    pub(crate) fn take_ready(&mut self) -> Option<String> {
        let frame = self.completions.take().or_else(|| self.ready.take())?;
        Some(self.give(frame))
    }

    /// When the entry that was given out last was committed; once.
    pub(crate) fn take_fresh(&mut self) -> Option<Instant> {
        self.fresh.take()
    }

    /// Bytes that wait for the reader.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.ready.bytes().max(self.unfetched_bytes())
    }

    /// The reader is given a frame.
    fn give(&mut self, frame: Numbered) -> String {
        self.given = frame.sequence.or(self.given);
        frame.text
    }

    /// Everything up to here went to the present socket.
    pub(crate) fn sent(&self) -> Seq {
        self.sent
    }

    /// The highest entry heard of.
    pub(crate) fn head(&self) -> Seq {
        self.head
    }

    /// What to do next: first what the phone missed, in the order of its old sequences; then frames that wait; then
    /// the mailbox.
    pub(crate) fn step(&mut self) -> Step {
        let repeating = self.sent < self.marks.last() && self.sent < self.head;
        if !repeating {
            let frame = self.completions.take().or_else(|| self.ready.take());
            if let Some(frame) = frame {
                return Step::Write(self.give(frame));
            }
        }
        self.step_mailbox()
    }

    fn step_mailbox(&mut self) -> Step {
        while let Some(offer) = self.offers.front() {
            if offer.entry.seq > self.sent.next() {
                self.offers.clear();
                break;
            }
            if offer.entry.seq <= self.sent {
                self.offers.pop_front();
            } else if !offer.entry.is_for(self.device) {
                self.skip_own(offer.entry.seq);
            } else if offer.entry.origin == Some(self.device) && self.failures.pass(&offer.entry) {
                self.sent = offer.entry.seq;
            } else {
                return self.step_entry(Arc::clone(offer));
            }
        }
        if self.sent < self.head {
            self.asked = self.head;
            return Step::Read(self.sent);
        }
        self.step_rest()
    }

    /// The device's own act needs no telling; it is as good as acknowledged when everything before it is.
    fn skip_own(&mut self, seq: Seq) {
        self.sent = seq;
        if self.acknowledged.next() == seq {
            self.acknowledge(seq);
        }
    }

    fn step_rest(&mut self) -> Step {
        if self.completions.are_repeated() || !self.ready.is_empty() {
            return self.step();
        }
        if self.completions.are_deferred() { Step::Exhausted } else { Step::Wait }
    }

    fn step_entry(&mut self, offer: Arc<Offer>) -> Step {
        let known = self.marks.of(offer.entry.seq);
        if known.is_none() && offer.entry.seq <= self.marks.last() {
            // Its mark was given up long ago: from here on everything goes out under new sequences, behind what has
            // its old one.
            self.marks = Marks::default();
            if let Some(completion) = self.completions.take() {
                return Step::Write(self.give(completion));
            }
        }
        if let Some((sequence, _)) = known
            && let Some(completion) = self.completions.take_before(sequence)
        {
            return Step::Write(self.give(completion));
        }
        let Some(data) = offer.data() else { return Step::Encode(offer) };
        let (sequence, event) = match known {
            Some(mark) => mark,
            None => match self.sequences.take() {
                Some(sequence) => {
                    self.events += 1;
                    self.marks.add(offer.entry.seq, sequence, self.events);
                    (sequence, self.events)
                }
                None => return Step::Exhausted,
            },
        };
        self.offers.pop_front();
        self.sent = offer.entry.seq;
        self.show(self.sent);
        self.unacknowledged.remember(&offer.entry);
        self.fresh = offer.committed;
        self.given = Some(sequence);
        Step::Write(trunkline_wire::event(event, sequence, data))
    }
}

#[cfg(test)]
mod tests;
