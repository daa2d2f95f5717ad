mod people;
mod session;
mod talk;

use super::{Member, Shape};
use crate::{ErrorCode, Method};

/// All that there is to say of a method beyond its one sentence.
#[derive(Debug, Clone, Copy)]
pub struct Description {
    /// Its chapter.
    pub tag: Tag,
    /// More words; may be empty.
    pub details: &'static str,
    /// Its parameters, without those that every method has.
    pub params: &'static [Member],
    /// What the first of two phases tells already, besides `method` and `state`.
    pub early: &'static [Member],
    /// What the last phase tells, besides `method` and `state`.
    pub result: &'static [Member],
    /// Errors that are its own; [`COMMON`] are not repeated.
    pub errors: &'static [Fault],
}

/// A chapter of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// Signing in and out, signs of life.
    Session,
    /// What others see of the person, and the person of others.
    Presence,
    /// Contacts and their groups.
    Roster,
    /// Finding people.
    Directory,
    /// Conversations and messages.
    Conversation,
    /// What Trunkline adds to the vendor's API.
    Own,
    /// What the vendor's API has and the relay has not.
    Absent,
}

/// One way in which a request can fail.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The number.
    pub code: ErrorCode,
    /// The stable word at the beginning of `innerError`; empty when there is none.
    pub word: &'static str,
    /// When it happens.
    pub when: &'static str,
}

impl Tag {
    /// Its name in the documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Presence => "presence",
            Self::Roster => "roster",
            Self::Directory => "directory",
            Self::Conversation => "conversation",
            Self::Own => "own",
            Self::Absent => "absent",
        }
    }
}

const fn fault(code: ErrorCode, word: &'static str, when: &'static str) -> Fault {
    Fault { code, word, when }
}

const NO_LINE: Fault = fault(
    ErrorCode::OperationFailure,
    "line-not-connected",
    "the line to the IM system is down; try again after LineStateChanged says connected",
);
const LINE_REFUSED: Fault = fault(ErrorCode::PublishSubscribe, "", "the IM system refused");
const ABSENT: Fault = fault(ErrorCode::NotSupported, "", "always: the relay does not have this function");

const CONTACT: Member =
    Member::must("contactId", Shape::Named("Address"), "Whom it is about. Of a list the first counts.")
        .or(&["contactIds"]);
const CONTACTS: Member = Member::must(
    "contactIds",
    Shape::List("Address", 1, 1_000),
    "Whom it is about. A single text counts as a list of one.",
)
.or(&["contactId"]);
const CHAT: Member = Member::must("chatId", Shape::Named("Guid"), "The conversation.");
const PEER: Member = Member::must("contactId", Shape::Named("Address"), "The other person.");

/// What any method can be refused with.
pub const COMMON: &[Fault] = &[
    fault(
        ErrorCode::GeneralFailure,
        "store-failed",
        "the relay could not store or read; try again with the same ids",
    ),
    fault(
        ErrorCode::GeneralFailure,
        "internal-error",
        "the relay failed at this request, through a fault of its own; others are not affected",
    ),
    fault(ErrorCode::NullArgument, "", "a required parameter is missing, null or empty"),
    fault(ErrorCode::InvalidArgument, "", "a parameter is wrong, or names what is not there"),
    fault(ErrorCode::SessionTimeout, "", "there is no session, or no longer: BeginSession"),
    fault(ErrorCode::OperationFailure, "answer-too-large", "the answer would be larger than a frame may be"),
    fault(ErrorCode::DependentFailed, "", "a request that this one depends on failed"),
    fault(ErrorCode::SelfDependency, "", "the request depends on itself, over others too"),
    fault(ErrorCode::UnknownDependency, "", "a dependency that nobody knows"),
    fault(ErrorCode::ActionPending, "", "a request with this id is under way"),
];

/// Parameters that every method has.
pub(super) const EVERYWHERE: &[Member] = &[
    Member::may(
        "dependencies",
        Shape::Text(0, usize::MAX),
        "Ids of requests that must have succeeded first, parted by commas; at most 100. A list of ids is understood \
         too. GetAuthenticationInfo and BeginSession, which come first, ignore it.",
    ),
    Member::may(
        "reconnect",
        Shape::Text(0, usize::MAX),
        "Anything but an empty text, false and 0: goes on with the live session of the device whose token came with \
         the upgrade, or fails with 1017.",
    ),
];

const NOTHING: Description = Description {
    tag: Tag::Absent,
    details: "Answered with 1026 whatever its parameters say.",
    params: &[],
    early: &[],
    result: &[],
    errors: &[ABSENT],
};

/// The description of a method.
pub fn describe(method: Method) -> Description {
    use Method as M;
    match method {
        M::GetAuthenticationInfo
        | M::BeginSession
        | M::SetGdAuthToken
        | M::SetGdToken
        | M::SetOAuth2Token
        | M::Ping
        | M::NotifyBackground
        | M::TerminateSession => session::describe(method),
        M::SetPresence
        | M::SetPersonalMessage
        | M::GetContactsState
        | M::RegisterTempRemotePresence
        | M::UnregisterTempRemotePresence
        | M::GetContactList
        | M::GetContactDetail
        | M::GetContactPhotos
        | M::AddContact
        | M::RemoveContact
        | M::AddGroup
        | M::RenameGroup
        | M::RemoveGroup
        | M::CopyContactToGroup
        | M::RemoveContactFromGroup
        | M::BlockContact
        | M::UnblockContact
        | M::SearchDirectory
        | M::ContactBlock
        | M::ContactUnblock => people::describe(method),
        M::StartChat
        | M::AcceptChat
        | M::DeclineChat
        | M::SendMessage
        | M::StartTyping
        | M::StopTyping
        | M::MessageAck
        | M::EndChat
        | M::MailboxSync
        | M::ConversationRead
        | M::DeviceList => talk::describe(method),
        M::ScheduleNotification
        | M::InviteFileXfer
        | M::AcceptFileXfer
        | M::DeclineFileXfer
        | M::SendFile
        | M::ReceiveFile
        | M::RoomGetCategories
        | M::RoomCreate
        | M::RoomUpdate
        | M::RoomUpdateUsers
        | M::RoomGet
        | M::RoomGetMine
        | M::RoomSearch
        | M::RoomJoin
        | M::RoomLeave
        | M::RoomFollow
        | M::RoomGetParticipants
        | M::RoomSendMessage
        | M::RoomGetHistory
        | M::RoomFileUpload
        | M::RoomFileDownload => NOTHING,
    }
}
