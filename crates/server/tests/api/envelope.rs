//! The envelope: ids, phases, shapes, names.

use serde_json::{Value, json};
use trunkline_wire::phone::request;

use crate::{
    device::Device,
    frame::{Frame, Kind},
    house::House,
};

/// The answers to one text: up to its last word, and what else comes soon.
async fn answers(device: &mut Device, text: &str) -> Vec<Frame> {
    device.settle().await;
    device.take_all();
    device.send(text).await;
    let last = device.find("the last word", Frame::is_final).await;
    device.settle().await;
    let mut came = device.take_all();
    came.push(last);
    came.retain(|frame| frame.kind != Kind::Event);
    came
}

#[tokio::test]
pub(crate) async fn ids_are_echoed_byte_for_byte_and_phase_1_comes_before_phase_2() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let long = format!("\"{}\"", "i".repeat(255));
    let ids = [
        r#""c14""#,
        "7",
        "-1",
        "1.50",
        "1e3",
        "90071992547409930000",
        r#""""#,
        r#""S1""#,
        r#""c 1,2""#,
        r#""\u0041b\/c\n\"""#,
        r#""日本 😀""#,
        r#""null""#,
        &long,
    ];
    for id in ids {
        let request = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"Ping","params":{{}}}}"#);
        let came = answers(&mut ana, &request).await;
        let kinds: Vec<_> = came.iter().map(|frame| frame.kind).collect();
        assert_eq!(kinds, [Kind::Early, Kind::Late], "{id}: {came:#?}");
        for frame in &came {
            assert!(frame.text.starts_with(&format!("{{\"id\":{id},")), "{id}: {}", frame.text);
        }
    }
}

#[tokio::test]
pub(crate) async fn ids_that_cannot_be_echoed_are_invalid_requests() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let long = format!(r#""id":"{}","#, "i".repeat(256));
    for id in ["", r#""id":null,"#, r#""id":true,"#, r#""id":["c1"],"#, r#""id":{},"#, &long] {
        let came =
            answers(&mut ana, &format!(r#"{{"jsonrpc":"2.0",{id}"method":"Ping","params":{{}}}}"#)).await;
        assert_eq!(came.len(), 1, "{id}: {came:#?}");
        assert_eq!((came[0].id(), came[0].outcome().unwrap_err().code), (&Value::Null, -32600), "{id}");
    }
}

#[tokio::test]
pub(crate) async fn ping_tells_the_session_timeout_in_both_phases() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let (early, late) = ana.both("Ping", json!({})).await;
    let data = |state: &str| json!({"method": "Ping", "state": state, "sessionTimeout": 86_400});
    assert_eq!((early.data(), late.data()), (&data("PROCESSING"), &data("COMPLETE")));
}

#[tokio::test]
pub(crate) async fn methods_with_one_answer_give_one_and_the_two_odd_ones_the_union_of_shapes() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let token = ana.pass.token.clone();
    let params = json!({"gdAuthToken": token, "gdToken": token, "oAuth2Token": token});
    for method in ["SetGDAuthToken", "GetAuthenticationInfo", "SetGDToken", "SetOAuth2Token", "device.List"] {
        let id = ana.next_id();
        let came = answers(&mut ana, &request(&id, method, params.clone())).await;
        assert_eq!(came.len(), 1, "{method}: {came:#?}");
        let answer = &came[0];
        assert!(answer.answers(&id) && answer.kind == Kind::Early, "{method}: {answer:?}");
        assert_eq!(answer.data()["method"], method);
        assert_eq!(answer.data()["state"], "COMPLETE", "{method}");
        if method.starts_with("SetGDToken") || method.starts_with("SetOAuth2Token") {
            let data = json!({"method": method, "state": "COMPLETE", "status": "success"});
            let whole = json!({"id": id, "error": null, "method": method, "state": "COMPLETE",
                "result": {"status": "success", "data": data}, "jsonrpc": "2.0", "background": false});
            assert_eq!(serde_json::from_str::<Value>(&answer.text).unwrap(), whole);
        } else {
            assert!(answer.member("state").is_null(), "{answer:?}");
        }
    }
    let info = ana.well("GetAuthenticationInfo", json!({"gdAuthToken": ana.pass.token.clone()})).await;
    assert_eq!(info["authDataType"], "None");
    assert!(info.get("loginUrl").is_none());
}

