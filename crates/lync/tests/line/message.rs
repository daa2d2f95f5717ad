//! What people say to each other, both at phones.

use std::sync::atomic::{AtomicU64, Ordering};

use trunkline_core::port::Outcome;
use trunkline_sip::{Message, Method, Request, Uri};
use trunkline_testkit::{eventually, peer::front_end::Act};

use crate::stage::{Heard, Stage, until};

#[tokio::test]
async fn messages_go_both_ways_on_connections_that_the_front_end_opens() {
    for dial_back in [false, true] {
        let stage = Stage::open().await;
        stage.front.dial_back(dial_back);
        stage.front.negotiate(dial_back);
        stage.front.pooled(dial_back);
        let (mut alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
        assert_eq!(alice.send(1, &bob.address, "Grüße").await, Outcome::Confirmed);
        assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "Grüße".into()));
        assert_eq!(bob.send(2, &alice.address, "back").await, Outcome::Confirmed);
        assert_eq!(alice.heard().await, Heard::Message(bob.address.clone(), "back".into()));
        alice.line.typing(&bob.address, true).await.unwrap();
        assert_eq!(bob.heard().await, Heard::Typing(alice.address.clone(), true));
        assert!(alice.heard_nothing_more() && bob.heard_nothing_more());
        assert_eq!(stage.front.complaints().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_message_is_confirmed_only_when_the_core_has_it() {
    let stage = Stage::open().await;
    let (alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    *bob.ear.broken.lock().unwrap() = true;
    let outcome = alice.send(1, &bob.address, "lost?").await;
    assert!(matches!(outcome, Outcome::Refused { permanent: false, .. }), "{outcome:?}");
    *bob.ear.broken.lock().unwrap() = false;
    assert_eq!(alice.send(2, &bob.address, "now").await, Outcome::Confirmed);
    assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "now".into()));
}

#[tokio::test]
async fn what_cannot_be_delivered_is_said() {
    let stage = Stage::open().await;
    let alice = stage.connected("alice").await;
    let nobody = "nobody@contoso.test".parse().unwrap();
    let outcome = alice.send(1, &nobody, "hello?").await;
    assert!(matches!(outcome, Outcome::Refused { permanent: true, .. }), "{outcome:?}");
    let outcome = alice.send(2, &"carol@contoso.test".parse().unwrap(), "offline?").await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_message_goes_once_more_and_arrives_once_where_servers_say_that_it_reached_nobody() {
    let stage = Stage::open().await;
    let (alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    let is = |wanted: Method| move |message: &Message| matches!(message, Message::Request(request) if *request.method() == wanted);
    let elsewhere = Act::answer(404).diagnostics(4006, "User was not found in the pool");
    stage.front.on_received(elsewhere, is(Method::INVITE));
    assert_eq!(alice.send(1, &bob.address, "once").await, Outcome::Confirmed);
    let busy = Act::answer(503).diagnostics(1007, "Temporarily cannot route").header("Retry-After", "1");
    stage.front.on_received(busy, is(Method::MESSAGE));
    assert_eq!(alice.send(2, &bob.address, "twice asked").await, Outcome::Confirmed);
    for text in ["once", "twice asked"] {
        assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), text.into()));
    }
    assert!(bob.heard_nothing_more());
    assert_eq!((stage.front.pending(), stage.front.complaints().await), (0, Vec::new()));
}

#[tokio::test]
async fn a_fault_in_the_relay_ends_nobodys_line() {
    let stage = Stage::open().await;
    let (alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    assert_eq!(alice.send(1, &bob.address, "before").await, Outcome::Confirmed);
    *bob.ear.panics.lock().unwrap() = true;
    alice.line.typing(&bob.address, true).await.unwrap();
    bob.until("all sign in anew", |state| state.reason().contains("a fault in the relay")).await;
    let turns = AtomicU64::new(2);
    eventually("they talk again", async || {
        // The core hands over what came back in a later turn.
        let turn = turns.fetch_add(1, Ordering::Relaxed);
        (alice.send_in(turn, 2, &bob.address, "after").await == Outcome::Confirmed).then_some(())
    })
    .await
    .unwrap();
    for text in ["before", "after"] {
        assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), text.into()));
    }
}

/// A request from the Front End to whom its Request-URI says.
fn request(method: Method, uri: &str, to: &str, call_id: &str) -> Request {
    Request::build(method.clone(), Uri::parse(uri).unwrap())
        .header("Via", format!("SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK{call_id}"))
        .header("Max-Forwards", "70")
        .header("From", "<sip:mallory@contoso.test>;tag=1")
        .header("To", to)
        .header("Call-ID", call_id)
        .header("CSeq", format!("1 {method}"))
        .done()
}

#[tokio::test]
async fn requests_that_are_nobodys_or_of_no_use_are_answered_by_the_book() {
    let stage = Stage::open().await;
    let (alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    let contact = |user: &str| {
        let uri = format!("sip:{user}@contoso.test");
        stage
            .front
            .find(|traffic| {
                let request = traffic.request().filter(|request| *request.method() == Method::REGISTER)?;
                let is_his = request.to().ok()?.uri.as_str() == uri;
                is_his.then(|| request.contacts().unwrap().remove(0).uri.as_str().to_owned())
            })
            .unwrap()
    };
    let of_alice = contact("alice");
    let relay = "sip:relay.contoso.test:6001;transport=tls";
    let bob_to = "<sip:bob@contoso.test>;tag=7";
    let cases = [
        (Method::OPTIONS, relay, "<sip:relay.contoso.test>", 200),
        (Method::NEGOTIATE, relay, "<sip:relay.contoso.test>", 488),
        (Method::OPTIONS, of_alice.as_str(), "<sip:alice@contoso.test>", 200),
        (Method::PUBLISH, of_alice.as_str(), "<sip:alice@contoso.test>", 405),
        (Method::MESSAGE, of_alice.as_str(), bob_to, 481),
        (Method::MESSAGE, &format!("{relay};ms-opaque=feed"), "<sip:bob@contoso.test>", 404),
        (Method::MESSAGE, "sip:dave@contoso.test", bob_to, 481),
        (Method::MESSAGE, "sip:dave@contoso.test", "<sip:bob@contoso.test>", 404),
    ];
    for (number, (method, uri, to, status)) in cases.into_iter().enumerate() {
        let call_id = format!("case{number}");
        let asked = request(method.clone(), uri, to, &call_id);
        // Twice: what is repeated is answered alike and done once.
        stage.front.send("alice", Message::from(asked.clone()));
        stage.front.send("alice", Message::from(asked));
        let answers = || {
            let is_it =
                |response: &trunkline_sip::Response| response.call_id().ok().as_deref() == Some(&call_id);
            let traffic = stage.front.traffic();
            let all = traffic.iter().filter_map(|traffic| traffic.response().cloned());
            all.filter(is_it).collect::<Vec<_>>()
        };
        until("both are answered", || answers().len() == 2).await;
        let answers = answers();
        assert_eq!(answers[0].status(), status, "{method} {uri} {to}");
        assert_eq!(answers[0].to_bytes(), answers[1].to_bytes());
        assert!(status != 405 || answers[0].allows("MESSAGE"));
    }
    assert!(bob.heard_nothing_more(), "nothing that was Alice's or nobody's reached Bob");
    drop(alice);
}
