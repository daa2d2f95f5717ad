use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::sync::mpsc::{Sender, error::TrySendError};
use trunkline_model::{Epoch, Seq};

use crate::{Event, Received};

/// Events that wait for their receiver; beyond that the socket is not read.
const MAX_WAITING: usize = 1_024;

/// Events on their way to the receiver, without repeats.
pub(super) struct Inbox {
    waiting: VecDeque<Waiting>,
    /// The newest place that was taken.
    seen: Option<(Epoch, Seq)>,
    auto_ack: bool,
}

struct Waiting {
    received: Received,
    /// The session's counter once this is handed over.
    sequence: Option<i64>,
}

/// What follows from handing an event over.
pub(super) struct Handed {
    pub(super) sequence: Option<i64>,
    /// The parameters of a MessageAck.
    pub(super) ack: Option<Value>,
}

impl Inbox {
    pub(super) fn new(auto_ack: bool) -> Self {
        Self { waiting: VecDeque::new(), seen: None, auto_ack }
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITING
    }

    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes an event, unless it is a repeat. A repeat is acknowledged again: the relay has not heard it.
    pub(super) fn push(&mut self, received: Received) -> Handed {
        let sequence = received.sequence;
        if !self.is_news(&received) {
            // One that still waits is acknowledged when it is handed over.
            let waits = self.waiting.iter().any(|one| one.received.mailbox_seq == received.mailbox_seq);
            let ack = if waits { None } else { self.ack(&received.event) };
            return Handed { sequence: sequence.and_then(|sequence| self.note(sequence)), ack };
        }
        self.waiting.push_back(Waiting { received, sequence });
        Handed { sequence: None, ack: None }
    }

    /// Takes something that the phone itself tells.
    pub(super) fn push_own(&mut self, event: Event) {
        self.waiting.push_back(Waiting { received: Received::own(event), sequence: None });
    }

    /// Notes the counter of an answer; gives it back when all before it is handed over.
    pub(super) fn note(&mut self, sequence: i64) -> Option<i64> {
        let Some(last) = self.waiting.back_mut() else { return Some(sequence) };
        last.sequence = Some(sequence);
        None
    }

    /// Hands the oldest event over; when nobody takes them any more it is dropped, unacknowledged.
    pub(super) fn hand_over(&mut self, events: &Sender<Received>) -> Handed {
        let nothing = Handed { sequence: None, ack: None };
        let Some(Waiting { received, sequence }) = self.waiting.pop_front() else { return nothing };
        let ack = self.ack(&received.event);
        match events.try_send(received) {
            Ok(()) => Handed { sequence, ack },
            Err(TrySendError::Closed(_)) => nothing,
            Err(TrySendError::Full(received)) => {
                self.waiting.push_front(Waiting { received, sequence });
                nothing
            }
        }
    }

    fn is_news(&mut self, received: &Received) -> bool {
        let (Some(seq), Some(epoch)) = (received.mailbox_seq, received.epoch) else { return true };
        let repeat = self.seen.is_some_and(|(known, newest)| known == epoch && seq <= newest);
        if !repeat {
            self.seen = Some((epoch, seq));
        }
        !repeat
    }

    fn ack(&self, event: &Event) -> Option<Value> {
        let (id, contact) = event.incoming().filter(|_| self.auto_ack)?;
        Some(json!({"messageId": id, "status": "delivered", "contactId": contact}))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Inbox;
    use crate::Received;

    fn message(seq: i64, epoch: i64) -> Received {
        let data = json!({"contactId": "sip:a@b.test", "messageId": format!("m-{seq}"), "message": "x",
            "mailboxSeq": seq, "epoch": epoch});
        Received::read(100 + seq, "MessageReceived".into(), data)
    }

    #[test]
    fn repeats_are_dropped_and_acknowledged_again_once_handed_over() {
        let mut inbox = Inbox::new(true);
        assert!(inbox.push(message(1, 1)).ack.is_none());
        assert!(inbox.push(message(1, 1)).ack.is_none(), "it still waits");
        let (sender, mut receiver) = tokio::sync::mpsc::channel(4);
        let handed = inbox.hand_over(&sender);
        assert_eq!((handed.sequence, handed.ack.is_some()), (Some(101), true));
        assert!(inbox.push(message(1, 1)).ack.is_some());
        assert!(!inbox.waits());
        assert!(receiver.try_recv().is_ok() && receiver.try_recv().is_err());
    }

    #[test]
    fn another_epoch_begins_anew() {
        let mut inbox = Inbox::new(false);
        for (seq, epoch, waiting) in [(5, 1, 1), (4, 1, 1), (6, 1, 2), (2, 2, 3), (2, 2, 3), (3, 2, 4)] {
            inbox.push(message(seq, epoch));
            assert_eq!(inbox.waiting.len(), waiting, "{seq} {epoch}");
        }
    }

    #[test]
    fn an_answers_sequence_does_not_overtake_events() {
        let mut inbox = Inbox::new(false);
        assert_eq!(inbox.note(7), Some(7));
        inbox.push(message(1, 1));
        assert_eq!(inbox.note(205), None);
        let (sender, _receiver) = tokio::sync::mpsc::channel(4);
        assert_eq!(inbox.hand_over(&sender).sequence, Some(205));
    }
}
