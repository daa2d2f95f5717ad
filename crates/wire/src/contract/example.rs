use serde_json::{Map, Value, json};
use trunkline_model::{
    Address, Availability, ChatId, Contact, DeviceId, Entry, EntryBody, Epoch, Group, GroupId,
    InvitationStatus, MessageId, MessageKey, MessageText, MessageView, Presence, Profile, Seq, Timestamp,
};

use crate::{
    ContactView, DeviceView, Early, EventData, EventName, Method, PhotoView, Reply, SessionReply,
    contact_update, entry_event, line_state, session_terminated, typing,
};

const CHAT: &str = "019abaac-37c0-7e63-b2a8-51d0c6f3e917";
const DEVICE: &str = "019abaab-7470-7c11-9a52-0f6d3be8c274";
const SESSION: &str = "d761a566e2f3199d39719281c427fdbf";
const TOKEN: &str = "tl1.lJoka4uc0uYbvTUSNXUgNvGB24fwMbdArhoqnzlTvEs";
const INSTALL: &str = "e20c91f7b6a4d583";
const PHOTO_HASH: &str = "5d41402abc4b2a76b9719d911017c592";
const JON: &str = "sip:jon@example.test";
const NOW: Timestamp = Timestamp(1_764_068_440_203_000);

/// Parameters that a phone may send, every one that the method has; the parser takes them.
pub fn example_request(method: Method) -> Value {
    use Method as M;
    match method {
        M::GetAuthenticationInfo | M::SetGdAuthToken => json!({"gdAuthToken": TOKEN}),
        M::BeginSession => json!({
            "gdAuthToken": TOKEN, "deviceToken": INSTALL, "presence": "available", "personalMessage": "On site",
            "platform": "Android", "appVersion": "1.4.0",
        }),
        M::SetGdToken => json!({"gdToken": TOKEN}),
        M::SetOAuth2Token => json!({"oAuth2Token": TOKEN}),
        M::NotifyBackground => json!({
            "isBackgroundMode": true, "timeout": 15, "unreadMessageCount": 2, "pushType": 3, "pushMaxLength": 512,
        }),
        M::SetPresence => json!({"presence": "busy", "personalMessage": "Stocktaking"}),
        M::SetPersonalMessage => json!({"personalMessage": "Stocktaking"}),
        M::GetContactsState
        | M::UnregisterTempRemotePresence
        | M::GetContactPhotos
        | M::BlockContact
        | M::UnblockContact => json!({"contactIds": [JON]}),
        M::AddContact | M::CopyContactToGroup | M::RemoveContactFromGroup => {
            json!({"contactId": JON, "groupId": "2"})
        }
        M::AddGroup => json!({"groupName": "Night shift"}),
        M::RenameGroup => json!({"groupId": "3", "newGroupName": "Nights"}),
        M::RemoveGroup => json!({"groupId": "3"}),
        M::SearchDirectory => json!({"keySearch": "br", "typeSearch": "name"}),
        M::AcceptChat | M::DeclineChat => json!({"requestId": CHAT}),
        M::SendMessage => json!({"contactId": JON, "message": "Is the gate open?", "messageId": "m-1"}),
        M::MessageAck => json!({"messageId": "j-1", "status": "delivered", "contactId": JON}),
        M::MailboxSync => json!({"epoch": 1, "since": 3, "limit": 50}),
        M::ConversationRead => json!({"contactId": JON, "upTo": 4}),
        M::RegisterTempRemotePresence
        | M::GetContactDetail
        | M::RemoveContact
        | M::StartChat
        | M::StartTyping
        | M::StopTyping
        | M::EndChat
        | M::ContactBlock
        | M::ContactUnblock => json!({"contactId": JON}),
        _ => json!({}),
    }
}

