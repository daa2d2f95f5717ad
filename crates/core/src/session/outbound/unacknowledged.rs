use std::collections::VecDeque;

use trunkline_model::{Address, Entry, MessageId, MessageKey, Seq};

/// Messages of which the session remembers the keys; beyond, the store is asked.
const MAX: usize = 256;

/// The messages that went to the phone and wait for their MessageAck.
#[derive(Debug, Default)]
pub(super) struct Unacknowledged {
    messages: VecDeque<Message>,
    /// There are more than are remembered.
    forgot: bool,
}

#[derive(Debug)]
struct Message {
    seq: Seq,
    key: MessageKey,
    id: MessageId,
    peer: Address,
}

impl Unacknowledged {
    /// The phone was sent this entry.
    pub(super) fn remember(&mut self, entry: &Entry) {
        let Some(message) = entry.body.incoming() else { return };
        if self.messages.back().is_some_and(|one| one.seq >= entry.seq) {
            return;
        }
        if self.messages.len() == MAX {
            self.forgot = true;
            return;
        }
        self.messages.push_back(Message {
            seq: entry.seq,
            key: message.key,
            id: message.id.clone(),
            peer: entry.body.peer().clone(),
        });
    }

    /// Everything up to `seq` is acknowledged, and nothing after `sent` is with the phone.
    pub(super) fn acknowledge(&mut self, seq: Seq, sent: Seq) {
        while self.messages.front().is_some_and(|one| one.seq <= seq) {
            self.messages.pop_front();
        }
        if self.messages.is_empty() && seq >= sent {
            self.forgot = false;
        }
    }

    /// Where the messages with this id stand; `None` when not all are remembered.
    pub(super) fn find(&self, id: &MessageId, peer: Option<&Address>) -> Option<Vec<(Seq, MessageKey)>> {
        let fits = |one: &&Message| one.id == *id && peer.is_none_or(|peer| *peer == one.peer);
        let found: Vec<_> = self.messages.iter().filter(fits).map(|one| (one.seq, one.key)).collect();
        (!self.forgot && !found.is_empty()).then_some(found)
    }
}
