//! A phone, the real program, a Front End, and a colleague on pidgin-sipe.

mod certificate;
mod crowd;
mod dialog;
mod history;
mod hostile;
mod invitation;
mod list;
mod people;
mod pool;
mod scanner;
mod server;
mod status;
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

/// A step of the doctor's, with Alice's account.
fn doctor(pool: &Pool, name: &str) -> Value {
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
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_pool_that_does_not_trust_the_relay_is_told_to_the_phone_and_by_the_doctor() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let is_register = |message: &trunkline_sip::Message| matches!(message, trunkline_sip::Message::Request(request) if *request.method() == Method::REGISTER);
    assert_eq!(doctor(&pool, "sign-in")["finding"], "good");
    assert_eq!(doctor(&pool, "lines")["finding"], "good", "the line was not touched");
    pool.front.on(trunkline_testkit::peer::front_end::Heading::Received, 2, Act::answer(401), is_register);
    let refused = doctor(&pool, "sign-in");
    assert!(refused["likely"].as_str().unwrap().contains("does not trust this connection"), "{refused}");
    pool.front.cut();
    let reason = alice.line("refused").await;
    assert!(reason.contains("does not trust"), "{reason}");
}

/// What a reload said after this was replaced in the configuration.
async fn reloaded(pool: &Pool, old: &str, new: &str) -> Value {
    let text = std::fs::read_to_string(pool.relay.config()).unwrap();
    assert!(text.contains(old), "{text}");
    std::fs::write(pool.relay.config(), text.replace(old, new)).unwrap();
    pool.relay.admin(&json!({"do": "reload"})).await.unwrap()["reloaded"].clone()
}

#[tokio::test]
async fn peer_whom_a_reload_trusts_no_more_is_let_go() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let reply = reloaded(&pool, " fe1.contoso.test\"", " fe9.contoso.test\"").await;
    assert_eq!((&reply["applied"], &reply["restart"]), (&json!(["backends"]), &json!([])), "{reply}");
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    bob.send(&pool.front.address("alice"), "still there?").await.unwrap();
    alice.message("still there?").await;
    let stranger = trunkline_testkit::peer::Authority::new().unwrap();
    std::fs::write(pool.folder.path().join("other.pem"), stranger.certificate_pem()).unwrap();
    let reply = reloaded(&pool, "/ca.pem\"", "/other.pem\"").await;
    assert_eq!(reply["applied"], json!(["backends"]), "{reply}");
    alice.line("connecting").await;
    let log = pool.relay.log();
    let said = "a server that was let in is not allowed any more";
    assert!(log.contains(said) && log.contains("no authority in caFile has signed it"), "{log}");
    reloaded(&pool, "/other.pem\"", "/ca.pem\"").await;
    alice.line("connected").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn peer_relays_certificate_that_ends_soon_is_told_of_in_log_metrics_and_by_the_doctor() {
    let pool = Pool::open().await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let end = now + 3 * 86_400 + 60;
    let identity = pool.front.authority().identity_within(&[pool::RELAY], now - 60, end).unwrap();
    std::fs::write(pool.folder.path().join("relay.pem"), &identity.certificate_pem).unwrap();
    std::fs::write(pool.folder.path().join("key.pem"), &identity.key_pem).unwrap();
    let reply = pool.relay.admin(&json!({"do": "reload"})).await.unwrap();
    let warnings = reply["reloaded"]["warnings"].to_string();
    assert!(warnings.contains("the Lync backend of contoso.test: the certificate ends on"), "{warnings}");
    assert!(pool.relay.log().contains("the certificate of a Lync backend needs renewal"));
    let admin = pool.relay.listeners().admin.clone().unwrap();
    let output = Command::new("curl").args(["-s", &format!("http://{admin}/metrics")]).output().unwrap();
    let metrics = String::from_utf8(output.stdout).unwrap();
    let gauge = format!("trunkline_backend_certificate_not_after_seconds{{domain=\"contoso.test\"}} {end}");
    assert!(metrics.contains(&gauge), "{metrics}");
    let dates = doctor(&pool, "dates");
    assert_eq!(dates["finding"], "doubtful", "{dates}");
    assert!(dates["seen"].as_str().unwrap().contains("in 3 days: have it renewed"), "{dates}");
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
