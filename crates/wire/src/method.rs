macro_rules! methods {
    ($(#[doc = $doc:literal] $variant:ident = $name:literal $(| $alias:literal)*;)*) => {
        /// Every method that the relay knows by name, those that it cannot serve yet included.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Method {
            $(#[doc = $doc] $variant,)*
        }

        impl Method {
            /// Every method.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name as documented; phones may use another letter case or an alias, and see theirs echoed.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The names under which phones may call it, the documented one first.
            pub fn names(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$name $(, $alias)*],)*
                }
            }

            /// What it does, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => $doc.trim_ascii(),)*
                }
            }

            /// From a name in any letter case, aliases included.
            pub fn from_name(name: &str) -> Option<Self> {
                let called = |method: &Self| method.names().iter().any(|known| known.eq_ignore_ascii_case(name));
                Self::ALL.iter().copied().find(called)
            }
        }
    };
}

methods! {
    /// Asks whether an IM password is needed.
    GetAuthenticationInfo = "GetAuthenticationInfo";
    /// Signs in.
    BeginSession = "BeginSession";
    /// Renews the auth token.
    SetGdAuthToken = "SetGDAuthToken";
    /// Renews the older token.
    SetGdToken = "SetGDToken";
    /// Renews the OAuth token.
    SetOAuth2Token = "SetOAuth2Token";
    /// Keeps the session alive.
    Ping = "Ping";
    /// Tells that the app goes to the background or comes back.
    NotifyBackground = "NotifyBackground";
    /// Asks for a silent push later.
    ScheduleNotification = "ScheduleNotification";
    /// Signs out.
    TerminateSession = "TerminateSession";
    /// Chooses what others see.
    SetPresence = "SetPresence";
    /// Sets the note that others see.
    SetPersonalMessage = "SetPersonalMessage";
    /// Reads the presence of some people once.
    GetContactsState = "GetContactsState" | "GetContactState";
    /// Watches somebody outside the roster.
    RegisterTempRemotePresence = "RegisterTempRemotePresence" | "RegisterTempRemotePresenceSubscription";
    /// Stops watching.
    UnregisterTempRemotePresence = "UnRegisterTempRemotePresence" | "UnRegisterTempRemotePresenceSubscription";
    /// Reads the roster.
    GetContactList = "GetContactList";
    /// Reads one person.
    GetContactDetail = "GetContactDetail";
    /// Reads photos.
    GetContactPhotos = "GetContactPhotos";
    /// Adds to the roster.
    AddContact = "AddContact";
    /// Removes from the roster.
    RemoveContact = "RemoveContact";
    /// Makes a roster group.
    AddGroup = "AddGroup";
    /// Renames a roster group.
    RenameGroup = "RenameGroup";
    /// Removes an empty roster group.
    RemoveGroup = "RemoveGroup";
    /// Puts a contact into a further group.
    CopyContactToGroup = "CopyContactToGroup";
    /// Takes a contact out of a group.
    RemoveContactFromGroup = "RemoveContactFromGroup";
    /// Stops presence updates of people in this session.
    BlockContact = "BlockContact";
    /// Undoes BlockContact.
    UnblockContact = "UnblockContact";
    /// Finds people.
    SearchDirectory = "SearchDirectory" | "DirectorySearch";
    /// Invites to a conversation without a message.
    StartChat = "StartChat";
    /// Accepts an invitation.
    AcceptChat = "AcceptChat";
    /// Declines an invitation.
    DeclineChat = "DeclineChat";
    /// Sends a message to one person.
    SendMessage = "SendMessage";
    /// Tells that the person types.
    StartTyping = "StartTyping";
    /// Tells that the person stopped typing.
    StopTyping = "StopTyping";
    /// Acknowledges a message.
    MessageAck = "MessageAck";
    /// Ends a conversation.
    EndChat = "EndChat";
    /// Invites to a file transfer.
    InviteFileXfer = "InviteFileXfer";
    /// Accepts a file.
    AcceptFileXfer = "AcceptFileXfer";
    /// Declines a file.
    DeclineFileXfer = "DeclineFileXfer";
    /// Sends a file.
    SendFile = "SendFile";
    /// Receives a file.
    ReceiveFile = "ReceiveFile";
    /// Lists room categories.
    RoomGetCategories = "pc.GetCategories";
    /// Makes a room.
    RoomCreate = "pc.CreateRoom";
    /// Changes a room.
    RoomUpdate = "pc.UpdateRoom";
    /// Changes a room's people.
    RoomUpdateUsers = "pc.UpdateRoomUsers";
    /// Reads a room.
    RoomGet = "pc.GetRoom";
    /// Lists the person's rooms.
    RoomGetMine = "pc.GetMyRooms";
    /// Finds rooms.
    RoomSearch = "pc.SearchRooms";
    /// Enters a room.
    RoomJoin = "pc.JoinRoom";
    /// Leaves a room.
    RoomLeave = "pc.LeaveRoom";
    /// Chooses the rooms to follow.
    RoomFollow = "pc.FollowRooms";
    /// Lists who is in a room.
    RoomGetParticipants = "pc.GetRoomParticipants";
    /// Writes in a room.
    RoomSendMessage = "pc.SendMessage";
    /// Reads a room's past.
    RoomGetHistory = "pc.GetChatHistory";
    /// Puts a file into a room.
    RoomFileUpload = "pc.FileUpload";
    /// Takes a file from a room.
    RoomFileDownload = "pc.FileDownload";
    /// Ours: reads the mailbox.
    MailboxSync = "mailbox.Sync";
    /// Ours: marks a conversation as read.
    ConversationRead = "conversation.Read";
    /// Ours: lists the account's devices.
    DeviceList = "device.List";
    /// Ours: blocks a person.
    ContactBlock = "contact.Block";
    /// Ours: unblocks a person.
    ContactUnblock = "contact.Unblock";
}

impl Method {
    /// True when it cannot be called before BeginSession has succeeded.
    pub fn needs_session(self) -> bool {
        !matches!(self, Self::GetAuthenticationInfo | Self::BeginSession)
    }

    /// True when the answer comes at once and no second phase follows.
    pub fn one_phase(self) -> bool {
        matches!(
            self,
            Self::GetAuthenticationInfo
                | Self::SetGdAuthToken
                | Self::SetGdToken
                | Self::SetOAuth2Token
                | Self::ScheduleNotification
                | Self::MailboxSync
                | Self::ConversationRead
                | Self::DeviceList
                | Self::ContactBlock
                | Self::ContactUnblock
        )
    }

    /// True for methods that exist in the API and not in the relay: rooms, files, scheduled pushes.
    pub fn unsupported(self) -> bool {
        matches!(
            self,
            Self::ScheduleNotification
                | Self::InviteFileXfer
                | Self::AcceptFileXfer
                | Self::DeclineFileXfer
                | Self::SendFile
                | Self::ReceiveFile
        ) || self.name().starts_with("pc.")
    }
}

#[cfg(test)]
mod tests {
    use super::Method;

    #[test]
    fn every_name_leads_to_its_method_in_any_letter_case() {
        for &method in Method::ALL {
            for name in method.names() {
                assert_eq!(Method::from_name(&name.to_uppercase()), Some(method), "{name}");
                assert_eq!(Method::from_name(&name.to_lowercase()), Some(method), "{name}");
            }
        }
        assert_eq!(Method::from_name("Ping "), None);
        assert_eq!(Method::from_name(""), None);
    }
}
