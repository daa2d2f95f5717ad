//! Messages: receipts, repeats, and ids that are the sender's.

use serde_json::{Value, json};

use crate::{
    device::Device,
    house::{House, sip},
};

fn acks(device: &Device) -> Vec<Value> {
    device.waiting(&["MessageAck"]).iter().map(|frame| frame.data()["messageId"].clone()).collect()
}

#[tokio::test]
pub(crate) async fn a_receipt_reaches_all_devices_of_the_writer_once() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let (mut bob, mut pad) = (house.another("bo", 2).await, house.another("ana", 2).await);
    let mut eve = house.device("eve").await;
    let chat = ana.say(&sip("bo"), "m-1", "one").await["chatId"].clone();
    ana.say(&sip("bo"), "m-2", "two").await;
    for device in [&mut bo, &mut bob] {
        device.message("two").await;
    }
    bo.ack("m-2").await;
    for device in [&mut ana, &mut pad] {
        for id in ["m-1", "m-2"] {
            let ack = device.event_that("MessageAck", |ack| ack["messageId"] == id).await;
            assert_eq!((&ack["contactId"], &ack["status"]), (&json!(sip("bo")), &json!("delivered")));
            assert_eq!(ack["chatId"], chat);
        }
    }
    bob.ack("m-1").await;
    bob.ack("m-2").await;
    bo.ack("m-2").await;
    ana.told(&mut eve).await;
    assert!(acks(&ana).is_empty(), "told once, whichever device is first: {:?}", acks(&ana));
    bo.ack("never-heard-of").await;
}

#[tokio::test]
pub(crate) async fn two_senders_may_use_the_same_id() {
    let house = House::open().await;
    let (mut ana, mut cy, mut bo) =
        (house.device("ana").await, house.device("cy").await, house.device("bo").await);
    let mut eve = house.device("eve").await;
    for sender in [&mut ana, &mut cy] {
        let text = format!("from {}", sender.address);
        sender.say(&sip("bo"), "m-1", &text).await;
        bo.message(&text).await;
    }
    bo.well("MessageAck", json!({"messageId": "m-1", "status": "delivered", "contactId": sip("ana")})).await;
    ana.event("MessageAck").await;
    cy.told(&mut eve).await;
    assert!(acks(&cy).is_empty(), "only one sender's when contactId is given");
    bo.ack("m-1").await;
    cy.event("MessageAck").await;

    for sender in [&mut ana, &mut cy] {
        let text = format!("again from {}", sender.address);
        sender.say(&sip("bo"), "m-2", &text).await;
        bo.message(&text).await;
    }
    bo.well("MessageAck", json!({"messageId": "m-2", "status": "DELIVERED"})).await;
    for sender in [&mut ana, &mut cy] {
        sender.event_that("MessageAck", |ack| ack["messageId"] == "m-2").await;
    }
    let mut bo = bo.resumed(-1).await;
    bo.told(&mut eve).await;
    let again = bo.waiting(&["MessageReceived", "InvitationReceived"]);
    assert!(again.is_empty(), "every entry of that id is closed: {again:#?}");
}

#[tokio::test]
pub(crate) async fn a_message_sent_five_times_is_one_message() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut eve = house.device("eve").await;
    let message = json!({"contactId": sip("bo"), "messageId": "m-1", "message": "once"});
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(ana.post("SendMessage", message.clone()).await);
    }
    let mut answers = Vec::new();
    for id in &ids {
        answers.push(ana.last_word(id).await.unwrap());
    }
    let first = answers.iter().find(|answer| answer.get("dup").is_none()).unwrap().clone();
    assert_eq!(answers.iter().filter(|answer| answer["dup"] == true).count(), 4, "{answers:#?}");
    for answer in &answers {
        assert_eq!((&answer["chatId"], &answer["timestamp"]), (&first["chatId"], &first["timestamp"]));
    }
    bo.message("once").await;
    bo.told(&mut eve).await;
    assert!(bo.waiting(&["MessageReceived"]).is_empty());
    let mut ana = ana.resumed(-1).await;
    assert_eq!(ana.well("SendMessage", message).await["dup"], true, "from another socket");
}