#[tokio::test]
pub(crate) async fn methods_and_parameters_have_any_letter_case_and_their_aliases_and_echo_the_name_used() {
    let house = House::open().await;
    let (mut ana, bo) = house.pair("ana", "bo").await;
    let token = ana.pass.token.clone();
    let bo = bo.address.clone();
    let calls = [
        ("pInG", json!({})),
        ("SETPRESENCE", json!({"PRESENCE": "Busy"})),
        ("setpersonalmessage", json!({"MESSAGE": "Audit"})),
        ("SetPersonalMessage", json!({"personalmessage": "Audit"})),
        ("GetContactState", json!({"contactids": [bo]})),
        ("GetContactsState", json!({"contactId": bo})),
        ("DirectorySearch", json!({"KeySearch": "bo", "typesearch": "NAME"})),
        ("SearchDirectory", json!({"keySearch": "bo", "typeSearch": "name"})),
        ("RegisterTempRemotePresence", json!({"contactId": bo})),
        ("UnRegisterTempRemotePresenceSubscription", json!({"contactIds": [bo]})),
        ("unregistertempremotepresence", json!({"contactid": bo})),
        ("BlockContact", json!({"contactIds": [bo]})),
        ("UnblockContact", json!({"contactIds": bo})),
        ("GetContactDetail", json!({"contactID": "BO@Example.Test"})),
        ("SetGDToken", json!({"SetGDToken": token})),
        ("SetGDAuthToken", json!({"GDAUTHTOKEN": token})),
        ("sendmessage", json!({"CONTACTID": "bo@example.test", "MESSAGE": "hi", "MESSAGEID": "any-case"})),
        ("starttyping", json!({"contactid": bo, "CHATID": "x"})),
        ("MAILBOX.sync", json!({"SINCE": 0})),
        ("Conversation.Read", json!({"ContactId": bo})),
    ];
    for (method, params) in calls {
        assert_eq!(ana.well(method, params).await["method"], method);
    }
}

#[tokio::test]
pub(crate) async fn unknown_members_are_ignored_and_unknown_methods_are_not() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    ana.well("Ping", json!({"surprise": {"deep": [1, 2]}, "params": []})).await;
    ana.send(r#"{"extra":1,"params":null,"method":"Ping","id":"x1","jsonrpc":"2.0"}"#).await;
    ana.late("x1").await;
    assert!(ana.refused(-32601, "Pong", json!({})).await.contains("Pong"));
    assert!(ana.refused(-32602, "Ping", json!([])).await.contains("params"));
    ana.refused(-32602, "Ping", json!("x")).await;
    ana.refused(-32602, "Ping", json!(7)).await;
}

#[tokio::test]
pub(crate) async fn methods_that_do_not_exist_yet_answer_1026_in_phase_1() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    let methods = [
        "ScheduleNotification",
        "InviteFileXfer",
        "AcceptFileXfer",
        "DeclineFileXfer",
        "SendFile",
        "ReceiveFile",
        "pc.GetCategories",
        "pc.CreateRoom",
        "pc.UpdateRoom",
        "pc.UpdateRoomUsers",
        "pc.GetRoom",
        "pc.GetMyRooms",
        "pc.SearchRooms",
        "pc.JoinRoom",
        "pc.LeaveRoom",
        "pc.FollowRooms",
        "pc.GetRoomParticipants",
        "pc.SendMessage",
        "pc.GetChatHistory",
        "pc.FileUpload",
        "pc.FileDownload",
    ];
    for method in methods {
        let refused = ana.ask(method, json!({"roomId": "ma-chan://x/y", "message": "m"})).await.unwrap_err();
        assert_eq!((refused.code, refused.kind), (1026, Kind::Early), "{method}");
    }
}

#[tokio::test]
pub(crate) async fn every_method_of_a_session_without_one_answers_1017_in_phase_1() {
    let house = House::open().await;
    let pass = house.pass("ana", "ana-1").await;
    let mut ana = Device::with(&pass, &pass.bare_handshake()).await;
    let contact = json!({"contactId": "sip:bo@example.test", "contactIds": ["sip:bo@example.test"],
        "message": "m", "messageId": "m-1", "requestId": "6f1c3a52-8f5e-4f0a-9d43-0a1b2c3d4e5f", "chatId": "x",
        "status": "delivered", "presence": "busy", "personalMessage": "p", "groupId": "1", "groupName": "g",
        "newGroupName": "h", "keySearch": "an", "typeSearch": "name", "isBackgroundMode": true, "timeout": 1,
        "gdAuthToken": pass.token, "gdToken": pass.token, "oAuth2Token": pass.token});
    let methods = [
        "SetGDAuthToken",
        "SetGDToken",
        "SetOAuth2Token",
        "Ping",
        "NotifyBackground",
        "TerminateSession",
        "SetPresence",
        "SetPersonalMessage",
        "GetContactsState",
        "RegisterTempRemotePresence",
        "UnRegisterTempRemotePresence",
        "GetContactList",
        "GetContactDetail",
        "GetContactPhotos",
        "AddContact",
        "RemoveContact",
        "AddGroup",
        "RenameGroup",
        "RemoveGroup",
        "CopyContactToGroup",
        "RemoveContactFromGroup",
        "BlockContact",
        "UnblockContact",
        "SearchDirectory",
        "StartChat",
        "AcceptChat",
        "DeclineChat",
        "SendMessage",
        "StartTyping",
        "StopTyping",
        "MessageAck",
        "EndChat",
        "mailbox.Sync",
        "conversation.Read",
        "device.List",
        "contact.Block",
        "contact.Unblock",
    ];
    for method in methods {
        let refused = ana.ask(method, contact.clone()).await.unwrap_err();
        assert_eq!((refused.code, refused.kind), (1017, Kind::Early), "{method}: {}", refused.inner);
    }
    let info = ana.well("GetAuthenticationInfo", json!({"gdAuthToken": pass.token})).await;
    assert_eq!(info["authDataType"], "None", "to be asked before BeginSession");
}

