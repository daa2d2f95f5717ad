//! Several devices of one account.

use serde_json::json;
use trunkline_wire::phone::request;

use crate::{
    device::Device,
    house::{House, Pass, sip},
};

#[tokio::test]
pub(crate) async fn each_device_gets_its_copy_and_own_sends_show_on_the_others() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let (mut pad, mut eve) = (house.another("ana", 2).await, house.device("eve").await);
    bo.say(&sip("ana"), "b-1", "to all").await;
    for device in [&mut ana, &mut pad] {
        let frame = device.message("to all").await;
        assert_eq!(frame.data()["method"], "MessageReceived");
        assert_eq!(frame.data()["messageId"], "b-1", "the sender's id, unchanged");
    }
    let sent = ana.say(&sip("bo"), "a-1", "from the phone").await;
    let copy = pad.message("from the phone").await;
    assert_eq!(copy.data()["method"], "MessageSent");
    assert_eq!(copy.data()["direction"], "out");
    assert_eq!((&copy.data()["contactId"], &copy.data()["displayName"]), (&json!(sip("bo")), &json!("Bo")));
    assert_eq!((&copy.data()["messageId"], &copy.data()["chatId"]), (&json!("a-1"), &sent["chatId"]));
    assert_eq!(copy.data()["timestamp"], sent["timestamp"]);
    assert_eq!(bo.message("from the phone").await.data()["method"], "MessageReceived");
    for device in [&mut ana, &mut pad, &mut bo] {
        device.told(&mut eve).await;
    }
    assert!(ana.waiting(&["MessageSent", "MessageReceived"]).is_empty(), "the sender skips its own");
    assert!(bo.waiting(&["MessageSent", "MessageReceived"]).is_empty(), "one copy");
}

#[tokio::test]
pub(crate) async fn invitations_answered_on_one_device_show_on_the_others() {
    let house = House::open().await;
    let (mut ana, mut pad) = (house.device("ana").await, house.another("ana", 2).await);
    let (mut bo, mut eve) = (house.device("bo").await, house.device("eve").await);
    for (method, status, id) in [("DeclineChat", "Declined", "b-1"), ("AcceptChat", "Accepted", "b-2")] {
        bo.say(&sip("ana"), id, "hello?").await;
        let invitation = ana.event("InvitationReceived").await;
        assert_eq!(pad.event("InvitationReceived").await["requestId"], invitation["requestId"]);
        ana.well(method, json!({"requestId": invitation["requestId"]})).await;
        let update = pad.event("InvitationUpdate").await;
        assert_eq!((&update["status"], &update["requestId"]), (&json!(status), &invitation["requestId"]));
        assert_eq!(bo.event("InvitationUpdate").await["status"], status);
        pad.refused(1013, "AcceptChat", json!({"requestId": invitation["requestId"]})).await;
    }
    for device in [&mut ana, &mut pad] {
        assert_eq!(device.event("MessageReceived").await["messageId"], "b-2", "the first, on both");
    }
    ana.well("EndChat", json!({"contactId": sip("bo")})).await;
    assert_eq!(pad.event("ChatEnded").await["contactId"], sip("bo"), "ended on the other device");
    bo.event("ChatEnded").await;
    ana.told(&mut eve).await;
    assert!(ana.waiting(&["InvitationUpdate", "ChatEnded"]).is_empty(), "the acting device needs no telling");
}

#[tokio::test]
pub(crate) async fn an_answer_on_one_device_accepts_on_the_others() {
    let house = House::open().await;
    let (mut ana, mut pad) = (house.device("ana").await, house.another("ana", 2).await);
    let mut bo = house.device("bo").await;
    bo.say(&sip("ana"), "b-1", "hello?").await;
    pad.event("InvitationReceived").await;
    ana.say(&sip("bo"), "a-1", "yes").await;
    assert_eq!(pad.event("InvitationUpdate").await["status"], "Accepted");
    pad.event_that("MessageReceived", |message| message["messageId"] == "b-1").await;
    assert_eq!(pad.event("MessageSent").await["message"], "yes");
}

