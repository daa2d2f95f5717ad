use super::{Member, Shape, shape::EXACT};
use crate::EventName;

/// All that there is to say of an event beyond its one sentence.
#[derive(Debug, Clone, Copy)]
pub struct EventDescription {
    /// More words; may be empty.
    pub details: &'static str,
    /// The members of its `data`, besides `method` and, of a durable one, `mailboxSeq` and `epoch`.
    pub members: &'static [Member],
}

/// What durable events have besides.
pub(super) const DURABLE: &[Member] = &[
    Member::must("mailboxSeq", Shape::Named("MailboxSeq"), "Its place in the account's mailbox."),
    Member::must("epoch", Shape::Named("Epoch"), "The mailbox's epoch."),
];

const TEXT: Shape = Shape::Text(0, usize::MAX);
const CHAT: Member = Member::must("chatId", Shape::Named("Guid"), "The conversation.");
const PEER: Member = Member::must("contactId", Shape::Named("Address"), "The other person.");
const NAME: Member = Member::must("displayName", TEXT, "The name to show for the other person.");
const MESSAGE: Member = Member::must("message", TEXT, "What was written.");
const MESSAGE_ID: Member = Member::must("messageId", Shape::Text(1, 255), "The sender's id, unchanged.");
const AT: Member = Member::must("timestamp", Shape::Named("Milliseconds"), "When the message was taken.");
const REQUEST: Member = Member::must("requestId", Shape::Named("Guid"), "The same as chatId.");

const INVITATION: &[Member] = &[
    REQUEST,
    CHAT,
    PEER,
    NAME,
    Member { meaning: "The first message; empty after a bare StartChat.", ..MESSAGE },
    Member::must(
        "messageId",
        Shape::Text(0, 255),
        "The sender's id, unchanged; empty after a bare StartChat.",
    ),
    AT,
];

const SENT: &[Member] =
    &[CHAT, PEER, NAME, MESSAGE, MESSAGE_ID, AT, Member::must("direction", Shape::Words(&["out"]), "")];

const FAILED: &[Member] = &[
    MESSAGE_ID,
    PEER,
    CHAT,
    Member::must("code", Shape::Whole(-EXACT, EXACT), "1018: refused for good; 1019: failed."),
    Member::must("message", TEXT, "The reason, in plain words."),
    Member::may(
        "unknown",
        Shape::True,
        "It may have arrived all the same; sending it again may make a second copy.",
    ),
];

const UPDATE: &[Member] = &[
    Member::may("contactId", Shape::Named("Address"), "Who changed, when it is one person."),
    Member::may("contact", Shape::ByAddress("Contact"), "The same as contacts, when it is one person."),
    Member::must("contacts", Shape::ByAddress("Contact"), "Contact records by their address; at most 500."),
];

/// The description of an event.
pub fn describe_event(event: EventName) -> EventDescription {
    use EventName as E;
    let (details, members): (_, &'static [Member]) = match event {
        E::InvitationReceived => ("Acknowledge it like a message when it carries one.", INVITATION),
        E::InvitationUpdate => (
            "`AnsweredElsewhere`: the account answered on another client of its IM system, which has the conversation \
             now, its first message included.",
            const {
                &[
                    REQUEST,
                    CHAT,
                    PEER,
                    Member::must(
                        "status",
                        Shape::Words(&["Accepted", "Declined", "Expired", "AnsweredElsewhere"]),
                        "How it ended.",
                    ),
                ]
            },
        ),
        E::MessageReceived => ("Answer with MessageAck.", &[CHAT, PEER, NAME, MESSAGE, MESSAGE_ID, AT]),
        E::MessageSent => ("", SENT),
        E::MessageAck => (
            "",
            const { &[MESSAGE_ID, PEER, CHAT, Member::must("status", Shape::Words(&["delivered"]), "")] },
        ),
        E::MessageFailed => ("", FAILED),
        E::ChatEnded => ("", &[PEER, CHAT]),
        E::ConversationRead => (
            "",
            const {
                &[
                    PEER,
                    CHAT,
                    Member::must("upTo", Shape::Named("MailboxSeq"), "Everything up to here is read."),
                    Member::must("unread", Shape::Whole(0, EXACT), "What is left."),
                ]
            },
        ),
        E::StartTyping | E::StopTyping => {
            ("The chatId is all zeros when there is no conversation yet.", &[PEER, CHAT])
        }
        E::ContactUpdate => (
            "A new session is told all its contacts once the line is up; after that each frame holds one contact, at \
             most one per contact in 5 s.",
            UPDATE,
        ),
        E::LineStateChanged => (
            "",
            const {
                &[
                    Member::must("state", Shape::Named("LineState"), ""),
                    Member::must("reason", TEXT, "Why; empty when nothing is wrong."),
                ]
            },
        ),
        E::SessionTerminated => {
            ("", const { &[Member::must("reason", Shape::Words(&["timeout", "revoked"]), "Why.")] })
        }
    };
    EventDescription { details, members }
}