#[tokio::test]
pub(crate) async fn missing_parameters_are_1011_and_wrong_ones_1012_in_phase_1() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    house.account("bo").await;
    let bo = "sip:bo@example.test";
    let chat = "6f1c3a52-8f5e-4f0a-9d43-0a1b2c3d4e5f";
    let table = [
        (1011, "SendMessage", json!({"message": "m", "messageId": "m-1"})),
        (1011, "SendMessage", json!({"contactId": bo, "messageId": "m-1"})),
        (1011, "SendMessage", json!({"contactId": bo, "message": null, "messageId": "m-1"})),
        (1011, "SendMessage", json!({"contactId": bo, "message": "m"})),
        (1011, "SendMessage", json!({"contactId": bo, "message": "m", "messageId": ""})),
        (1012, "SendMessage", json!({"contactId": bo, "message": 7, "messageId": "m-1"})),
        (1012, "SendMessage", json!({"contactId": "nobody", "message": "m", "messageId": "m-1"})),
        (1012, "SendMessage", json!({"contactId": bo, "message": "a\u{0}b", "messageId": "m-1"})),
        (1012, "SendMessage", json!({"contactId": bo, "message": "m", "messageId": "m".repeat(256)})),
        (1012, "SendMessage", json!({"contactId": {"a": 1}, "message": "m", "messageId": "m-1"})),
        (1011, "AcceptChat", json!({})),
        (1012, "AcceptChat", json!({"requestId": "not-a-guid"})),
        (1011, "StartChat", json!({"contactId": ""})),
        (1011, "MessageAck", json!({"status": "delivered"})),
        (1011, "MessageAck", json!({"messageId": "m-1"})),
        (1012, "MessageAck", json!({"messageId": "m-1", "status": "read"})),
        (1011, "SetPresence", json!({})),
        (1012, "SetPresence", json!({"presence": "elsewhere"})),
        (1011, "SetPersonalMessage", json!({})),
        (1012, "SetPersonalMessage", json!({"personalMessage": "p".repeat(1001)})),
        (1011, "GetContactsState", json!({"contactIds": []})),
        (1012, "GetContactsState", json!({"contactIds": [7]})),
        (1011, "AddGroup", json!({"groupName": ""})),
        (1012, "AddGroup", json!({"groupName": "  "})),
        (1012, "RemoveGroup", json!({"groupId": "first"})),
        (1011, "SearchDirectory", json!({"typeSearch": "name"})),
        (1012, "SearchDirectory", json!({"keySearch": "a", "typeSearch": "name"})),
        (1011, "NotifyBackground", json!({"timeout": 1})),
        (1011, "NotifyBackground", json!({"isBackgroundMode": true})),
        (1012, "NotifyBackground", json!({"isBackgroundMode": "maybe", "timeout": 1})),
        (1012, "NotifyBackground", json!({"isBackgroundMode": true, "timeout": -1})),
        (1011, "SetGDAuthToken", json!({})),
        (1011, "SetGDToken", json!({"gdToken": "null"})),
        (1012, "mailbox.Sync", json!({"since": -1})),
        (1012, "mailbox.Sync", json!({"limit": 0})),
        (1012, "mailbox.Sync", json!({"limit": 201})),
        (1011, "conversation.Read", json!({})),
        (1011, "contact.Block", json!({})),
        (1012, "Ping", json!({"dependencies": {"a": 1}})),
        (1011, "EndChat", json!({})),
        (1012, "EndChat", json!({"chatId": "not-a-guid"})),
    ];
    for (code, method, params) in table {
        let shown = params.to_string();
        let refused = ana.ask(method, params).await.unwrap_err();
        assert_eq!((refused.code, refused.kind), (code, Kind::Early), "{method} {shown}: {}", refused.inner);
    }
    // What only the store knows comes in phase 2.
    for method in ["AcceptChat", "DeclineChat"] {
        ana.refused(1012, method, json!({"requestId": chat})).await;
    }
    ana.refused(1012, "EndChat", json!({"contactId": chat})).await;
    ana.refused(1012, "conversation.Read", json!({"contactId": bo})).await;
}
