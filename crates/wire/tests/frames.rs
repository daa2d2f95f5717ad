//! What goes to phones, as whole frames.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::str::FromStr;

use serde_json::Value;
use trunkline_model::{
    Address, Availability, ChatId, Contact, DeviceId, Entry, EntryBody, Epoch, Group, GroupId,
    InvitationStatus, MessageId, MessageKey, MessageText, MessageView, Presence, Profile, Seq, Timestamp,
};
use trunkline_wire::{
    ApiError, ContactView, DeviceView, Early, ErrorCode, EventData, Frame, Limits, PhotoView, Reply,
    RequestId, SessionReply, answer, complete, contact_update, entry_event, event, failure_later,
    failure_now, line_state, parse, phone, processing, session_terminated, typing,
};

const CHAT: &str = "0f6a2c1e-93b1-7d40-8a55-3c21b7e9d001";
const SEQUENCE: i64 = 1_757_412_000_000_007;

fn id() -> RequestId {
    let text = phone::request("c7", "Ping", serde_json::json!({}));
    match parse(&text, Limits { max_message_chars: 1 }) {
        Frame::Single(Ok(request)) => request.id,
        other => panic!("{other:?}"),
    }
}

fn bo() -> Address {
    "sip:bo@corp.test".parse().unwrap()
}

fn chat() -> ChatId {
    ChatId::from_str(CHAT).unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_757_412_399_000)
}

fn view() -> ContactView {
    let contact = Contact {
        profile: Profile { display_name: "Bo".into(), title: "Fitter".into(), ..Profile::default() },
        presence: Presence { availability: Availability::Away, personal_message: "Out".into(), devices: 2 },
        groups: vec![Group { id: GroupId(3), name: "Site".into() }],
        in_roster: true,
        ..Contact::unknown(bo())
    };
    ContactView { contact, blocked: false }
}

const RECORD: &str = concat!(
    r#"{"displayName":"Bo","groups":[{"id":"3","name":"Site"}],"personalMessage":"Out","availability":"15500","#,
    r#""presence":"away","title":"Fitter","type":"user","uri":"sip:bo@corp.test","contactId":"sip:bo@corp.test","#,
    r#""photoHash":"","numDevices":"2","mobilePhone":"","workPhone":"","homePhone":"","blocked":"false","email":"","#,
    r#""firstName":"","lastName":"","company":"","department":"","office":""}"#
);