/// What the relay answers to [`example_request`]: the first of two phases, if there are two, and the last one's
/// `data`, as the printer writes them. `None` for a method that the relay does not have.
pub fn example_result(method: Method) -> Option<(Option<Value>, Value)> {
    if method.unsupported() {
        return None;
    }
    let (early, reply) = people(method).unwrap_or_else(|| rest(method));
    let name = method.name();
    let late = parsed(&if crate::response::odd_shape(name) {
        crate::response::odd_data(name)
    } else {
        reply.data(name)
    });
    let early = (!method.one_phase()).then(|| parsed(&crate::response::early_data(name, early)));
    Some((early, late))
}

fn people(method: Method) -> Option<(Early, Reply)> {
    use Method as M;
    let words = |text: &str| Reply::Message(text.to_owned());
    let contacts = vec![view()?];
    let reply = match method {
        M::GetContactsState => Reply::ContactsState { user: mira()?, contacts },
        M::ContactBlock | M::ContactUnblock => Reply::Blocking { on_im_system: true },
        M::UnregisterTempRemotePresence => words("Presence subscription removed"),
        M::GetContactList => Reply::ContactList { contacts, groups: vec![group()], next: None },
        M::GetContactDetail => Reply::ContactDetail(Box::new(view()?)),
        M::GetContactPhotos => Reply::Photos { contacts: vec![photo()?] },
        M::AddGroup => {
            let message = "Group Night shift added".to_owned();
            Reply::GroupAdded { message, id: GroupId(3), name: "Night shift".to_owned() }
        }
        M::RenameGroup => words("Group renamed to Nights"),
        M::RemoveGroup => words("Group removed"),
        M::CopyContactToGroup => words("sip:jon@example.test added to the group"),
        M::RemoveContactFromGroup => words("sip:jon@example.test removed from the group"),
        M::SearchDirectory => Reply::Found { contacts, more: false, term: "br".to_owned() },
        M::StartTyping => Reply::Typing { contact: jon()? },
        M::ConversationRead => Reply::Read { contact: jon()?, up_to: Seq(4), unread: 0 },
        _ => return None,
    };
    Some((Early::Nothing, reply))
}

fn rest(method: Method) -> (Early, Reply) {
    use Method as M;
    let chat = chat();
    match method {
        M::GetAuthenticationInfo => (Early::Nothing, Reply::Authentication { password: false }),
        M::BeginSession => (Early::Nothing, session().unwrap_or(Reply::Plain)),
        M::Ping => (Early::SessionTimeout(86_400), Reply::SessionTimeout(86_400)),
        M::TerminateSession => (Early::Complete, Reply::Plain),
        M::StartChat => (Early::Timestamp(NOW), Reply::Started { at: NOW, chat }),
        M::AcceptChat => (Early::Chat(chat), Reply::Accepted { chat }),
        M::SendMessage => {
            let sent = message_id("m-1").map(|id| Reply::Sent { at: NOW, chat, id, dup: false });
            (Early::Timestamp(NOW), sent.unwrap_or(Reply::Plain))
        }
        M::MailboxSync => {
            let entries = example_event(EventName::MessageReceived).into_iter().collect();
            let page = Reply::Synced { epoch: Epoch(1), entries, next: Seq(4), more: false, reset: None };
            (Early::Nothing, page)
        }
        M::DeviceList => (Early::Nothing, Reply::Devices(device().into_iter().collect())),
        _ => (Early::Nothing, Reply::Plain),
    }
}

