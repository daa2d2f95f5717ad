//! Invitations and what becomes of them.

use serde_json::json;

use crate::house::{House, sip};

#[tokio::test]
pub(crate) async fn the_first_message_invites_and_later_ones_arrive_at_once_until_accept_gives_the_first() {
    let house = House::open().await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    let (early, late) = ana
        .both("SendMessage", json!({"contactId": sip("bo"), "messageId": "m-1", "message": "Door code?"}))
        .await;
    assert!(early.data()["timestamp"].is_i64(), "{early:?}");
    let sent = late.data().clone();
    assert_eq!(sent["messageId"], "m-1");

    let invitation = bo.event("InvitationReceived").await;
    assert_eq!(invitation["contactId"], ana.address);
    assert_eq!(invitation["displayName"], "Ana");
    assert_eq!((&invitation["message"], &invitation["messageId"]), (&json!("Door code?"), &json!("m-1")));
    assert_eq!(invitation["timestamp"], sent["timestamp"]);
    assert_eq!(invitation["requestId"], invitation["chatId"]);
    assert_eq!(invitation["chatId"], sent["chatId"]);
    assert!(invitation["mailboxSeq"].is_i64() && invitation["epoch"].is_i64(), "{invitation}");

    ana.say(&sip("bo"), "m-2", "Anyone?").await;
    let second = bo.event("MessageReceived").await;
    assert_eq!(second["message"], "Anyone?", "a further message of a pending conversation comes at once");

    let (early, late) = bo.both("AcceptChat", json!({"requestId": invitation["requestId"]})).await;
    assert_eq!(early.data()["chatId"], invitation["requestId"], "chatId is requestId in phase 1");
    assert_eq!(late.data()["chatId"], invitation["requestId"], "and in phase 2");
    let first = bo.event("MessageReceived").await;
    assert_eq!((&first["message"], &first["messageId"]), (&json!("Door code?"), &json!("m-1")));
    assert_eq!(first["chatId"], invitation["chatId"]);
    let update = ana.event("InvitationUpdate").await;
    assert_eq!((&update["status"], &update["contactId"]), (&json!("Accepted"), &json!(bo.address)));
    assert_eq!(update["requestId"], invitation["requestId"]);

    ana.say(&sip("bo"), "m-3", "Open now").await;
    let third = bo.message("Open now").await;
    assert_eq!(third.data()["method"], "MessageReceived", "an accepted conversation stays open");
    let refused = bo.refused(1013, "AcceptChat", json!({"requestId": invitation["requestId"]})).await;
    assert!(refused.contains("already-answered"), "{refused}");
}

#[tokio::test]
pub(crate) async fn an_answer_accepts() {
    let house = House::open().await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    ana.say(&sip("bo"), "m-1", "Lunch?").await;
    let invitation = bo.event("InvitationReceived").await;
    let answer = bo.say(&ana.address, "b-1", "Yes").await;
    assert_eq!(answer["chatId"], invitation["chatId"], "the answer belongs to the conversation");
    assert_eq!(
        bo.event("MessageReceived").await["message"],
        "Lunch?",
        "the first message, as after AcceptChat"
    );
    assert_eq!(ana.event("InvitationUpdate").await["status"], "Accepted");
    let received = ana.message("Yes").await;
    assert_eq!(received.data()["method"], "MessageReceived", "an answer is no invitation");
    bo.refused(1013, "DeclineChat", json!({"requestId": invitation["requestId"]})).await;
}

