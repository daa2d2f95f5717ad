mod contact;

use std::fmt;

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::value::RawValue;
use trunkline_model::{Address, ChatId, Contact, DeviceId, Epoch, Group, GroupId, MessageId, Seq, Timestamp};

pub(crate) use self::contact::ContactMap;
pub use self::contact::contact_bytes;
use self::contact::{GroupList, PhotoList, RecordList};
use crate::{EventData, json::Object};

/// What a request that succeeded is told, besides `method` and `state`.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the fields are named after the members that phones see")]
pub enum Reply {
    /// Nothing more.
    Plain,
    /// Words for the person.
    Message(String),
    /// contact.Block and contact.Unblock: whether the IM system itself does it too.
    Blocking { on_im_system: bool },
    /// GetAuthenticationInfo: whether the person must give the IM system's password.
    Authentication { password: bool },
    /// BeginSession.
    Session(Box<SessionReply>),
    /// Ping: seconds.
    SessionTimeout(u64),
    /// GetContactList; `next` where there are more after the last one.
    ContactList { contacts: Vec<ContactView>, groups: Vec<Group>, next: Option<Address> },
    /// GetContactDetail.
    ContactDetail(Box<ContactView>),
    /// GetContactsState; `user` is who asks.
    ContactsState { user: Address, contacts: Vec<ContactView> },
    /// GetContactPhotos.
    Photos { contacts: Vec<PhotoView> },
    /// AddGroup.
    GroupAdded { message: String, id: GroupId, name: String },
    /// SearchDirectory; `more` when there are matches beyond these.
    Found { contacts: Vec<ContactView>, more: bool, term: String },
    /// StartChat.
    Started { at: Timestamp, chat: ChatId },
    /// AcceptChat.
    Accepted { chat: ChatId },
    /// SendMessage; `dup` when the same message was taken before.
    Sent { at: Timestamp, chat: ChatId, id: MessageId, dup: bool },
    /// StartTyping, StopTyping.
    Typing { contact: Address },
    /// mailbox.Sync; `reset` tells why reading begins anew (`epoch`, `retention`).
    Synced { epoch: Epoch, entries: Vec<EventData>, next: Seq, more: bool, reset: Option<&'static str> },
    /// conversation.Read.
    Read { contact: Address, up_to: Seq, unread: i64 },
    /// device.List.
    Devices(Vec<DeviceView>),
}

/// What BeginSession tells.
#[derive(Clone)]
pub struct SessionReply {
    /// 32 hex digits; lets its bearer speak for the session.
    pub session_id: String,
    /// Who signed in.
    pub user: Address,
    /// The person's name.
    pub display_name: String,
    /// The install's id.
    pub device_token: String,
    /// Seconds of silence after which the session ends.
    pub session_timeout_secs: u64,
    /// The relay's clock.
    pub server_time: Timestamp,
    /// Where the line to the IM system stands.
    pub line_state: String,
    /// Why, in plain words; may be empty.
    pub line_reason: String,
    /// Whether rooms exist.
    pub persistent_chat: bool,
    /// Whether files can be sent.
    pub file_transfer: bool,
    /// The mailbox's epoch.
    pub epoch: Epoch,
    /// The mailbox's newest place.
    pub mailbox_head: Seq,
    /// Names of what the relay adds to the vendor's API.
    pub api_extensions: &'static [&'static str],
}

impl fmt::Debug for SessionReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionReply")
            .field("user", &self.user)
            .field("line_state", &self.line_state)
            .finish_non_exhaustive()
    }
}

/// A person as one session is to see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactView {
    /// Who, and what is known.
    pub contact: Contact,
    /// Blocked by the account, or muted in this session.
    pub blocked: bool,
}

/// A person's photo as GetContactPhotos tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct PhotoView {
    /// Whose.
    pub address: Address,
    /// Empty without a photo, `PENDING` when it is not known whether there is one.
    pub hash: String,
    /// The file in Base64; empty when the answer has no room for it, too.
    pub photo: String,
}

impl fmt::Debug for PhotoView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhotoView({}, {}, {} characters)", self.address, self.hash, self.photo.len())
    }
}

/// A device as device.List tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceView {
    /// Its id.
    pub id: DeviceId,
    /// What the person called it.
    pub name: String,
    /// `iOS`, `Android`, ….
    pub platform: String,
    /// The app's version.
    pub app_version: String,
    /// When it was last heard.
    pub last_seen: Timestamp,
    /// The device that asks.
    pub this_device: bool,
    /// Has a socket now.
    pub connected: bool,
    /// The place in the mailbox up to which it has acknowledged.
    pub acknowledged: Seq,
    /// The place up to which entries have reached it, acknowledged or not, as far as its socket has said so.
    pub seen: Seq,
}

