//! A fault of the program, injected: it is kept to the frame, request or socket that it comes from, counted, and told once
//! without a word of what came in. Release builds have no such place.
#![cfg(debug_assertions)]

use serde_json::json;
use trunkline_testkit::Relay;

use crate::{
    device::Device,
    house::{House, sip},
    plain::{exchange, post},
};

async fn house() -> House {
    let relay = Relay::of(env!("CARGO_BIN_EXE_trunkline")).env("TRUNKLINE_TEST_POISON", "1");
    House::of(relay.start().await.unwrap())
}

/// So many panics were counted, each with a line of its own, and none of the lines quotes the poison.
async fn told(house: &House, panics: usize) {
    let log = house.relay.log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the server panicked")).collect();
    assert_eq!(lines.len(), panics, "{log}");
    assert!(!log.contains("poison:"), "{log}");
    let address = house.relay.listeners().admin.clone().unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let page = exchange(&address, request.as_bytes()).await.body;
    assert!(page.contains(&format!("trunkline_panics_total {panics}\n")), "{page}");
}

async fn talks(one: &mut Device, other: &mut Device, what: &str) {
    one.say(&other.address.clone(), what, what).await;
    other.message(what).await;
}

#[tokio::test]
async fn a_frame_that_breaks_the_parser_costs_its_sender_the_socket_and_nobody_else_anything() {
    let house = house().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut mallory = house.device("mallory").await;
    mallory.send("poison:frame").await;
    assert_eq!(mallory.closed().await, Some(1011));
    talks(&mut ana, &mut bo, "undisturbed").await;
    let last = mallory.last;
    let mut mallory = mallory.resumed(last).await;
    talks(&mut mallory, &mut ana, "back again").await;
    told(&house, 1).await;
}

#[tokio::test]
async fn a_body_that_breaks_the_parser_costs_its_sender_the_answer_and_nobody_else_anything() {
    let house = house().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let address = house.relay.listeners().http.clone().unwrap();
    assert_eq!(post(&address, "/GaslampService", "", "poison:frame").await.status, 503);
    talks(&mut ana, &mut bo, "undisturbed").await;
    told(&house, 1).await;
}

#[tokio::test]
async fn a_request_that_breaks_is_answered_and_its_socket_goes_on() {
    let house = house().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    for place in ["request", "commit"] {
        let poison =
            json!({"contactId": sip("bo"), "messageId": place, "message": format!("poison:{place}")});
        let ids = [ana.post("SendMessage", poison).await, ana.post("Ping", json!({})).await];
        let refused = ana.last_word(&ids[0]).await.unwrap_err();
        assert_eq!(refused.code, 1005, "{refused:?}");
        ana.last_word(&ids[1]).await.unwrap();
        talks(&mut ana, &mut bo, &format!("after {place}")).await;
        let retry = json!({"contactId": sip("bo"), "messageId": place, "message": "harmless"});
        ana.well("SendMessage", retry).await;
    }
    told(&house, 2).await;
}

#[tokio::test]
async fn a_poisoned_command_spoils_no_batch_of_others() {
    let house = house().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut sent = Vec::new();
    for n in 0..60 {
        let text = if n % 20 == 7 { "poison:commit".to_owned() } else { format!("good {n}") };
        let params = json!({"contactId": sip("bo"), "messageId": format!("m-{n}"), "message": text});
        sent.push((n, ana.post("SendMessage", params).await));
    }
    for (n, id) in sent {
        assert_eq!(ana.last_word(&id).await.is_ok(), n % 20 != 7, "{n}");
    }
    for n in (0..60).filter(|n| n % 20 != 7) {
        bo.message(&format!("good {n}")).await;
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_written_breaks_only_the_sockets_that_it_goes_to() {
    let house = house().await;
    let (mut ana, mut bo) = house.pair("ana", "bo").await;
    let mut cy = house.device("cy").await;
    ana.say(&sip("bo"), "m-1", "poison:entry").await;
    assert_eq!(bo.closed().await, Some(1011));
    talks(&mut ana, &mut cy, "others go on").await;
}
