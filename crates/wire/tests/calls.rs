//! Every method's parameters: their aliases, and what is told when they are missing or wrong.

use secrecy::ExposeSecret;
use serde_json::{Value, json};
use trunkline_model::{Availability, Epoch, GroupId, PresenceChoice, Seq};
use trunkline_wire::{
    ApiError, Call, DirectoryField, ErrorCode, Frame, Limits, Method, NotifyBackground, Target, parse, phone,
};

const CHAT: &str = "0f6a2c1e-93b1-7d40-8a55-3c21b7e9d001";

fn call(method: &str, params: Value) -> Result<Call, ApiError> {
    let text = phone::request("c1", method, params);
    match parse(&text, Limits { max_message_chars: 8_000 }) {
        Frame::Single(Ok(request)) => {
            assert_eq!(&*request.name, method);
            request.call
        }
        other => panic!("{other:?}"),
    }
}

macro_rules! reads {
    ($($method:literal, $params:tt => $pattern:pat $(if $guard:expr)?,)*) => {
        $(match call($method, json!($params)) {
            Ok($pattern) $(if $guard)? => {}
            other => panic!("{} {}: {other:?}", $method, stringify!($params)),
        })*
    };
}

#[test]
fn session_methods() {
    reads! {
        "getauthenticationinfo", {} => Call::GetAuthenticationInfo { token: None },
        "GetAuthenticationInfo", {"GDAuthToken": "t"} => Call::GetAuthenticationInfo { token: Some(_) },
        "GetAuthenticationInfo", {"gdAuthToken": "null"} => Call::GetAuthenticationInfo { token: None },
        "BeginSession", {} => Call::BeginSession(_),
        "BeginSession", {"GDAUTHTOKEN": "a", "gdToken": "b"} => Call::BeginSession(b) if
            b.token.as_ref().is_some_and(|token| token.expose_secret() == "a"),
        "BeginSession", {"userId": "x", "gdToken": "b", "pushToken": 5} => Call::BeginSession(b) if b.token.is_some(),
        "BeginSession", {"presence": "Away", "personalMessage": "", "deviceToken": "d", "imPassword": "p",
            "platform": "iOS", "appVersion": "1"} => Call::BeginSession(b) if
            b.presence == Some(PresenceChoice::Set(Availability::Away)) && b.personal_message.as_deref() == Some("")
            && b.device_token.as_deref() == Some("d") && b.im_password.is_some() && b.app_version.is_some(),
        "SetGDAuthToken", {"gdauthtoken": "t"} => Call::SetGdAuthToken { .. },
        "SetGDToken", {"gdToken": "t"} => Call::SetGdToken { .. },
        "SetGDToken", {"SetGDToken": "t"} => Call::SetGdToken { .. },
        "SetOAuth2Token", {"oauth2token": "t"} => Call::SetOAuth2Token { .. },
        "Ping", {"reconnect": "x", "unheardOf": {}} => Call::Ping,
        "TerminateSession", {} => Call::TerminateSession,
        "NotifyBackground", {"isBackgroundMode": "True", "timeout": "20", "unreadMessageCount": 3, "pushType": "3",
            "pushMaxLength": 200} => Call::NotifyBackground(NotifyBackground { background: true, timeout_secs: 20,
            unread: Some(3), push_type: Some(3), push_max_length: Some(200) }),
        "NotifyBackground", {"isBackgroundMode": false, "timeout": 0, "pushType": "loud"} =>
            Call::NotifyBackground(NotifyBackground { background: false, push_type: Some(2), unread: None, .. }),
    }
}

#[test]
fn presence_methods() {
    reads! {
        "SetPresence", {"presence": "busy"} =>
            Call::SetPresence { choice: PresenceChoice::Set(Availability::Busy), personal_message: None },
        "SetPresence", {"presence": "reset", "message": "hi"} =>
            Call::SetPresence { choice: PresenceChoice::Reset, personal_message: Some(_) },
        "SetPersonalMessage", {"personalMessage": ""} => Call::SetPersonalMessage { personal_message: m } if m.is_empty(),
        "SetPersonalMessage", {"message": "m"} => Call::SetPersonalMessage { .. },
        "GetContactsState", {"contactIds": ["SIP:Bo@corp.test"]} => Call::GetContactsState { contacts } if
            contacts[0].bare() == "bo@corp.test",
        "GetContactState", {"contactId": "bo@corp.test"} => Call::GetContactsState { contacts } if contacts.len() == 1,
        "RegisterTempRemotePresence", {"contactid": "bo@corp.test"} => Call::RegisterTempRemotePresence { .. },
        "UnRegisterTempRemotePresenceSubscription", {"contactIds": ["a@b", "c@d"]} =>
            Call::UnregisterTempRemotePresence { contacts } if contacts.len() == 2,
        "UnRegisterTempRemotePresence", {"contactId": "a@b"} => Call::UnregisterTempRemotePresence { .. },
    }
}