impl Reply {
    /// The `data` object.
    pub(crate) fn data(&self, name: &str) -> String {
        let mut data = Object::new();
        match self {
            Self::Plain => {}
            Self::Message(message) => _ = data.put("message", message),
            Self::Blocking { on_im_system } => _ = data.put("onImSystem", on_im_system),
            Self::Authentication { password } => {
                data.put("authDataType", if *password { "Password" } else { "None" });
            }
            Self::Session(session) => session.put(&mut data),
            Self::SessionTimeout(secs) => _ = data.put("sessionTimeout", secs),
            Self::Started { at, chat } => {
                data.put("timestamp", &at.as_millis()).put("requestIds", chat);
                data.put("requestId", chat).put("chatId", chat);
            }
            Self::Accepted { chat } => _ = data.put("chatId", chat),
            Self::Sent { at, chat, id, dup } => {
                data.put("timestamp", &at.as_millis()).put("chatId", chat).put("messageId", id.as_str());
                if *dup {
                    data.put("dup", &true);
                }
            }
            Self::Typing { contact } => _ = data.put("contactId", contact),
            Self::Synced { epoch, entries, next, more, reset } => {
                data.put("epoch", &epoch.0).put("entries", &EntryList(entries)).put("next", &next.0);
                data.put("more", more).put("reset", reset);
            }
            Self::Read { contact, up_to, unread } => {
                data.put("contactId", contact).put("upTo", &up_to.0).put("unread", unread);
            }
            Self::Devices(devices) => _ = data.put("devices", &DeviceList(devices)),
            people => people.put_people(&mut data),
        }
        data.put("method", name).put("state", "COMPLETE").finish()
    }

    fn put_people(&self, data: &mut Object) {
        match self {
            Self::ContactList { contacts, groups, next } => {
                data.put("contacts", &ContactMap(contacts)).put("groups", &GroupList(groups));
                if let Some(next) = next {
                    data.put("next", next);
                }
            }
            Self::ContactDetail(contact) => {
                data.put("contact", &ContactMap(std::slice::from_ref(&**contact)));
            }
            Self::ContactsState { user, contacts } => {
                data.put("userId", user).put("contacts", &RecordList(contacts));
            }
            Self::Photos { contacts } => _ = data.put("contacts", &PhotoList(contacts)),
            Self::GroupAdded { message, id, name } => {
                data.put("message", message).put("groupId", &id.0.to_string()).put("groupName", name);
            }
            Self::Found { contacts, more, term } => {
                let matches = contacts.len() + usize::from(*more);
                data.put("contacts", &ContactMap(contacts)).put("maxResults", &matches);
                data.put("totalResolved", &contacts.len()).put("searchTerm", term);
            }
            _ => {}
        }
    }
}

impl SessionReply {
    fn put(&self, data: &mut Object) {
        data.put("sessionid", &self.session_id)
            .put("sessionId", &self.session_id)
            .put("userId", &self.user)
            .put("displayName", &self.display_name)
            .put("deviceToken", &self.device_token)
            .put("sessionTimeout", &self.session_timeout_secs)
            .put("serverTime", &self.server_time.as_millis())
            .put("lineState", &self.line_state)
            .put("lineReason", &self.line_reason)
            .put("persistentChat", &self.persistent_chat)
            .put("fileTransfer", &self.file_transfer)
            .put("epoch", &self.epoch.0)
            .put("mailboxHead", &self.mailbox_head.0)
            .put("apiExtensions", self.api_extensions);
    }
}

struct EntryList<'a>(&'a [EventData]);

impl Serialize for EntryList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for entry in self.0 {
            let raw: &RawValue = serde_json::from_str(entry.as_str()).map_err(serde::ser::Error::custom)?;
            list.serialize_element(raw)?;
        }
        list.end()
    }
}

struct DeviceList<'a>(&'a [DeviceView]);

impl Serialize for DeviceList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Device<'a> {
            device_id: DeviceId,
            name: &'a str,
            platform: &'a str,
            app_version: &'a str,
            last_seen: i64,
            this_device: bool,
            connected: bool,
            acknowledged_seq: i64,
            seen_seq: i64,
        }
        serializer.collect_seq(self.0.iter().map(|device| Device {
            device_id: device.id,
            name: &device.name,
            platform: &device.platform,
            app_version: &device.app_version,
            last_seen: device.last_seen.as_millis(),
            this_device: device.this_device,
            connected: device.connected,
            acknowledged_seq: device.acknowledged.0,
            seen_seq: device.seen.0,
        }))
    }
}
