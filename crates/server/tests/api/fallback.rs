//! A phone whose WebSocket is refused goes on by POST and poll, and back to a WebSocket when one opens again.

use std::time::Duration;

use tokio::{sync::mpsc::Receiver, time::timeout};
use trunkline_client::{Event, Phone, Profile, Received};
use trunkline_testkit::patience;

use crate::house::{House, Pass, sip};

fn phone(pass: &Pass) -> (Phone, Receiver<Received>) {
    let mut profile = Profile::new(pass.server.clone(), pass.token.clone().into(), pass.device_token.clone());
    profile.backoff.longest = Duration::from_millis(500);
    profile.web_socket_retry = Duration::from_millis(300);
    let phone = Phone::connect(profile);
    let events = phone.events().unwrap();
    (phone, events)
}

async fn wait<T>(events: &mut Receiver<Received>, fits: impl Fn(&Event) -> Option<T>) -> T {
    let found = async {
        while let Some(received) = events.recv().await {
            if let Some(found) = fits(&received.event) {
                return found;
            }
        }
        panic!("the phone gave up");
    };
    timeout(patience(), found).await.unwrap()
}

async fn text(events: &mut Receiver<Received>) -> String {
    wait(events, |event| match event {
        Event::Message { text, .. } | Event::Invitation { text, .. } => Some(text.expose().to_owned()),
        _ => None,
    })
    .await
}

async fn form(events: &mut Receiver<Received>, web_socket: bool) -> String {
    wait(events, |event| match event {
        Event::Form { web_socket: now, reason } if *now == web_socket => Some(reason.clone()),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn where_web_sockets_are_switched_off_a_phone_polls_until_they_are_on_again() {
    let mut house = House::with(&[("ALLOW_WEBSOCKETS", "false")]).await;
    let (ana, bo) = (house.pass("ana", "ana-1").await, house.pass("bo", "bo-1").await);
    let ((ana, mut hers), (bo, mut his)) = (phone(&ana), phone(&bo));
    assert!(form(&mut hers, false).await.contains("403"));
    form(&mut his, false).await;
    let bo_address = sip("bo").parse().unwrap();
    ana.send(&bo_address, "by polls").await.unwrap();
    assert_eq!(text(&mut his).await, "by polls");
    bo.send(&sip("ana").parse().unwrap(), "back").await.unwrap();
    assert_eq!(text(&mut hers).await, "back");
    ana.drop_network();
    for n in 0..20 {
        ana.send(&bo_address, &format!("text {n}")).await.unwrap();
    }
    house.relay.kill().await.unwrap();
    house.relay.set("ALLOW_WEBSOCKETS", "true");
    house.relay.start().await.unwrap();
    form(&mut hers, true).await;
    ana.send(&bo_address, "by WebSocket").await.unwrap();
    let mut texts = Vec::new();
    while texts.last().map(String::as_str) != Some("by WebSocket") {
        texts.push(text(&mut his).await);
    }
    // The first one once more: the answer accepted the invitation that carried it.
    let mut expected = vec!["by polls".to_owned()];
    expected.extend((0..20).map(|n| format!("text {n}")));
    expected.push("by WebSocket".to_owned());
    assert_eq!(texts, expected);
    assert!(ana.sign_out().await.is_ok());
}

#[tokio::test]
async fn an_im_password_is_asked_for_and_a_session_ends_without_web_sockets_too() {
    let house = House::with(&[("ALLOW_WEBSOCKETS", "false")]).await;
    let pass = house.pass("ana", "ana-1").await;
    let profile = Profile::new(pass.server.clone(), pass.token.clone().into(), pass.device_token.clone());
    assert!(!Phone::needs_password(&profile).await.unwrap());
    let (ana, mut events) = phone(&pass);
    ana.ready(patience()).await.unwrap();
    ana.sign_out().await.unwrap();
    wait(&mut events, |event| matches!(event, Event::Terminated { .. }).then_some(())).await;
}
