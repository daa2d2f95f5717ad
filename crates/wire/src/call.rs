mod params;
mod read;

use std::fmt;

use secrecy::SecretString;
use trunkline_model::{Address, ChatId, Epoch, GroupId, MessageId, MessageText, PresenceChoice, Seq};

pub(crate) use self::params::Params;

/// What a request asks, with parameters that are right in themselves. Its `Debug` shows no content.
#[derive(Clone)]
#[allow(missing_docs, reason = "the fields are the parameters of the method that the variant is named after")]
pub enum Call {
    GetAuthenticationInfo {
        token: Option<SecretString>,
    },
    BeginSession(Box<BeginSession>),
    SetGdAuthToken {
        token: SecretString,
    },
    SetGdToken {
        token: SecretString,
    },
    SetOAuth2Token {
        token: SecretString,
    },
    Ping,
    NotifyBackground(NotifyBackground),
    TerminateSession,
    SetPresence {
        choice: PresenceChoice,
        personal_message: Option<String>,
    },
    SetPersonalMessage {
        personal_message: String,
    },
    GetContactsState {
        contacts: Vec<Address>,
    },
    RegisterTempRemotePresence {
        contact: Address,
    },
    UnregisterTempRemotePresence {
        contacts: Vec<Address>,
    },
    GetContactList {
        /// Only contacts after this address, in their order.
        after: Option<Address>,
    },
    GetContactDetail {
        contact: Address,
    },
    GetContactPhotos {
        contacts: Vec<Address>,
    },
    AddContact {
        contact: Address,
        group: Option<GroupId>,
    },
    RemoveContact {
        contact: Address,
    },
    AddGroup {
        name: String,
    },
    RenameGroup {
        group: GroupId,
        name: String,
    },
    RemoveGroup {
        group: GroupId,
    },
    CopyContactToGroup {
        contact: Address,
        group: GroupId,
    },
    RemoveContactFromGroup {
        contact: Address,
        group: GroupId,
    },
    BlockContact {
        contacts: Vec<Address>,
    },
    UnblockContact {
        contacts: Vec<Address>,
    },
    SearchDirectory {
        term: String,
        field: DirectoryField,
    },
    StartChat {
        contact: Address,
    },
    AcceptChat {
        request: ChatId,
    },
    DeclineChat {
        request: ChatId,
    },
    SendMessage {
        contact: Address,
        text: MessageText,
        id: MessageId,
    },
    StartTyping {
        contact: Address,
    },
    StopTyping {
        contact: Address,
    },
    MessageAck {
        id: MessageId,
        contact: Option<Address>,
    },
    EndChat(Target),
    MailboxSync {
        epoch: Option<Epoch>,
        since: Seq,
        limit: usize,
    },
    ConversationRead {
        contact: Address,
        up_to: Option<Seq>,
    },
    DeviceList,
    ContactBlock {
        contact: Address,
    },
    ContactUnblock {
        contact: Address,
    },
    /// Rooms, files, scheduled pushes: to be answered with 1026.
    NotSupported,
}

/// The parameters of BeginSession.
#[derive(Clone, Default)]
pub struct BeginSession {
    /// `gdAuthToken`, else the older `gdToken`; `None` when it is to come from the upgrade's header.
    pub token: Option<SecretString>,
    /// The install's stable id, at most 255 characters.
    pub device_token: Option<String>,
    /// What others are to see.
    pub presence: Option<PresenceChoice>,
    /// The note that others are to see; empty clears it.
    pub personal_message: Option<String>,
    /// The password on the IM system (`imPassword`).
    pub im_password: Option<SecretString>,
    /// `iOS`, `Android`, ….
    pub platform: Option<String>,
    /// The app's version.
    pub app_version: Option<String>,
}

/// The parameters of NotifyBackground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifyBackground {
    /// True: the app goes to the background; false: it is back.
    pub background: bool,
    /// Seconds to stay live before pushes take over.
    pub timeout_secs: u32,
    /// `unreadMessageCount`.
    pub unread: Option<i64>,
    /// `pushType`, 0 to 4; a value outside counts as 2 (default).
    pub push_type: Option<i64>,
    /// Longest push payload, in bytes.
    pub push_max_length: Option<i64>,
}

/// Which field SearchDirectory looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryField {
    /// Names of all kinds.
    Name,
    /// The e-mail address.
    Email,
    /// Phone numbers.
    Phone,
    /// All of them.
    Any,
}

/// Which conversation EndChat ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The one with this person.
    Contact(Address),
    /// The one with this id.
    Chat(ChatId),
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call(..)")
    }
}

impl fmt::Debug for BeginSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BeginSession")
            .field("token", &self.token.is_some())
            .field("device_token", &self.device_token.is_some())
            .field("presence", &self.presence)
            .field("im_password", &self.im_password.is_some())
            .field("platform", &self.platform)
            .field("app_version", &self.app_version)
            .finish_non_exhaustive()
    }
}