#[tokio::test]
pub(crate) async fn a_newer_socket_of_a_device_replaces_the_older_with_4001() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut pad = house.another("ana", 2).await;
    let mut newer = Device::opened(&ana.pass, ana.last).await;
    assert_eq!(ana.closed().await, Some(4001));
    assert!(ana.waiting(&["SessionTerminated"]).is_empty(), "the session lives on");
    let mut newest = Device::with(&newer.pass, &newer.pass.bare_handshake()).await;
    newer.settle().await;
    newest.begin().await;
    assert_eq!(newer.closed().await, Some(4001), "also by BeginSession");
    bo.say(&sip("ana"), "b-1", "which one?").await;
    newest.message("which one?").await;
    pad.message("which one?").await;
}

#[tokio::test]
pub(crate) async fn a_batch_that_came_is_carried_out_though_its_socket_is_replaced() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let message = |n: usize| {
        let params =
            json!({"contactId": sip("bo"), "messageId": format!("m-{n}"), "message": format!("text {n}")});
        request(&format!("b{n}"), "SendMessage", params)
    };
    let batch: Vec<_> = (0..200).map(message).collect();
    let last = ana.last;
    ana.send(&format!("[{}]", batch.join(","))).await;
    ana.early("b0").await;
    let mut newer = Device::opened(&ana.pass, last).await;
    for n in 0..200 {
        assert_eq!(bo.event("MessageReceived").await["message"], format!("text {n}"));
        newer.late(&format!("b{n}")).await;
    }
}

#[tokio::test]
pub(crate) async fn device_list_tells_the_accounts_devices_and_no_others() {
    let house = House::open().await;
    let (mut ana, pad) = (house.device("ana").await, house.another("ana", 2).await);
    let _bo = house.device("bo").await;
    let list = ana.well("device.List", json!({})).await["devices"].clone();
    let mut shown: Vec<_> = list.as_array().unwrap().iter().collect();
    shown.sort_by_key(|device| device["thisDevice"] != true);
    assert_eq!(shown.len(), 2, "{list}");
    for (device, row) in [&ana, &pad].into_iter().zip(&shown) {
        assert_eq!(row["deviceId"], device.pass.device_id);
        assert_eq!((&row["platform"], &row["appVersion"]), (&json!("Android"), &json!("1.0")));
        assert_eq!(
            (&row["name"], &row["connected"]),
            (&json!(format!("phone {}", device.pass.device_token)), &json!(true))
        );
        assert!(row["lastSeen"].as_i64().unwrap() > 1_700_000_000_000, "{row}");
    }
    assert_eq!((&shown[0]["thisDevice"], &shown[1]["thisDevice"]), (&json!(true), &json!(false)));
    pad.socket.close(1000).await;
    trunkline_testkit::eventually("the pad shows as gone", async || {
        let mut other = house_eye(&house).await;
        let list = other.well("device.List", json!({})).await["devices"].clone();
        let rows = list.as_array().unwrap().clone();
        rows.iter().any(|row| row["connected"] == false).then_some(()).ok_or(list)
    })
    .await
    .unwrap();
}

/// A fresh device of ana's, to look with.
async fn house_eye(house: &House) -> Device {
    house.another("ana", 3).await
}

/// What tells the story of a mailbox, as a phone was told it.
fn story(device: &mut Device) -> Vec<String> {
    let frames = device.take_all();
    let durable = frames.iter().filter(|frame| frame.data()["mailboxSeq"].is_i64());
    let told = durable.map(|frame| {
        let data = frame.data();
        let what = data["status"].as_str().or(data["messageId"].as_str()).unwrap_or_default();
        format!("{} {what}", data["method"].as_str().unwrap())
    });
    told.collect()
}