#[tokio::test]
pub(crate) async fn the_same_id_with_another_text_or_contact_is_1012_and_belongs_to_its_device_alone() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut pad = house.another("ana", 2).await;
    let mut cy = house.device("cy").await;
    ana.say(&sip("bo"), "m-1", "first").await;
    let why = ana
        .refused(1012, "SendMessage", json!({"contactId": sip("bo"), "messageId": "m-1", "message": "other"}))
        .await;
    assert!(why.contains("message-id-reused"), "{why}");
    ana.refused(1012, "SendMessage", json!({"contactId": sip("cy"), "messageId": "m-1", "message": "first"}))
        .await;
    assert!(pad.say(&sip("bo"), "m-1", "from the pad").await.get("dup").is_none());
    bo.message("first").await;
    bo.message("from the pad").await;
    cy.say(&sip("bo"), "m-1", "from somebody else").await;
    bo.message("from somebody else").await;
}

#[tokio::test]
pub(crate) async fn a_repeat_over_a_kill_is_known() {
    let mut house = House::open().await;
    let (ana, bo) = house.pair("ana", "bo").await;
    let message = json!({"contactId": sip("bo"), "messageId": "m-1", "message": "sure"});
    let (mut ana, last) = (ana, bo.last);
    let first = ana.well("SendMessage", message.clone()).await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let (mut ana, mut bo) = (ana.resumed(-1).await, bo.resumed(last).await);
    let again = ana.well("SendMessage", message).await;
    assert_eq!((&again["dup"], &again["timestamp"]), (&json!(true), &first["timestamp"]));
    bo.message("sure").await;
    ana.say(&sip("bo"), "m-2", "marker").await;
    bo.message("marker").await;
    let twice =
        bo.waiting(&["MessageReceived"]).iter().filter(|frame| frame.data()["message"] == "sure").count();
    assert_eq!(twice, 0);
}

#[tokio::test]
pub(crate) async fn texts_arrive_exactly_as_they_were_written() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let texts = [
        "\u{feff}BOM, \u{202e}right to left, \u{200d}joiner",
        "<b>&amp;</b> \"quoted\" \\ 'single' `${x}` %s %00",
        "line\r\nfeed\ttab \u{1}\u{7f}\u{85}",
        "👩‍👩‍👧‍👦 e\u{301} é ﷽ 𝕏",
        "'; DROP TABLE messages; --",
        "null",
        " leading and trailing ",
    ];
    for (n, text) in texts.iter().enumerate() {
        ana.say(&sip("bo"), &format!("m/{n} ü"), text).await;
        assert_eq!(bo.message(text).await.data()["messageId"], format!("m/{n} ü"));
    }
}

#[tokio::test]
pub(crate) async fn a_message_that_was_acknowledged_while_its_invitation_was_pending_gives_one_receipt() {
    let house = House::open().await;
    let (mut ana, mut bo) = (house.device("ana").await, house.device("bo").await);
    let mut eve = house.device("eve").await;
    ana.say(&sip("bo"), "m-1", "knock").await;
    let invitation = bo.event("InvitationReceived").await;
    bo.ack("m-1").await;
    ana.event("MessageAck").await;
    bo.well("AcceptChat", json!({"requestId": invitation["requestId"]})).await;
    bo.event("MessageReceived").await;
    bo.ack("m-1").await;
    ana.told(&mut eve).await;
    assert!(acks(&ana).is_empty(), "the same message, though another entry");
}

#[tokio::test]
pub(crate) async fn somebody_without_any_device_gets_everything_with_the_first_one() {
    let house = House::open().await;
    let mut ana = house.device("ana").await;
    house.account("bo").await;
    for n in 1..=3 {
        ana.say(&sip("bo"), &format!("m-{n}"), &format!("text {n}")).await;
    }
    let mut bo = house.device("bo").await;
    assert_eq!(bo.event("InvitationReceived").await["message"], "text 1");
    for n in 2..=3 {
        assert_eq!(bo.event("MessageReceived").await["message"], format!("text {n}"));
    }
    bo.ack("m-3").await;
    let mut pad = house.another("bo", 2).await;
    ana.say(&sip("bo"), "m-4", "to both").await;
    pad.message("to both").await;
    let before = pad.waiting(&["InvitationReceived", "MessageReceived"]);
    assert!(before.is_empty(), "a second device begins where the first has got to: {before:#?}");
}