/// An event's `data`, as the printer writes it; always there.
pub fn example_event(event: EventName) -> Option<EventData> {
    use EventName as E;
    let (chat, peer) = (chat(), jon()?);
    let body = match event {
        E::InvitationReceived => EntryBody::InvitationReceived { chat, peer, message: Some(message()?) },
        E::InvitationUpdate => EntryBody::InvitationUpdate { chat, peer, status: InvitationStatus::Accepted },
        E::MessageReceived => EntryBody::MessageReceived { chat, peer, message: message()? },
        E::MessageSent => EntryBody::MessageSent { chat, peer, message: message()? },
        E::MessageAck => EntryBody::MessageDelivered { chat, peer, id: message_id("m-1")? },
        E::MessageFailed => EntryBody::MessageFailed {
            chat,
            peer,
            id: message_id("m-1")?,
            code: crate::ErrorCode::ImSystemFailure.number(),
            reason: "the connection to the IM system was lost before it confirmed the message".to_owned(),
            unknown: true,
        },
        E::ChatEnded => EntryBody::ChatEnded { chat, peer },
        E::ConversationRead => EntryBody::ConversationRead { chat, peer, up_to: Seq(4), unread: 0 },
        E::StartTyping => return Some(typing(&peer, chat, true)),
        E::StopTyping => return Some(typing(&peer, chat, false)),
        E::ContactUpdate => return Some(contact_update(&[view()?])),
        E::LineStateChanged => return Some(line_state("connecting", "the connection was lost")),
        E::SessionTerminated => return Some(session_terminated("revoked")),
    };
    let entry = Entry { seq: Seq(4), at: NOW, origin: None, body };
    Some(entry_event(&entry, Epoch(1), "Jon Brandt"))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::Object(Map::new()))
}

fn jon() -> Option<Address> {
    JON.parse().ok()
}

fn mira() -> Option<Address> {
    "sip:mira@example.test".parse().ok()
}

fn chat() -> ChatId {
    CHAT.parse().unwrap_or(ChatId::NIL)
}

fn message_id(text: &str) -> Option<MessageId> {
    text.parse().ok()
}

fn message() -> Option<MessageView> {
    let text = MessageText::stored("Yes, until six".to_owned());
    Some(MessageView { key: MessageKey::NIL, id: message_id("j-1")?, text, sent_at: NOW })
}

fn group() -> Group {
    Group { id: GroupId(2), name: "Yard".to_owned() }
}

fn photo() -> Option<PhotoView> {
    let photo = "/9j/4AAQSkZJRgABAQEAYABgAAD/2Q==".to_owned();
    Some(PhotoView { address: jon()?, hash: PHOTO_HASH.to_owned(), photo })
}

fn view() -> Option<ContactView> {
    let profile = Profile {
        display_name: "Jon Brandt".to_owned(),
        title: "Foreman".to_owned(),
        email: "jon@example.test".to_owned(),
        work_phone: "+49 30 5550112".to_owned(),
        ..Profile::default()
    };
    let presence = Presence {
        availability: Availability::Busy,
        personal_message: "On the crane".to_owned(),
        devices: 1,
    };
    let contact = Contact {
        profile,
        presence,
        groups: vec![group()],
        photo_hash: PHOTO_HASH.to_owned(),
        in_roster: true,
        ..Contact::unknown(jon()?)
    };
    Some(ContactView { contact, blocked: false })
}

fn session() -> Option<Reply> {
    Some(Reply::Session(Box::new(SessionReply {
        session_id: SESSION.to_owned(),
        user: mira()?,
        display_name: "Mira Okafor".to_owned(),
        device_token: INSTALL.to_owned(),
        session_timeout_secs: 86_400,
        server_time: NOW,
        line_state: "connected".to_owned(),
        line_reason: String::new(),
        persistent_chat: false,
        file_transfer: false,
        epoch: Epoch(1),
        mailbox_head: Seq(3),
        api_extensions: &["mailbox.Sync", "conversation.Read"],
    })))
}

fn device() -> Option<DeviceView> {
    Some(DeviceView {
        id: DEVICE.parse::<DeviceId>().ok()?,
        name: "Mira's phone".to_owned(),
        platform: "Android".to_owned(),
        app_version: "1.4.0".to_owned(),
        last_seen: NOW,
        this_device: true,
        connected: true,
        acknowledged: Seq(2),
        seen: Seq(3),
    })
}