#[test]
fn the_first_phase_has_no_sequence_and_says_no_error() {
    let frame = |early, members: &str, state| {
        let expected = format!(
            r#"{{"id":"c7","error":null,"result":{{"data":{{{members}"method":"Do","state":"{state}"}}}},"jsonrpc":"2.0","background":true}}"#
        );
        assert_eq!(processing(&id(), "Do", early, true), expected);
    };
    frame(Early::Nothing, "", "PROCESSING");
    frame(Early::Timestamp(at()), r#""timestamp":1757412399000,"#, "PROCESSING");
    frame(Early::Chat(chat()), &format!(r#""chatId":"{CHAT}","#), "PROCESSING");
    frame(Early::SessionTimeout(86_400), r#""sessionTimeout":86400,"#, "PROCESSING");
    frame(Early::Complete, "", "COMPLETE");
}

#[test]
fn failures_have_the_words_in_both_places() {
    let error = ApiError::new(ErrorCode::InvalidArgument, "contactId is \"odd\"");
    let inside = r#"{"code":1012,"message":"INVALID_ARGUMENT","name":"INVALID_ARGUMENT","innerError":"contactId is \"odd\"","data":{"method":"AddContact","innerError":"contactId is \"odd\""}}"#;
    assert_eq!(
        failure_now(Some(&id()), Some("AddContact"), &error, false),
        format!(r#"{{"id":"c7","error":{inside},"result":null,"jsonrpc":"2.0","background":false}}"#)
    );
    assert_eq!(
        failure_later(&id(), "AddContact", &error, SEQUENCE),
        format!(r#"{{"id":"c7","sequence":{SEQUENCE},"error":{inside},"result":null,"jsonrpc":"2.0"}}"#)
    );
    let nameless = failure_now(None, None, &ApiError::new(ErrorCode::ParseError, "x"), false);
    assert!(
        nameless.starts_with(r#"{"id":null,"error":{"code":-32700,"message":"PARSE_ERROR""#),
        "{nameless}"
    );
}

#[test]
fn the_two_odd_methods_get_the_union_of_both_shapes() {
    assert_eq!(
        answer(&id(), "setgdtoken", &Reply::Plain, false),
        r#"{"id":"c7","error":null,"method":"setgdtoken","state":"COMPLETE","result":{"status":"success","data":{"method":"setgdtoken","state":"COMPLETE","status":"success"}},"jsonrpc":"2.0","background":false}"#
    );
    assert_eq!(
        answer(&id(), "GetAuthenticationInfo", &Reply::Authentication { password: true }, false),
        r#"{"id":"c7","error":null,"result":{"data":{"authDataType":"Password","method":"GetAuthenticationInfo","state":"COMPLETE"}},"jsonrpc":"2.0","background":false}"#
    );
}

fn session() -> SessionReply {
    SessionReply {
        session_id: "7f3c".into(),
        user: bo(),
        display_name: "Bo".into(),
        device_token: "d-1".into(),
        session_timeout_secs: 86_400,
        server_time: at(),
        line_state: "connected".into(),
        line_reason: String::new(),
        persistent_chat: false,
        file_transfer: false,
        epoch: Epoch(1),
        mailbox_head: Seq(9),
        api_extensions: &["mailbox.Sync"],
    }
}

fn replies() -> Vec<(Reply, String)> {
    let device: DeviceId = CHAT.parse().unwrap();
    let received = entry_event(&entry(received()), Epoch(1), "Bo");
    let view = || vec![view()];
    vec![
        (Reply::Plain, String::new()),
        (Reply::Message("Group a \"b\"".into()), r#""message":"Group a \"b\"","#.into()),
        (
            Reply::Session(Box::new(session())),
            concat!(
                r#""sessionid":"7f3c","sessionId":"7f3c","userId":"sip:bo@corp.test","displayName":"Bo","#,
                r#""deviceToken":"d-1","sessionTimeout":86400,"serverTime":1757412399000,"lineState":"connected","#,
                r#""lineReason":"","persistentChat":false,"fileTransfer":false,"epoch":1,"mailboxHead":9,"#,
                r#""apiExtensions":["mailbox.Sync"],"#
            )
            .into(),
        ),
        (Reply::SessionTimeout(86_400), r#""sessionTimeout":86400,"#.into()),
        (
            Reply::ContactList { contacts: view(), groups: vec![Group { id: GroupId(3), name: "Site".into() }], next: None },
            format!(r#""contacts":{{"sip:bo@corp.test":{RECORD}}},"groups":[{{"id":"3","name":"Site"}}],"#),
        ),
        (Reply::ContactDetail(Box::new(view().remove(0))), format!(r#""contact":{{"sip:bo@corp.test":{RECORD}}},"#)),
        (
            Reply::ContactsState { user: bo(), contacts: view() },
            format!(r#""userId":"sip:bo@corp.test","contacts":[{RECORD}],"#),
        ),
        (
            Reply::Photos { contacts: vec![PhotoView { address: bo(), hash: "9d1c".into(), photo: "/9j/".into() }] },
            r#""contacts":[{"uri":"sip:bo@corp.test","contactId":"sip:bo@corp.test","photoHash":"9d1c","photo":"/9j/"}],"#.into(),
        ),
        (
            Reply::GroupAdded { message: "ok".into(), id: GroupId(4), name: "N".into() },
            r#""message":"ok","groupId":"4","groupName":"N","#.into(),
        ),
        (
            Reply::Found { contacts: view(), more: true, term: "bo".into() },
            format!(
                r#""contacts":{{"sip:bo@corp.test":{RECORD}}},"maxResults":2,"totalResolved":1,"searchTerm":"bo","#
            ),
        ),
        (
            Reply::Started { at: at(), chat: chat() },
            format!(r#""timestamp":1757412399000,"requestIds":"{CHAT}","requestId":"{CHAT}","chatId":"{CHAT}","#),
        ),
        (Reply::Accepted { chat: chat() }, format!(r#""chatId":"{CHAT}","#)),
        (
            Reply::Sent { at: at(), chat: chat(), id: "m-1".parse().unwrap(), dup: false },
            format!(r#""timestamp":1757412399000,"chatId":"{CHAT}","messageId":"m-1","#),
        ),
        (
            Reply::Sent { at: at(), chat: chat(), id: "m-1".parse().unwrap(), dup: true },
            format!(r#""timestamp":1757412399000,"chatId":"{CHAT}","messageId":"m-1","dup":true,"#),
        ),
        (Reply::Typing { contact: bo() }, r#""contactId":"sip:bo@corp.test","#.into()),
        (
            Reply::Synced { epoch: Epoch(1), entries: vec![received.clone()], next: Seq(12), more: true, reset: None },
            format!(r#""epoch":1,"entries":[{}],"next":12,"more":true,"reset":null,"#, received.as_str()),
        ),
        (
            Reply::Read { contact: bo(), up_to: Seq(5), unread: 2 },
            r#""contactId":"sip:bo@corp.test","upTo":5,"unread":2,"#.into(),
        ),
        (
            Reply::Devices(vec![DeviceView {
                id: device,
                name: "Desk".into(),
                platform: "iOS".into(),
                app_version: "1".into(),
                last_seen: at(),
                this_device: true,
                connected: false,
                acknowledged: Seq(5),
                seen: Seq(7),
            }]),
            format!(
                r#""devices":[{{"deviceId":"{CHAT}","name":"Desk","platform":"iOS","appVersion":"1","lastSeen":1757412399000,"thisDevice":true,"connected":false,"acknowledgedSeq":5,"seenSeq":7}}],"#
            ),
        ),
    ]
}

#[test]
fn every_reply_as_a_second_phase_with_sequence_and_without_error() {
    for (reply, members) in replies() {
        let expected = format!(
            r#"{{"id":"c7","sequence":{SEQUENCE},"result":{{"data":{{{members}"method":"Do","state":"COMPLETE"}}}},"jsonrpc":"2.0"}}"#
        );
        assert_eq!(complete(&id(), "Do", &reply, SEQUENCE), expected);
    }
}

#[test]
fn contact_scalars_are_strings() {
    let record: serde_json::Map<String, Value> = serde_json::from_str(RECORD).unwrap();
    assert!(record.iter().filter(|(name, _)| *name != "groups").all(|(_, value)| value.is_string()));
}

fn message() -> MessageView {
    MessageView {
        key: MessageKey::fresh(),
        id: "m-1".parse::<MessageId>().unwrap(),
        text: MessageText::new("Door \u{2028}\"code\"?", 100).unwrap(),
        sent_at: at(),
    }
}

fn received() -> EntryBody {
    EntryBody::MessageReceived { chat: chat(), peer: bo(), message: message() }
}

fn entry(body: EntryBody) -> Entry {
    Entry { seq: Seq(412), at: Timestamp::from_millis(1_757_412_400_000), origin: None, body }
}

#[test]
fn every_entry_as_an_event() {
    let (chat, peer, id) = (chat(), bo(), "m-1".parse::<MessageId>().unwrap());
    let who = format!(r#""chatId":"{CHAT}","contactId":"sip:bo@corp.test","displayName":"Bo","#);
    let text =
        "\"message\":\"Door \u{2028}\\\"code\\\"?\",\"messageId\":\"m-1\",\"timestamp\":1757412399000,";
    let receipt = format!(r#""messageId":"m-1","contactId":"sip:bo@corp.test","chatId":"{CHAT}","#);
    let pair = format!(r#""contactId":"sip:bo@corp.test","chatId":"{CHAT}","#);
    let rows = [
        (
            EntryBody::InvitationReceived { chat, peer: peer.clone(), message: Some(message()) },
            format!(r#""requestId":"{CHAT}",{who}{text}"#),
            "InvitationReceived",
        ),
        (
            EntryBody::InvitationReceived { chat, peer: peer.clone(), message: None },
            format!(r#""requestId":"{CHAT}",{who}"message":"","messageId":"","timestamp":1757412400000,"#),
            "InvitationReceived",
        ),
        (
            EntryBody::InvitationUpdate { chat, peer: peer.clone(), status: InvitationStatus::Declined },
            format!(
                r#""requestId":"{CHAT}","chatId":"{CHAT}","contactId":"sip:bo@corp.test","status":"Declined","#
            ),
            "InvitationUpdate",
        ),
        (received(), format!("{who}{text}"), "MessageReceived"),
        (
            EntryBody::MessageSent { chat, peer: peer.clone(), message: message() },
            format!(r#"{who}{text}"direction":"out","#),
            "MessageSent",
        ),
        (
            EntryBody::MessageDelivered { chat, peer: peer.clone(), id: id.clone() },
            format!(r#"{receipt}"status":"delivered","#),
            "MessageAck",
        ),
        (
            EntryBody::MessageFailed {
                chat,
                peer: peer.clone(),
                id,
                code: 1019,
                reason: "gone".into(),
                unknown: true,
            },
            format!(r#"{receipt}"code":1019,"message":"gone","unknown":true,"#),
            "MessageFailed",
        ),
        (EntryBody::ChatEnded { chat, peer: peer.clone() }, pair.clone(), "ChatEnded"),
        (
            EntryBody::ConversationRead { chat, peer, up_to: Seq(400), unread: 1 },
            format!(r#"{pair}"upTo":400,"unread":1,"#),
            "conversation.Read",
        ),
    ];
    for (body, members, method) in rows {
        assert_event(
            &entry_event(&entry(body), Epoch(3), "Bo"),
            &format!(r#"{members}"mailboxSeq":412,"epoch":3,"#),
            method,
        );
    }
}

#[test]
fn what_is_never_stored_as_an_event() {
    let pair = format!(r#""contactId":"sip:bo@corp.test","chatId":"{CHAT}","#);
    assert_event(&typing(&bo(), chat(), true), &pair, "StartTyping");
    assert_event(&typing(&bo(), chat(), false), &pair, "StopTyping");
    assert_event(&line_state("refused", "why"), r#""state":"refused","reason":"why","#, "LineStateChanged");
    assert_event(&session_terminated("admin"), r#""reason":"admin","#, "SessionTerminated");
    let map = format!(r#"{{"sip:bo@corp.test":{RECORD}}}"#);
    let one = format!(r#""contactId":"sip:bo@corp.test","contact":{map},"contacts":{map},"#);
    assert_event(&contact_update(&[view()]), &one, "ContactUpdate");
    assert_event(&contact_update(&[]), r#""contacts":{},"#, "ContactUpdate");
}

fn assert_event(data: &EventData, members: &str, method: &str) {
    let expected = format!(
        r#"{{"id":"S8","sequence":{SEQUENCE},"error":null,"result":{{"data":{{{members}"method":"{method}"}}}},"jsonrpc":"2.0"}}"#
    );
    let frame = event(8, SEQUENCE, data);
    assert_eq!(frame, expected);
    assert!(
        matches!(phone::read(&frame), Ok(phone::ServerFrame::Event { number: 8, sequence: SEQUENCE, method: m, .. }) if m == method)
    );
}
