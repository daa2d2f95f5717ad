//! `mailbox.Sync` and `conversation.Read`.

use serde_json::{Value, json};

use crate::{
    device::Device,
    house::{House, sip},
};

async fn page(device: &mut Device, params: Value) -> (Vec<Value>, Value) {
    let data = device.well("mailbox.Sync", params).await;
    (data["entries"].as_array().unwrap().clone(), data)
}

#[tokio::test]
pub(crate) async fn the_mailbox_is_read_in_pages_and_the_place_asked_from_is_acknowledged() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let start = bo.begin().await["mailboxHead"].as_i64().unwrap();
    for n in 1..=5 {
        ana.say(&sip("bo"), &format!("m-{n}"), &format!("text {n}")).await;
    }
    bo.say(&sip("ana"), "b-1", "my own").await;
    bo.message("text 5").await;
    let (mut since, mut texts) = (start, Vec::new());
    loop {
        let (entries, data) = page(&mut bo, json!({"since": since, "limit": 2})).await;
        assert!(entries.len() <= 2 && data["reset"].is_null(), "{data}");
        for entry in &entries {
            assert!(entry["mailboxSeq"].as_i64().unwrap() > since, "{entry}");
            assert_eq!(entry["epoch"], data["epoch"]);
            texts.push(entry["message"].clone());
        }
        since = data["next"].as_i64().unwrap();
        if data["more"] == false {
            break;
        }
    }
    assert_eq!(texts, ["text 1", "text 2", "text 3", "text 4", "text 5"], "without the device's own acts");
    for n in 1..=5 {
        ana.event_that("MessageAck", |ack| ack["messageId"] == format!("m-{n}")).await;
    }
    let (entries, data) = page(&mut bo, json!({"since": since})).await;
    assert_eq!((entries.len(), &data["next"], &data["more"]), (0, &json!(since), &json!(false)));
    let mut bo = bo.resumed(-1).await;
    ana.say(&sip("bo"), "m-6", "marker").await;
    bo.message("marker").await;
    assert!(bo.waiting(&["MessageReceived"]).is_empty(), "what was synced is acknowledged");
}

#[tokio::test]
pub(crate) async fn another_epoch_resets_to_the_beginning_and_acknowledges_nothing() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    ana.say(&sip("bo"), "m-1", "one").await;
    bo.message("one").await;
    let epoch = bo.begin().await["epoch"].clone();
    let head = bo.begin().await["mailboxHead"].as_i64().unwrap();
    let (entries, data) = page(&mut bo, json!({"epoch": epoch.as_i64().unwrap() + 1, "since": head})).await;
    assert_eq!(
        (&data["reset"], &data["epoch"]),
        (&json!("epoch"), &epoch),
        "the phone's epoch is another one"
    );
    assert!(entries.iter().any(|entry| entry["message"] == "one"), "read from the beginning: {entries:#?}");
    let mut bo = bo.resumed(-1).await;
    bo.message("one").await;
    let (entries, data) = page(&mut bo, json!({"epoch": epoch, "since": head + 1_000_000})).await;
    assert!(entries.is_empty() && data["reset"].is_null(), "{data}");
    assert_eq!(data["next"], head, "beyond the head is the head");
}

#[tokio::test]
pub(crate) async fn a_new_device_can_read_what_was_before_it() {
    let house = House::open().await;
    let (mut ana, _bo) = house.pair("ana", "bo").await;
    ana.say(&sip("bo"), "m-1", "before").await;
    let mut pad = house.another("ana", 2).await;
    let (entries, _) = page(&mut pad, json!({"since": 0})).await;
    let sent: Vec<_> = entries.iter().filter(|entry| entry["method"] == "MessageSent").collect();
    assert_eq!(sent.len(), 2, "{entries:#?}");
    assert_eq!((&sent[1]["message"], &sent[1]["direction"]), (&json!("before"), &json!("out")));
}

#[tokio::test]
pub(crate) async fn reading_moves_forward_only_and_tells_the_other_devices() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut pad = house.another("bo", 2).await;
    let mut places = Vec::new();
    for n in 1..=3 {
        ana.say(&sip("bo"), &format!("m-{n}"), &format!("text {n}")).await;
        places.push(bo.message(&format!("text {n}")).await.data()["mailboxSeq"].as_i64().unwrap());
    }
    let read = bo.well("conversation.Read", json!({"contactId": sip("ana"), "upTo": places[1]})).await;
    assert_eq!((&read["upTo"], &read["unread"]), (&json!(places[1]), &json!(1)));
    let told = pad.event("conversation.Read").await;
    assert_eq!(
        (&told["contactId"], &told["upTo"], &told["unread"]),
        (&json!(sip("ana")), &json!(places[1]), &json!(1))
    );
    let back = bo.well("conversation.Read", json!({"contactId": sip("ana"), "upTo": places[0]})).await;
    assert_eq!((&back["upTo"], &back["unread"]), (&json!(places[1]), &json!(1)), "only forward");
    let all = pad.well("conversation.Read", json!({"contactId": sip("ana")})).await;
    assert_eq!(all["unread"], 0);
    let told = bo.event("conversation.Read").await;
    assert_eq!(told["unread"], 0);
    assert!(pad.waiting(&["conversation.Read"]).is_empty(), "the first step back told nobody anything");

    ana.say(&sip("bo"), "m-4", "text 4").await;
    pad.message("text 4").await;
    bo.say(&sip("ana"), "b-1", "replying counts as reading").await;
    assert_eq!(pad.event("conversation.Read").await["unread"], 0);
    ana.say(&sip("bo"), "m-5", "marker").await;
    bo.message("marker").await;
    assert!(bo.waiting(&["conversation.Read"]).is_empty(), "the reading device needs no telling");
    bo.refused(1026, "conversation.Read", json!({"roomId": "ma-chan://example.test/1"})).await;
}

#[tokio::test]
pub(crate) async fn no_frame_to_the_phone_is_over_1_mib() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let head = bo.begin().await["mailboxHead"].as_i64().unwrap();
    let text = "😀".repeat(8_000);
    for n in 0..60 {
        ana.say(&sip("bo"), &format!("m-{n}"), &text).await;
    }
    let (mut since, mut count) = (head, 0);
    loop {
        let id = bo.post("mailbox.Sync", json!({"since": since, "limit": 200})).await;
        let answer = bo.early(&id).await;
        assert!(answer.text.len() <= 1 << 20, "{} bytes", answer.text.len());
        let data = answer.outcome().unwrap();
        count += data["entries"].as_array().unwrap().len();
        since = data["next"].as_i64().unwrap();
        if data["more"] == false {
            break;
        }
    }
    assert_eq!(count, 60);
}

#[tokio::test]
pub(crate) async fn reading_goes_no_further_than_the_mailbox() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let head = bo.begin().await["mailboxHead"].as_i64().unwrap();
    let read = bo.well("conversation.Read", json!({"contactId": sip("ana"), "upTo": head + 1_000})).await;
    assert!(read["upTo"].as_i64().unwrap() <= head + 1, "{read}");
    ana.say(&sip("bo"), "m-1", "later").await;
    bo.message("later").await;
    let read = bo.well("conversation.Read", json!({"contactId": sip("ana"), "upTo": 0})).await;
    assert_eq!(read["unread"], 1, "what came after was not read in advance");
}
