//! A phone, the real program, a Front End, and a colleague on pidgin-sipe.

mod crowd;
mod history;
mod invitation;
mod people;
mod pool;
mod story;
mod trial;

use std::process::Command;

use serde_json::{Value, json};
use trunkline_client::Event;
use trunkline_sip::Method;
use trunkline_testkit::{
    eventually,
    peer::{Pidgin, front_end::Act},
};

use self::pool::{Pool, certify, sip};

#[tokio::test(flavor = "multi_thread")]
async fn peer_pool_that_does_not_trust_the_relay_is_told_to_the_phone_and_by_the_doctor() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let is_register = |message: &trunkline_sip::Message| matches!(message, trunkline_sip::Message::Request(request) if *request.method() == Method::REGISTER);
    let doctor = |name: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_trunkline"))
            .args(["doctor", "--json", "--as", &sip("alice"), "--config"])
            .arg(pool.relay.config())
            .current_dir(pool.relay.folder())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let parts = report["parts"].as_array().unwrap().clone();
        let part = parts.into_iter().find(|part| part["part"] == "backend contoso.test").unwrap();
        let steps = part["steps"].as_array().unwrap().clone();
        steps.into_iter().find(|step| step["name"] == name).unwrap()
    };
    assert_eq!(doctor("sign-in")["finding"], "good");
    assert_eq!(doctor("lines")["finding"], "good", "the line was not touched");
    pool.front.on(trunkline_testkit::peer::front_end::Heading::Received, 2, Act::answer(401), is_register);
    let refused = doctor("sign-in");
    assert!(refused["likely"].as_str().unwrap().contains("does not trust this connection"), "{refused}");
    pool.front.cut();
    let reason = alice.line("refused").await;
    assert!(reason.contains("does not trust"), "{reason}");
}

#[tokio::test]
async fn peer_certificate_is_reloaded_and_no_line_is_dropped() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let registers = || {
        let traffic = pool.front.traffic();
        let all = traffic.iter().filter_map(|traffic| traffic.request());
        all.filter(|request| *request.method() == Method::REGISTER).count()
    };
    assert_eq!(registers(), 1);
    certify(&pool.front, &pool.folder);
    let reply = pool.relay.admin(&json!({"do": "reload"})).await.unwrap();
    assert_eq!(reply["reloaded"]["certificate"], true, "{reply}");
    std::fs::write(pool.folder.path().join("key.pem"), "no key").unwrap();
    let reply = pool.relay.admin(&json!({"do": "reload"})).await;
    assert!(!reply.is_ok_and(|reply| reply.get("reloaded").is_some()), "a broken key is not taken over");
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    bob.send(&pool.front.address("alice"), "still there?").await.unwrap();
    alice.message("still there?").await;
    assert!(!alice.heard(|event| matches!(event, Event::LineState { state, .. } if state == "connecting")));
    pool.front.cut();
    alice.line("connecting").await;
    eventually("the new certificate is taken", async || (registers() >= 2).then_some(())).await.unwrap();
    eventually("Alice is signed in", async || (pool.front.endpoints("alice") == 1).then_some(()))
        .await
        .unwrap();
}
