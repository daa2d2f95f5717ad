//! Dialogs that SIPp breaks: the relay answers each as it should, and goes on.

use trunkline_testkit::{
    eventually,
    peer::{Pidgin, Sipp, Tunnel, front_end::Traffic},
};

use super::pool::{DOMAIN, Pool, RELAY, address};
use crate::handset::{Entry, Handset};

/// A chat with somebody else, as good as before.
async fn chat_on(pool: &Pool, alice: &mut Handset, bob: &mut Pidgin, round: &str) {
    let (hello, answer) = (format!("hello {round}"), format!("answer {round}"));
    bob.send(&pool.front.address("alice"), &hello).await.unwrap();
    alice.message(&hello).await;
    alice.phone.send_as(round, &address("bob"), &answer).await.unwrap();
    bob.message(&answer).await.unwrap();
}

/// A Front End's way to the relay's listener, for a program without TLS.
async fn tunnel(pool: &Pool) -> Tunnel {
    let contact = |traffic: &Traffic| traffic.request()?.contacts().ok()?.first()?.uri.port();
    let port = pool.front.until("the relay registers", contact).await.unwrap();
    let authority = pool.front.authority();
    let identity = authority.identity(&[&format!("pool.{DOMAIN}")]).unwrap();
    Tunnel::into_tls(authority, &identity, RELAY, port).await.unwrap()
}

/// What strangers wrote, in its order; each may open a conversation and then stand in it, but be neither twice.
async fn strangers(alice: &Handset) -> Vec<String> {
    let (mut texts, mut seen): (Vec<String>, Vec<Entry>) = (Vec::new(), Vec::new());
    for entry in alice.mailbox().await {
        assert!(!seen.contains(&entry), "twice: {entry:?}");
        let text = entry.text.trim_end().to_owned();
        if !text.starts_with("hello") && !texts.contains(&text) {
            texts.push(text);
        }
        seen.push(entry);
    }
    texts
}

/// What a peer breaks over the relay's listener, and what of that the phone is to read.
const BROKEN: &[(&str, &[&str])] = &[
    ("bye_before_ack", &[]),
    ("no_ack", &["without an ACK"]),
    ("wrong_number", &["seven", "eight"]),
    ("wrong_tag", &["of this dialog"]),
    ("cancel_after_200", &["after a CANCEL"]),
    ("invite_again", &["after an INVITE"]),
    ("unknown_method", &["after a FROB"]),
    ("answers_to_nothing", &["after answers"]),
    ("bye_twice", &["before the end"]),
    ("first", &["said once"]),
    ("again", &[]),
    ("wrong_length", &["cut here"]),
];

#[tokio::test]
async fn peer_sipp_breaks_dialogs_at_the_listener() {
    let pool = Pool::open().await;
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    let tunnel = tunnel(&pool).await;
    let mut wanted: Vec<&str> = Vec::new();
    for (scenario, texts) in BROKEN {
        let call_id = if *scenario == "again" { "first" } else { scenario };
        let sipp = Sipp::call(scenario, call_id, tunnel.port(), &[("domain", DOMAIN)]).unwrap();
        sipp.done().await.unwrap();
        wanted.extend(*texts);
        eventually(scenario, async || {
            let heard = strangers(&alice).await;
            if heard == wanted { Ok(()) } else { Err(heard) }
        })
        .await
        .unwrap();
        chat_on(&pool, &mut alice, &mut bob, scenario).await;
    }
    assert_eq!(strangers(&alice).await, wanted, "nothing came twice");
    pool.check_log();
}

/// How a client breaks dialogs that the phone begins: the phone is told that the message did not arrive.
const ANSWERS: &[&str] = &["moved_in_circles", "lost_dialog"];

#[tokio::test]
async fn peer_sipp_breaks_dialogs_that_the_phone_begins() {
    let pool = Pool::open().await;
    let name = format!("sipp.{DOMAIN}");
    pool.front.trust(&name);
    pool.front.negotiate(false);
    let mut alice = pool.alice().await;
    let mut bob = Pidgin::sign_in(&pool.front, "bob").await.unwrap();
    let authority = pool.front.authority();
    let identity = authority.identity(&[&name]).unwrap();
    let host = pool.front.host();
    let out = Tunnel::into_tls(authority, &identity, &host, pool.front.tls_port()).await.unwrap();
    for scenario in ANSWERS {
        let sipp = Sipp::listen(scenario, &[("domain", DOMAIN)], 1).await.unwrap();
        let back = Tunnel::out_of_tls(authority, &identity, sipp.port()).await.unwrap();
        let at = back.port().to_string();
        let call_id = format!("register-{scenario}");
        let keys = [("domain", DOMAIN), ("at", &at)];
        Sipp::call("register", &call_id, out.port(), &keys).unwrap().done().await.unwrap();
        let sent = alice.phone.send_as(&format!("to-{scenario}"), &address("carol"), "hello").await;
        sipp.done().await.unwrap();
        assert!(sent.is_err(), "{scenario}: {sent:?}");
        chat_on(&pool, &mut alice, &mut bob, scenario).await;
    }
    pool.check_log();
}
