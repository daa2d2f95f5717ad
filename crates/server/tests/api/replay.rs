//! A phone that was away misses nothing and gets nothing twice.

use serde_json::json;
use trunkline_client::{Handshake, Incoming};
use trunkline_wire::phone::request;

use crate::{
    device::Device,
    frame::{Frame, Kind},
    house::{House, sip},
};

/// What tells a frame apart: its id and its sequence.
fn mark(frame: &Frame) -> (String, i64) {
    (frame.id().to_string(), frame.sequence())
}

#[tokio::test]
pub(crate) async fn what_came_after_the_sequence_is_replayed_with_its_id_and_sequence_without_a_request() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut marks = Vec::new();
    for n in 1..=4 {
        let text = format!("text {n}");
        ana.say(&sip("bo"), &format!("m-{n}"), &text).await;
        marks.push(mark(&bo.message(&text).await));
    }
    let mut bo = bo.resumed(marks[1].1).await;
    for n in 3..=4 {
        let frame = bo.message(&format!("text {n}")).await;
        assert_eq!(mark(&frame), marks[n - 1], "as it was told before");
    }
    ana.say(&sip("bo"), "m-5", "live").await;
    bo.message("live").await;
    bo.begin().await;
    ana.say(&sip("bo"), "m-6", "after").await;
    bo.message("after").await;
    let twice = bo.waiting(&["MessageReceived", "InvitationReceived"]);
    assert!(twice.is_empty(), "BeginSession replays nothing twice, and 1 and 2 were seen: {twice:#?}");
}

#[tokio::test]
pub(crate) async fn binding_needs_the_token_and_a_begin_session_on_an_unbound_socket_replays() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    bo.settle().await;
    let (pass, last) = (bo.pass.clone(), bo.last);
    bo.socket.cut();
    ana.say(&sip("bo"), "m-1", "while away").await;
    let cookie = ("cookie".to_owned(), "sessionId=0123456789abcdef0123456789abcdef".to_owned());
    let unbound = Handshake { sequence: last, extra: vec![cookie], ..pass.bare_handshake() };
    let mut bo = Device::with(&pass, &unbound).await;
    bo.refused(1017, "Ping", json!({})).await;
    assert!(bo.waiting(&["MessageReceived"]).is_empty(), "a cookie alone never binds");
    bo.begin().await;
    bo.message("while away").await;
}

#[tokio::test]
pub(crate) async fn without_a_sequence_all_that_is_not_acknowledged_comes_again() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    for n in 1..=4 {
        ana.say(&sip("bo"), &format!("m-{n}"), &format!("text {n}")).await;
        bo.message(&format!("text {n}")).await;
    }
    bo.ack("m-2").await;
    for header in ["-1", "garbage", "", "99999999999999999999", "42", "9007199254740991"] {
        let pass = bo.pass.clone();
        let mut handshake = pass.handshake();
        // The later of two headers of a name would count; this one replaces the client's own.
        handshake.extra.push(("sequence".to_owned(), header.to_owned()));
        bo.socket.cut();
        bo = Device::with(&pass, &handshake).await;
        bo.message("text 4").await;
        let earlier = bo.waiting(&["MessageReceived", "InvitationReceived"]);
        let texts: Vec<_> = earlier.iter().map(|frame| frame.data()["message"].clone()).collect();
        assert_eq!(texts, ["text 3"], "{header}: everything before an acknowledged message counts as seen");
    }
}

#[tokio::test]
pub(crate) async fn the_sequence_at_the_opening_acknowledges() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    ana.say(&sip("bo"), "m-1", "one").await;
    let seen = bo.message("one").await.sequence();
    ana.say(&sip("bo"), "m-2", "two").await;
    bo.message("two").await;
    let mut bo = bo.resumed(seen).await;
    bo.message("two").await;
    ana.event_that("MessageAck", |ack| ack["messageId"] == "m-1").await;
    let mut bo = bo.resumed(-1).await;
    bo.message("two").await;
    assert!(bo.waiting(&["MessageReceived"]).is_empty(), "one was acknowledged by the sequence");
}

#[tokio::test]
pub(crate) async fn completions_that_were_lost_come_again_and_typing_does_not() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    ana.settle().await;
    let last = ana.last;
    let message = json!({"contactId": sip("bo"), "messageId": "m-1", "message": "lost?"});
    ana.send(&request("lost-1", "SendMessage", message)).await;
    bo.message("lost?").await;
    ana.send(&request("lost-2", "Ping", json!({}))).await;
    let first = ana.late("lost-1").await;
    let second = ana.late("lost-2").await;
    bo.well("StartTyping", json!({"contactId": ana.address, "chatId": ""})).await;
    ana.event("StartTyping").await;
    let mut ana = ana.resumed(last).await;
    assert_eq!(ana.late("lost-1").await.text, first.text);
    assert_eq!(ana.late("lost-2").await.text, second.text);
    bo.say(&ana.address.clone(), "b-1", "marker").await;
    ana.message("marker").await;
    assert!(ana.waiting(&["StartTyping"]).is_empty());
}