#[test]
fn roster_methods() {
    reads! {
        "GetContactList", {} => Call::GetContactList { after: None },
        "GetContactList", {"after": "sip:A@b"} => Call::GetContactList { after: Some(_) },
        "GetContactDetail", {"contactId": ["a@b"]} => Call::GetContactDetail { .. },
        "GetContactPhotos", {"contactIds": ["a@b"]} => Call::GetContactPhotos { .. },
        "AddContact", {"contactId": "a@b", "groupId": "3"} => Call::AddContact { group: Some(GroupId(3)), .. },
        "AddContact", {"contactId": "a@b", "groupId": ""} => Call::AddContact { group: None, .. },
        "RemoveContact", {"contactIds": ["a@b"]} => Call::RemoveContact { .. },
        "AddGroup", {"groupName": "Nights"} => Call::AddGroup { .. },
        "RenameGroup", {"groupId": 3, "newGroupName": "N"} => Call::RenameGroup { group: GroupId(3), .. },
        "RemoveGroup", {"groupId": 3.0} => Call::RemoveGroup { group: GroupId(3) },
        "CopyContactToGroup", {"contactId": "a@b", "groupId": "3"} => Call::CopyContactToGroup { .. },
        "RemoveContactFromGroup", {"contactId": "a@b", "groupId": "3"} => Call::RemoveContactFromGroup { .. },
        "BlockContact", {"contactIds": ["a@b"]} => Call::BlockContact { .. },
        "UnblockContact", {"contactId": "a@b"} => Call::UnblockContact { .. },
        "contact.block", {"contactId": "a@b"} => Call::ContactBlock { .. },
        "contact.Unblock", {"contactId": "a@b"} => Call::ContactUnblock { .. },
        "SearchDirectory", {"keySearch": " ma ", "typeSearch": "firstName"} =>
            Call::SearchDirectory { field: DirectoryField::Name, term } if term == "ma",
        "DirectorySearch", {"keySearch": "ma"} => Call::SearchDirectory { field: DirectoryField::Any, .. },
    }
}

#[test]
fn chat_methods_and_our_own() {
    reads! {
        "StartChat", {"contactId": "a@b"} => Call::StartChat { .. },
        "AcceptChat", {"requestId": CHAT} => Call::AcceptChat { .. },
        "DeclineChat", {"chatId": CHAT} => Call::DeclineChat { .. },
        "SENDMESSAGE", {"CONTACTID": "a@b", "Message": "hi", "messageID": 7} => Call::SendMessage { id, .. } if
            id.as_str() == "7",
        "StartTyping", {"contactId": "a@b", "chatId": "nonsense"} => Call::StartTyping { .. },
        "StopTyping", {"contactId": "a@b"} => Call::StopTyping { .. },
        "MessageAck", {"messageId": "m", "status": "Delivered"} => Call::MessageAck { contact: None, .. },
        "MessageAck", {"messageId": "m", "status": "delivered", "contactId": "a@b"} =>
            Call::MessageAck { contact: Some(_), .. },
        "EndChat", {"contactId": "a@b"} => Call::EndChat(Target::Contact(_)),
        "EndChat", {"contactId": CHAT} => Call::EndChat(Target::Chat(_)),
        "EndChat", {"chatId": CHAT} => Call::EndChat(Target::Chat(_)),
        "mailbox.Sync", {} => Call::MailboxSync { epoch: None, since: Seq(0), limit: 100 },
        "mailbox.Sync", {"epoch": 2, "since": "41", "limit": 200} =>
            Call::MailboxSync { epoch: Some(Epoch(2)), since: Seq(41), limit: 200 },
        "conversation.Read", {"contactId": "a@b", "upTo": 9} => Call::ConversationRead { up_to: Some(Seq(9)), .. },
        "device.List", {} => Call::DeviceList,
    }
    for method in Method::ALL.iter().filter(|method| method.name().starts_with("pc.")) {
        assert!(matches!(call(method.name(), json!({})), Ok(Call::NotSupported)), "{method:?}");
    }
    for name in [
        "ScheduleNotification",
        "InviteFileXfer",
        "AcceptFileXfer",
        "DeclineFileXfer",
        "SendFile",
        "ReceiveFile",
    ] {
        assert!(matches!(call(name, json!({})), Ok(Call::NotSupported)), "{name}");
    }
}

