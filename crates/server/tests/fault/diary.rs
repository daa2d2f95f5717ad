use std::collections::BTreeMap;

use serde_json::Value;

/// One durable event as a phone was told it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// `mailboxSeq`.
    pub(crate) seq: i64,
    /// The event's name.
    pub(crate) kind: String,
    /// `contactId`.
    pub(crate) peer: String,
    /// `messageId`; empty where there is none.
    pub(crate) id: String,
    /// All members.
    pub(crate) data: Value,
}

/// What a phone has been told, over all of its sockets, and how that broke the rules of a single socket.
#[derive(Debug, Default)]
pub(crate) struct Diary {
    entries: BTreeMap<i64, Entry>,
    sockets: Vec<Told>,
    faults: Vec<String>,
}

/// What came over one socket.
#[derive(Debug, Default, Clone)]
struct Told {
    /// `mailboxSeq` and `sequence` of every entry.
    entries: Vec<(i64, i64)>,
    /// The last `sequence` of any frame.
    sequence: Option<i64>,
}

impl Entry {
    /// From an event's or mailbox.Sync's members; `None` for what is not durable.
    pub(crate) fn read(data: &Value) -> Option<Self> {
        let text = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Self {
            seq: data.get("mailboxSeq")?.as_i64()?,
            kind: text("method"),
            peer: text("contactId"),
            id: text("messageId"),
            data: data.clone(),
        })
    }

    /// A number among the members; 0 where there is none.
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.data.get(name).and_then(Value::as_i64).unwrap_or_default()
    }

    /// A text among the members; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.data.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Diary {
    /// Another socket begins.
    pub(crate) fn open(&mut self) {
        self.sockets.push(Told::default());
    }

    /// A frame with a `sequence` came: on one socket they rise.
    pub(crate) fn sequence(&mut self, sequence: i64) {
        let Some(socket) = self.sockets.last_mut() else { return };
        if let Some(before) = socket.sequence.replace(sequence)
            && before >= sequence
        {
            self.faults.push(format!("sequence {sequence} came after {before} on one socket"));
        }
    }

    /// An event came; true when it is durable and new to this phone.
    pub(crate) fn event(&mut self, sequence: i64, data: &Value) -> bool {
        let (Some(entry), Some(socket)) = (Entry::read(data), self.sockets.last_mut()) else { return false };
        let before = socket.entries.last().map_or(0, |(seq, _)| *seq);
        if before >= entry.seq {
            self.faults.push(format!("mailboxSeq {} came after {before} on one socket", entry.seq));
        }
        socket.entries.push((entry.seq, sequence));
        match self.entries.get(&entry.seq) {
            None => {
                self.entries.insert(entry.seq, entry);
                true
            }
            Some(known) => {
                if *known != entry {
                    self.faults.push(format!("mailboxSeq {} was {known:?} and is {entry:?}", entry.seq));
                }
                false
            }
        }
    }

    /// The mailbox is of another life: what was told before means nothing any more.
    pub(crate) fn forget(&mut self) {
        self.entries.clear();
    }

    /// The phone read an entry by itself.
    pub(crate) fn learn(&mut self, entry: Entry) {
        match self.entries.get(&entry.seq) {
            Some(known) if *known != entry => {
                self.faults.push(format!("mailboxSeq {} was {known:?} and reads {entry:?}", entry.seq));
            }
            _ => drop(self.entries.insert(entry.seq, entry)),
        }
    }

    /// Everything told, in the order of the mailbox.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entry at this place.
    pub(crate) fn get(&self, seq: i64) -> Option<&Entry> {
        self.entries.get(&seq)
    }

    /// The highest place told; 0 for none.
    pub(crate) fn last(&self) -> i64 {
        self.entries.keys().next_back().copied().unwrap_or(0)
    }

    /// The places told on the present socket, in order.
    pub(crate) fn on_socket(&self) -> Vec<i64> {
        let told = self.sockets.last().map(|socket| socket.entries.as_slice()).unwrap_or_default();
        told.iter().map(|(seq, _)| *seq).collect()
    }

    /// How many sockets there were.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// The highest place that was told under this `sequence` or a lower one, on this socket or a later one; 0 for none.
    pub(crate) fn reached(&self, first_socket: usize, sequence: i64) -> i64 {
        let told = self.sockets.iter().skip(first_socket).flat_map(|socket| &socket.entries);
        told.filter(|(_, under)| *under <= sequence).map(|(seq, _)| *seq).max().unwrap_or(0)
    }

    /// The messages that somebody else wrote, in order.
    pub(crate) fn incoming(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.values().filter(|entry| {
            matches!(entry.kind.as_str(), "MessageReceived" | "InvitationReceived") && !entry.id.is_empty()
        })
    }

    /// What went against the rules of a single socket.
    pub(crate) fn faults(&self) -> &[String] {
        &self.faults
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Diary;

    #[test]
    fn a_socket_that_repeats_or_contradicts_itself_is_noticed() {
        let entry =
            |seq: i64, id: &str| json!({"method": "MessageReceived", "mailboxSeq": seq, "messageId": id});
        let mut diary = Diary::default();
        diary.open();
        for (sequence, seq) in [(5, 1), (6, 2)] {
            diary.sequence(sequence);
            assert!(diary.event(sequence, &entry(seq, "m")));
        }
        diary.open();
        diary.sequence(6);
        assert!(!diary.event(6, &entry(2, "m")), "a repeat on another socket is no news, and no fault");
        assert_eq!(diary.faults(), [""; 0]);
        diary.sequence(6);
        assert_eq!(diary.faults().len(), 1);
        diary.event(7, &entry(2, "m"));
        assert_eq!(diary.faults().len(), 2);
        diary.event(8, &entry(3, "m"));
        diary.open();
        diary.event(9, &entry(3, "other"));
        assert_eq!(diary.faults().len(), 3);
        assert_eq!((diary.last(), diary.on_socket()), (3, vec![3]));
    }
}
