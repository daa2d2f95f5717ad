//! Requests that no app would send: each gets its answer, none is a fault of the relay's own.

use serde_json::{Value, json};
use trunkline_wire::phone::request;

use crate::{
    device::Device,
    house::{House, sip},
};

/// Every method with parameters that are right.
fn right() -> Vec<(&'static str, Value)> {
    let bo = sip("bo");
    let chat = "6f1c3a52-8f5e-4f0a-9d43-0a1b2c3d4e5f";
    vec![
        ("GetAuthenticationInfo", json!({"gdAuthToken": "tl1.x"})),
        ("SetGDAuthToken", json!({"gdAuthToken": "tl1.x"})),
        ("SetGDToken", json!({"gdToken": "tl1.x"})),
        ("SetOAuth2Token", json!({"oAuth2Token": "tl1.x"})),
        ("Ping", json!({"dependencies": "c1", "reconnect": "no"})),
        (
            "NotifyBackground",
            json!({"isBackgroundMode": true, "timeout": 1, "unreadMessageCount": 1, "pushType": "2", "pushMaxLength": 9}),
        ),
        ("ScheduleNotification", json!({"scheduleAt": 1, "tag": "t", "clientData": {}})),
        ("SetPresence", json!({"presence": "busy", "personalMessage": "p"})),
        ("SetPersonalMessage", json!({"personalMessage": "p"})),
        ("GetContactsState", json!({"contactIds": [bo]})),
        ("RegisterTempRemotePresence", json!({"contactId": bo})),
        ("UnRegisterTempRemotePresence", json!({"contactIds": [bo]})),
        ("GetContactList", json!({})),
        ("GetContactDetail", json!({"contactId": bo})),
        ("GetContactPhotos", json!({"contactIds": [bo]})),
        ("AddContact", json!({"contactId": bo, "groupId": "1"})),
        ("RemoveContact", json!({"contactId": bo})),
        ("AddGroup", json!({"groupName": "g"})),
        ("RenameGroup", json!({"groupId": "1", "newGroupName": "h"})),
        ("RemoveGroup", json!({"groupId": "1"})),
        ("CopyContactToGroup", json!({"contactId": bo, "groupId": "1"})),
        ("RemoveContactFromGroup", json!({"contactId": bo, "groupId": "1"})),
        ("BlockContact", json!({"contactIds": [bo]})),
        ("UnblockContact", json!({"contactIds": [bo]})),
        ("SearchDirectory", json!({"keySearch": "bo", "typeSearch": "name"})),
        ("StartChat", json!({"contactId": bo})),
        ("AcceptChat", json!({"requestId": chat})),
        ("DeclineChat", json!({"requestId": chat})),
        ("SendMessage", json!({"contactId": bo, "message": "m", "messageId": "m-1"})),
        ("StartTyping", json!({"contactId": bo, "chatId": chat})),
        ("StopTyping", json!({"contactId": bo, "chatId": chat})),
        ("MessageAck", json!({"messageId": "m-1", "status": "delivered", "contactId": bo})),
        ("EndChat", json!({"contactId": bo})),
        ("mailbox.Sync", json!({"epoch": 1, "since": 0, "limit": 10})),
        ("conversation.Read", json!({"contactId": bo, "upTo": 1})),
        ("device.List", json!({})),
        ("contact.Block", json!({"contactId": bo})),
        ("contact.Unblock", json!({"contactId": bo})),
        ("pc.SendMessage", json!({"roomId": "r", "message": "m", "messageId": "m"})),
        (
            "BeginSession",
            json!({"presence": "away", "personalMessage": "p", "deviceToken": "ana-1", "imPassword": "x"}),
        ),
    ]
}

fn odd_values() -> Vec<Value> {
    let long = "x".repeat(3_000);
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(0.5),
        json!(""),
        json!(" "),
        json!("-9223372036854775808"),
        json!("a\u{0}b"),
        json!("\u{202e}\u{feff}\u{10ffff}"),
        json!("' OR 1=1 --"),
        json!("sip:%00@example.test"),
        json!("sip:bo@example.test;transport=tcp"),
        json!("sip:\"bo\"@[::1]"),
        json!(long),
        json!(format!("{long}@{long}")),
        json!([]),
        json!([[]]),
        json!([null, 1, "x"]),
        json!(vec!["sip:bo@example.test"; 1_001]),
        json!({}),
        json!({"a": {"b": [1]}}),
    ]
}

#[tokio::test]
pub(crate) async fn every_request_gets_an_answer_whatever_its_parameters_are() {
    let house = House::with(&[("REQUEST_RATE", "1000000"), ("REQUEST_BURST", "1000000")]).await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    for (method, params) in right() {
        let names: Vec<_> = params.as_object().unwrap().keys().cloned().collect();
        for name in names {
            for odd in odd_values() {
                let mut params = params.clone();
                params[&name] = odd;
                let shown = format!("{method} {:.200}", params.to_string());
                let answer = ana.ask(method, params).await;
                if let Err(refused) = answer {
                    assert!(refused.code != 1005, "{shown}: {refused:?}");
                    assert!(refused.inner.len() < 2_000, "{shown}: {} bytes of words", refused.inner.len());
                }
            }
        }
    }
    bo.settle().await;
    assert!(!house.relay.log().contains("panicked"), "{}", house.relay.log());
}

/// A small generator, so that a failure comes again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    /// A few bytes of a text gone, doubled, or another.
    fn damaged(&mut self, text: &str) -> String {
        const PIECES: [&[u8]; 12] =
            [b"{", b"}", b"[", b"]", b"\"", b"\\", b"\\u", b",", b":", b"null", b"1e9", b"\xf0\x9f"];
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(3) {
            if bytes.is_empty() {
                break;
            }
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => drop(bytes.remove(at)),
                1 => bytes.truncate(at.max(1)),
                2 => drop(bytes.splice(at..at, PIECES[self.below(PIECES.len())].iter().copied())),
                _ => bytes[at] = u8::try_from(self.below(128)).unwrap(),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[tokio::test]
pub(crate) async fn damaged_requests_end_neither_the_relay_nor_the_session() {
    let house = House::with(&[("REQUEST_RATE", "1000000"), ("REQUEST_BURST", "1000000")]).await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let session = ana.begin().await["sessionId"].clone();
    let requests: Vec<_> = right().into_iter().map(|(method, params)| request("d", method, params)).collect();
    let mut dice = Dice(0x7472_756e_6b6c_696e);
    for round in 0..2_000 {
        let text = dice.damaged(&requests[round % requests.len()]);
        ana.send(&text).await;
        if round % 50 == 0 {
            settled(&mut ana).await;
        }
    }
    settled(&mut ana).await;
    assert_eq!(ana.begin().await["sessionId"], session);
    bo.settle().await;
    assert!(!house.relay.log().contains("panicked"), "{}", house.relay.log());
}

async fn settled(device: &mut Device) {
    device.settle().await;
    device.take_all();
}