#[test]
fn what_is_missing_is_1011_and_what_is_wrong_is_1012() {
    let long = "x".repeat(1_001);
    let rows = [
        ("SetGDAuthToken", json!({}), 1011),
        ("BeginSession", json!({"presence": "elsewhere"}), 1012),
        ("BeginSession", json!({"deviceToken": long}), 1012),
        ("NotifyBackground", json!({"timeout": 1}), 1011),
        ("NotifyBackground", json!({"isBackgroundMode": true}), 1011),
        ("NotifyBackground", json!({"isBackgroundMode": true, "timeout": -1}), 1012),
        ("NotifyBackground", json!({"isBackgroundMode": 5, "timeout": 1}), 1012),
        ("SetPresence", json!({"presence": ""}), 1011),
        ("SetPersonalMessage", json!({"personalMessage": null}), 1011),
        ("SetPersonalMessage", json!({"personalMessage": long}), 1012),
        ("GetContactsState", json!({"contactIds": []}), 1011),
        ("GetContactsState", json!({"contactIds": [5]}), 1012),
        ("GetContactsState", json!({"contactIds": vec!["a@b"; 1_001]}), 1012),
        ("GetContactDetail", json!({"contactId": "nobody"}), 1012),
        ("GetContactDetail", json!({"contactId": []}), 1011),
        ("AddGroup", json!({"groupName": "x".repeat(256)}), 1012),
        ("AddGroup", json!({"groupName": "  "}), 1012),
        ("RemoveGroup", json!({"groupId": "three"}), 1012),
        ("SearchDirectory", json!({"keySearch": "m"}), 1012),
        ("AcceptChat", json!({"requestId": "r-1"}), 1012),
        ("SendMessage", json!({"contactId": "a@b", "messageId": "m"}), 1011),
        ("SendMessage", json!({"contactId": "a@b", "messageId": "m", "message": ""}), 1011),
        ("SendMessage", json!({"contactId": "a@b", "messageId": "m", "message": "x".repeat(8_001)}), 1012),
        ("SendMessage", json!({"contactId": "a@b", "messageId": "x".repeat(256), "message": "x"}), 1012),
        ("MessageAck", json!({"messageId": "m", "status": "read"}), 1012),
        ("MessageAck", json!({"messageId": "m"}), 1011),
        ("EndChat", json!({}), 1011),
        ("EndChat", json!({"chatId": "a@b"}), 1012),
        ("mailbox.Sync", json!({"limit": 0}), 1012),
        ("mailbox.Sync", json!({"since": -1}), 1012),
        ("conversation.Read", json!({"roomId": "ma-chan://corp.test/1"}), 1026),
    ];
    for (method, params, number) in rows {
        let error = call(method, params).unwrap_err();
        assert_eq!(error.code.number(), number, "{method}: {error}");
    }
}

#[test]
fn of_a_parameter_in_two_letter_cases_the_last_counts() {
    let text =
        r#"{"jsonrpc":"2.0","id":"c1","method":"AddGroup","params":{"groupName":"a","GROUPNAME":"b"}}"#;
    let Frame::Single(Ok(request)) = parse(text, Limits { max_message_chars: 1 }) else { panic!() };
    assert!(matches!(request.call, Ok(Call::AddGroup { name }) if name == "b"));
}

#[test]
fn which_methods_stand_alone() {
    let one_phase: Vec<_> =
        Method::ALL.iter().filter(|method| method.one_phase()).map(|method| method.name()).collect();
    assert_eq!(one_phase.len(), 10, "{one_phase:?}");
    let free: Vec<_> = Method::ALL.iter().filter(|method| !method.needs_session()).collect();
    assert_eq!(free, [&Method::GetAuthenticationInfo, &Method::BeginSession]);
    assert_eq!(ErrorCode::ImSystemFailure.name(), "RT_EXCEPTION");
}