#[tokio::test]
pub(crate) async fn after_decline_or_end_the_next_message_invites_anew() {
    let house = House::open().await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    ana.say(&sip("bo"), "m-1", "first").await;
    let first = bo.event("InvitationReceived").await;
    bo.well("DeclineChat", json!({"requestId": first["requestId"]})).await;
    let declined = ana.event("InvitationUpdate").await;
    assert_eq!((&declined["status"], &declined["chatId"]), (&json!("Declined"), &first["chatId"]));
    bo.refused(1013, "DeclineChat", json!({"requestId": first["requestId"]})).await;

    ana.say(&sip("bo"), "m-2", "second").await;
    let second = bo.message("second").await;
    assert_eq!(second.data()["method"], "InvitationReceived", "after a decline");
    assert_ne!(second.data()["chatId"], first["chatId"]);
    bo.well("AcceptChat", json!({"requestId": second.data()["requestId"]})).await;
    assert_eq!(ana.event("InvitationUpdate").await["status"], "Accepted");

    ana.well("EndChat", json!({"contactId": sip("bo")})).await;
    assert_eq!(bo.event("ChatEnded").await["contactId"], ana.address);
    bo.say(&ana.address, "b-1", "third").await;
    let third = ana.message("third").await;
    assert_eq!(third.data()["method"], "InvitationReceived", "after an end");
    ana.well("AcceptChat", json!({"requestId": third.data()["requestId"]})).await;
    bo.well("EndChat", json!({"contactId": third.data()["chatId"]})).await;
    assert_eq!(ana.event("ChatEnded").await["chatId"], third.data()["chatId"], "a chatId ends it too");
    bo.well("EndChat", json!({"contactId": ana.address})).await;
}

#[tokio::test]
pub(crate) async fn start_chat_invites_without_a_message() {
    let house = House::open().await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    let (early, late) = ana.both("StartChat", json!({"contactId": "BO@example.test"})).await;
    assert!(early.data()["timestamp"].is_i64(), "{early:?}");
    let started = late.data();
    assert!(started["timestamp"].is_i64(), "{started}");
    assert_eq!(started["requestIds"], started["requestId"]);
    assert_eq!(started["requestIds"], started["chatId"]);
    let invitation = bo.event("InvitationReceived").await;
    assert_eq!(invitation["requestId"], started["requestId"]);
    assert_eq!((&invitation["message"], &invitation["messageId"]), (&json!(""), &json!("")));
    let again = ana.well("StartChat", json!({"contactId": sip("bo")})).await;
    assert_eq!(again["chatId"], started["chatId"], "a conversation that stands is kept");
    ana.say(&sip("bo"), "m-1", "now").await;
    assert_eq!(bo.message("now").await.data()["method"], "MessageReceived");
    bo.well("AcceptChat", json!({"requestId": invitation["requestId"]})).await;
    assert_eq!(ana.event("InvitationUpdate").await["status"], "Accepted");
}

#[tokio::test]
pub(crate) async fn a_conversation_stays_open_over_a_kill() {
    let mut house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    (ana, bo) = (ana.resumed(-1).await, bo.resumed(-1).await);
    ana.say(&sip("bo"), "m-1", "still here").await;
    assert_eq!(bo.message("still here").await.data()["method"], "MessageReceived");
    bo.settle().await;
}

#[tokio::test]
pub(crate) async fn typing_takes_any_chat_id_and_no_wrong_contact() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let chat = ana.say(&sip("bo"), "m-1", "hm").await["chatId"].clone();
    for (asked, told) in [("StartTyping", "StartTyping"), ("StopTyping", "StopTyping")] {
        for id in [chat.clone(), json!("wrong"), json!("")] {
            ana.well(asked, json!({"contactId": sip("bo"), "chatId": id})).await;
            let event = bo.event(told).await;
            assert_eq!((&event["contactId"], &event["chatId"]), (&json!(ana.address), &chat));
        }
        ana.refused(1012, asked, json!({"contactId": sip("nobody"), "chatId": chat})).await;
    }
}

#[tokio::test]
pub(crate) async fn unreachable_people_are_1012_with_the_reason() {
    let backend = r#"<backend kind="xmpp" domain="corp.test" host="127.0.0.1" port="9" />"#;
    let builder = trunkline_testkit::Relay::of(env!("CARGO_BIN_EXE_trunkline")).backend(backend);
    let house = House::of(builder.start().await.unwrap());
    let mut ana = house.device("ana").await;
    for who in ["sip:nobody@example.test", "sip:bo@corp.test", "sip:ana@example.test"] {
        let message = json!({"contactId": who, "messageId": who, "message": "m"});
        let why = ana.refused(1012, "SendMessage", message).await;
        assert!(why.contains(who) || why.contains("itself"), "{who}: {why}");
        ana.refused(1012, "StartChat", json!({"contactId": who})).await;
    }
}