#[tokio::test]
async fn a_device_that_was_away_for_long_is_told_everything_that_the_others_did_and_saw() {
    let mut house = House::open().await;
    let (mut ana, mut pad) = (house.device("ana").await, house.another("ana", 2).await);
    let mut away = house.another("ana", 3).await;
    let (mut bo, mut cy) = (house.device("bo").await, house.device("cy").await);
    away.settle().await;
    let last = away.last;
    let pass = away.pass.clone();
    away.socket.cut();
    bo.say(&sip("ana"), "b-1", "hello?").await;
    let invitation = ana.event("InvitationReceived").await;
    ana.well("AcceptChat", json!({"requestId": invitation["requestId"]})).await;
    pad.event("InvitationUpdate").await;
    pad.say(&sip("bo"), "p-1", "from the pad").await;
    ana.message("from the pad").await;
    bo.say(&sip("ana"), "b-2", "and back").await;
    let place = ana.message("and back").await.data()["mailboxSeq"].clone();
    ana.well("conversation.Read", json!({"contactId": sip("bo"), "upTo": place})).await;
    ana.ack("b-2").await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    cy = cy.resumed(-1).await;
    ana = ana.resumed(-1).await;
    ana.well("EndChat", json!({"contactId": sip("bo")})).await;
    let mut away = Device::opened(&pass, last).await;
    away.told(&mut cy).await;
    assert_eq!(
        story(&mut away),
        [
            "InvitationReceived b-1",
            "InvitationUpdate Accepted",
            "MessageReceived b-1",
            "conversation.Read ",
            "MessageSent p-1",
            "MessageReceived b-2",
            "conversation.Read ",
            "ChatEnded ",
        ]
    );
    let list = ana.well("device.List", json!({})).await["devices"].clone();
    let mark = |pass: &Pass| {
        let rows = list.as_array().unwrap().iter();
        let row = rows.clone().find(|row| row["deviceId"] == pass.device_id).unwrap();
        row["acknowledgedSeq"].as_i64().unwrap()
    };
    assert!(mark(&ana.pass) >= place.as_i64().unwrap(), "{list}");
    assert_eq!(mark(&pass), 0, "each device has its own mark: {list}");
}

#[tokio::test]
async fn the_same_install_activated_again_keeps_its_place_and_loses_its_old_token() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut pad = house.another("ana", 2).await;
    let (old, device) = (ana.pass.clone(), ana.pass.device_id.clone());
    let new = house.pass("ana", &old.device_token).await;
    assert_eq!(new.device_id, device, "it is the same device");
    assert_eq!(ana.closed().await, Some(4403));
    assert_eq!(ana.event("SessionTerminated").await["reason"], "revoked");
    bo.say(&sip("ana"), "b-1", "between the tokens").await;
    pad.message("between the tokens").await;
    let mut stale = Device::opened(&old, -1).await;
    stale.refused(1008, "BeginSession", old.begin_params()).await;
    let mut ana = Device::signed_in(&new).await;
    ana.message("between the tokens").await;
    ana.say(&sip("bo"), "a-1", "here again").await;
    pad.message("here again").await;
    bo.message("here again").await;
    assert_eq!(ana.well("device.List", json!({})).await["devices"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_a_socket_has_seen_is_known_without_an_acknowledgement() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let pad = tokio::sync::Mutex::new(house.another("ana", 2).await);
    ana.settle().await;
    bo.say(&sip("ana"), "b-1", "seen, not acknowledged").await;
    let place = ana.message("seen, not acknowledged").await.data()["mailboxSeq"].clone();
    let id = ana.pass.device_id.clone();
    let ana = tokio::sync::Mutex::new(ana);
    trunkline_testkit::eventually("the echo of the Ping says so", async || {
        // A phone echoes a Ping with its next read or write.
        ana.lock().await.settle().await;
        let list = pad.lock().await.well("device.List", json!({})).await["devices"].clone();
        let row = list.as_array().unwrap().iter().find(|row| row["deviceId"] == id).cloned().unwrap();
        assert!(row["acknowledgedSeq"].as_i64() < place.as_i64(), "{row}");
        if row["seenSeq"] == place { Ok(()) } else { Err(row) }
    })
    .await
    .unwrap();
}