#[tokio::test]
pub(crate) async fn replays_keep_the_order_of_completions_and_events() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    ana.settle().await;
    let last = ana.last;
    let mut told = Vec::new();
    for n in 0..10 {
        bo.say(&ana.address.clone(), &format!("b-{n}"), &format!("text {n}")).await;
        told.push(ana.message(&format!("text {n}")).await.text);
        let (_, late) = ana.both("Ping", json!({})).await;
        told.push(late.text);
    }
    let mut ana = ana.resumed(last).await;
    bo.say(&ana.address.clone(), "b-x", "marker").await;
    ana.message("marker").await;
    let replayed = ana.take_all().into_iter().filter(|frame| frame.kind != Kind::Early);
    let names = ["ContactUpdate", "LineStateChanged"];
    let replayed: Vec<_> = replayed
        .filter(|frame| !names.iter().any(|name| frame.data()["method"] == *name))
        .map(|frame| frame.text)
        .collect();
    assert_eq!(replayed, told);
}

#[tokio::test]
pub(crate) async fn after_a_kill_what_was_not_acknowledged_comes_under_new_sequences() {
    let mut house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    bo.ack("hello-sip:bo@example.test").await;
    for n in 1..=3 {
        ana.say(&sip("bo"), &format!("m-{n}"), &format!("text {n}")).await;
        bo.message(&format!("text {n}")).await;
    }
    bo.ack("m-1").await;
    let (last, session) = (bo.last, bo.begin().await["sessionId"].clone());
    let events = bo.events;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let mut bo = bo.resumed(last).await;
    for n in 2..=3 {
        let frame = bo.message(&format!("text {n}")).await;
        assert!(frame.sequence() > last, "{frame:?}");
        assert!(frame.event_number() > Some(events), "no number comes twice: {frame:?}");
        assert_eq!(frame.data()["messageId"], format!("m-{n}"));
    }
    assert!(bo.waiting(&["MessageReceived", "InvitationReceived"]).is_empty(), "m-1 was acknowledged");
    assert_eq!(bo.begin().await["sessionId"], session, "the session is the same");
}

#[tokio::test]
pub(crate) async fn after_a_kill_a_phone_may_acknowledge_what_it_had_before_and_nothing_else() {
    let mut house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut eve = house.device("eve").await;
    for n in 0..300 {
        ana.say(&sip("bo"), &format!("m-{n}"), &format!("text {n}")).await;
    }
    bo.message("text 299").await;
    eve.say(&sip("bo"), "m-299", "another m-299").await;
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    let mut bo = bo.resumed(-1).await;
    // Before anything is told again. It names the first of the two; the other it may not have.
    bo.ack("m-299").await;
    let mut bo = bo.resumed(-1).await;
    bo.message("another m-299").await;
    assert!(bo.waiting(&["MessageReceived"]).is_empty(), "m-299 and all before it are acknowledged");
}

#[tokio::test]
pub(crate) async fn a_burst_larger_than_any_queue_arrives_in_order_and_once() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    bo.settle().await;
    let (pass, last) = (bo.pass.clone(), bo.last);
    bo.socket.cut();
    let mut ids = Vec::new();
    for n in 0..300 {
        let message =
            json!({"contactId": sip("bo"), "messageId": format!("m-{n}"), "message": format!("text {n}")});
        ids.push(ana.post("SendMessage", message).await);
    }
    for id in &ids {
        ana.late(id).await;
    }
    let mut bo = Device::opened(&pass, last).await;
    for n in 0..300 {
        let next = bo.event("MessageReceived").await;
        assert_eq!(next["message"], format!("text {n}"));
    }
    bo.settle().await;
    assert!(bo.waiting(&["MessageReceived"]).is_empty());
}

#[tokio::test]
pub(crate) async fn the_relay_pings_after_durable_entries_and_not_after_others() {
    let house = House::open().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    bo.settle().await;
    let limit = trunkline_testkit::patience();
    ana.say(&sip("bo"), "m-1", "durable").await;
    bo.message("durable").await;
    let payload = loop {
        match bo.socket.next(limit).await {
            Some(Incoming::Ping(payload)) => break payload,
            Some(Incoming::Text(_)) => {}
            other => panic!("no ping: {other:?}"),
        }
    };
    assert!(!payload.is_empty(), "it says up to where");
    ana.well("StartTyping", json!({"contactId": sip("bo"), "chatId": ""})).await;
    let mut texts = Vec::new();
    bo.post("Ping", json!({})).await;
    while texts.len() < 3 {
        match bo.socket.next(limit).await {
            Some(Incoming::Text(text)) => texts.push(text),
            other => panic!("{other:?} after {texts:#?}"),
        }
    }
}
