//! Compares what phones were told with what the model says.

use super::{
    super::model::{Line, Number, Told},
    World,
};
use crate::diary::Entry;

impl World<'_> {
    /// Reads to the end of the mailbox and compares all that was told.
    pub(super) async fn catch_up(&mut self, number: Number) {
        let phone = &mut self.phones[number];
        if let Some(last) = self.model.places(number, phone.from).last() {
            let last = i64::try_from(*last).unwrap();
            while phone.handset.diary.on_socket().last().is_none_or(|seq| *seq < last) {
                phone.handset.hear().await.unwrap();
            }
        }
        self.check_socket(number, true);
        let entries: Vec<_> = self.phones[number].handset.diary.entries().cloned().collect();
        entries.iter().for_each(|entry| self.check_entry(number, entry));
        assert_eq!(self.phones[number].handset.diary.faults(), [""; 0]);
    }

    /// A socket tells everything from where it began, in order: all of it, or as far as the phone has read.
    pub(super) fn check_socket(&self, number: Number, all: bool) {
        let phone = &self.phones[number];
        let expected = self.model.places(number, phone.from);
        let told = phone.handset.diary.on_socket();
        let told: Vec<_> = told.into_iter().map(|seq| usize::try_from(seq).unwrap()).collect();
        let fits = if all { expected == told } else { expected.starts_with(&told) };
        assert!(fits, "phone {number} was told {told:?} on one socket, of {expected:?}");
    }

    pub(super) fn check_entry(&mut self, number: Number, entry: &Entry) {
        let account = self.model.phones[number].account;
        let place = usize::try_from(entry.seq).unwrap();
        let line = self.model.mailboxes[account][place - 1];
        assert_eq!(self.shown(&line), facts(entry), "phone {number}, place {place}");
        let chat = match entry.text("chatId") {
            "" => entry.text("requestId"),
            chat => chat,
        };
        assert!(self.chats.same(line.chat, chat), "phone {number}, place {place}: {chat} for {line:?}");
    }

    /// What a phone is told of a line, without the conversation.
    fn shown(&self, line: &Line) -> Facts {
        let message = |number: Number| self.messages[number].clone();
        let (kind, (id, time), rest) = match line.told {
            Told::Invitation(None) => ("InvitationReceived", Default::default(), String::new()),
            Told::Invitation(Some(number)) => ("InvitationReceived", message(number), String::new()),
            Told::Answered(status) => ("InvitationUpdate", Default::default(), status.to_owned()),
            Told::Message(number) => ("MessageReceived", message(number), String::new()),
            Told::Sent(number) => ("MessageSent", message(number), String::new()),
            Told::Receipt(number) => ("MessageAck", (message(number).0, 0), "delivered".to_owned()),
            Told::Ended => ("ChatEnded", Default::default(), String::new()),
            Told::Read { up_to, unread } => {
                ("conversation.Read", Default::default(), format!("{up_to} {unread}"))
            }
        };
        Facts { kind: kind.to_owned(), peer: self.address(line.peer), id, time, rest }
    }
}

/// What an entry says, but for its place and its conversation.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    kind: String,
    peer: String,
    id: String,
    time: i64,
    rest: String,
}

fn facts(entry: &Entry) -> Facts {
    let rest = match entry.kind.as_str() {
        "conversation.Read" => format!("{} {}", entry.number("upTo"), entry.number("unread")),
        _ => entry.text("status").to_owned(),
    };
    let time = if entry.id.is_empty() { 0 } else { entry.number("timestamp") };
    Facts { kind: entry.kind.clone(), peer: entry.peer.clone(), id: entry.id.clone(), time, rest }
}
