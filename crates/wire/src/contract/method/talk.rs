use super::{CHAT, CONTACT, Description, Fault, LINE_REFUSED, NO_LINE, NOTHING, PEER, Tag, fault};
use crate::{
    ErrorCode, Method,
    contract::{Member, Shape, shape::EXACT},
};

const UNREACHABLE: Fault = fault(
    ErrorCode::InvalidArgument,
    "unreachable",
    "the account's IM system cannot reach that address, or it is one's own",
);
const ANSWERED: Fault = fault(
    ErrorCode::InvalidOperation,
    "already-answered",
    "answered, ended or lapsed before, perhaps on another device",
);
const MESSAGE_ID: Member =
    Member::must("messageId", Shape::Text(1, 255), "The sender's own id of the message.");
const AT: Member = Member::must("timestamp", Shape::Named("Milliseconds"), "When the relay took it.");
const REQUEST: Member =
    Member::must("requestId", Shape::Named("Guid"), "The invitation's id, which is the conversation's.")
        .or(&["chatId"]);

const START: Description = Description {
    tag: Tag::Conversation,
    details: "A conversation that is open or calling already is kept.",
    params: &[CONTACT],
    early: &[AT],
    result: &[
        AT,
        Member::must("requestIds", Shape::Named("Guid"), "The same as chatId."),
        Member::must("requestId", Shape::Named("Guid"), "The same as chatId."),
        CHAT,
    ],
    errors: &[UNREACHABLE],
};

const ACCEPT: Description = Description {
    tag: Tag::Conversation,
    details: "The invitation's message then comes again as MessageReceived.",
    params: &[REQUEST],
    early: &[CHAT],
    result: &[CHAT],
    errors: &[ANSWERED],
};

const DECLINE: Description = Description { details: "", early: &[], result: &[], ..ACCEPT };

const SEND: Description = Description {
    tag: Tag::Conversation,
    details: "COMPLETE: the message is on disk and cannot be lost any more. A repeat with the same messageId and \
              text gives the first result and sends nothing twice.",
    params: &[
        CONTACT,
        Member::must("message", Shape::Text(1, 8_000), "The text; MAX_MESSAGE_CHARS may allow more or less."),
        Member::must(
            "messageId",
            Shape::Text(1, 255),
            "Made by the sender and unique for ever, such as a GUID; no control characters.",
        ),
    ],
    early: &[AT],
    result: &[AT, CHAT, MESSAGE_ID, Member::may("dup", Shape::True, "The same message was taken before.")],
    errors: &[
        fault(ErrorCode::InvalidArgument, "message-id-reused", "this id had another text or recipient"),
        UNREACHABLE,
        fault(ErrorCode::OperationFailure, "", "the IM system refused the message"),
        fault(ErrorCode::ImSystemFailure, "", "the IM system failed, or the link to it"),
        fault(
            ErrorCode::ImSystemFailure,
            "outcome-unknown",
            "it may have arrived; sending it again may make a second copy",
        ),
    ],
};

const START_TYPING: Description = Description {
    tag: Tag::Conversation,
    details: "",
    params: &[CONTACT],
    result: &[PEER],
    errors: &[NO_LINE, LINE_REFUSED],
    ..NOTHING
};

const STOP_TYPING: Description = Description { result: &[], ..START_TYPING };

const ACK: Description = Description {
    tag: Tag::Conversation,
    details: "Acknowledges the message and everything before it in the mailbox. Fine when nothing waits under that \
              id.",
    params: &[
        MESSAGE_ID,
        Member::must("status", Shape::Words(&["delivered"]), ""),
        Member::may(
            "contactId",
            Shape::Named("Address"),
            "Who wrote it. Without it, every message of that id is acknowledged, whoever wrote it.",
        )
        .or(&["contactIds"]),
    ],
    errors: &[],
    ..NOTHING
};

const END: Description = Description {
    tag: Tag::Conversation,
    details: "Fine when there is none with that person.",
    params: &[Member::must(
        "contactId",
        Shape::Named("Target"),
        "The other person's address, or the conversation's chatId.",
    )
    .or(&["contactIds", "chatId"])],
    errors: &[],
    ..NOTHING
};

const SYNC: Description = Description {
    tag: Tag::Own,
    details: "Reads history page by page until more is false; since acknowledges everything up to it. A page may \
              hold fewer entries than limit, even none, because own acts of the device are left out. One phase.",
    params: &[
        Member::may("epoch", Shape::Named("Epoch"), "The epoch that since belongs to."),
        Member::may("since", Shape::Named("MailboxSeq"), "Read after this place. Default: 0."),
        Member::may("limit", Shape::Whole(1, 200), "Most entries of the page. Default: 100."),
    ],
    result: &[
        Member::must("epoch", Shape::Named("Epoch"), "The mailbox's epoch."),
        Member::must(
            "entries",
            Shape::List("MailboxEntry", 0, 200),
            "The data of durable events, ascending.",
        ),
        Member::must("next", Shape::Named("MailboxSeq"), "The next since."),
        Member::must("more", Shape::Truth, "Whether there are more."),
        Member::must(
            "reset",
            Shape::WordsOrNull(&["epoch", "retention"]),
            "Why reading began at the oldest entry instead of after since: the database was restored (forget what \
             you have), or what lay between has been purged (keep what you have).",
        ),
    ],
    errors: &[],
    ..NOTHING
};

const READ: Description = Description {
    tag: Tag::Own,
    details: "The mark never goes back, and the other person is not told. One phase.",
    params: &[
        CONTACT,
        Member::may(
            "upTo",
            Shape::Named("MailboxSeq"),
            "Everything up to here is read. Default: everything.",
        ),
        Member::may(
            "roomId",
            Shape::Text(0, usize::MAX),
            "There are no rooms: without contactId it is refused.",
        ),
    ],
    result: &[
        PEER,
        Member::must("upTo", Shape::Named("MailboxSeq"), "Everything up to here is read."),
        Member::must("unread", Shape::Whole(0, EXACT), "What is left."),
    ],
    errors: &[fault(ErrorCode::NotSupported, "", "roomId without contactId: there are no rooms")],
    ..NOTHING
};

const DEVICES: Description = Description {
    tag: Tag::Own,
    details: "One phase.",
    result: &[Member::must("devices", Shape::List("Device", 0, usize::MAX), "Those that are not revoked.")],
    errors: &[],
    ..NOTHING
};

pub(super) fn describe(method: Method) -> Description {
    match method {
        Method::StartChat => START,
        Method::AcceptChat => ACCEPT,
        Method::DeclineChat => DECLINE,
        Method::SendMessage => SEND,
        Method::StartTyping => START_TYPING,
        Method::StopTyping => STOP_TYPING,
        Method::MessageAck => ACK,
        Method::EndChat => END,
        Method::MailboxSync => SYNC,
        Method::ConversationRead => READ,
        Method::DeviceList => DEVICES,
        _ => NOTHING,
    }
}
