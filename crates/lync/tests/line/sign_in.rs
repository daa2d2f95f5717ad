//! Signing in without a password, and staying so.

use std::net::Ipv4Addr;

use trunkline_core::port::{Backend, LineState, Outcome};
use trunkline_sip::{Message, Method, body::deregistration::Deregistration};
use trunkline_testkit::peer::front_end::{Act, Heading};

use crate::stage::{Heard, RELAY, Stage, until};

fn is_register(message: &Message) -> bool {
    matches!(message, Message::Request(request) if *request.method() == Method::REGISTER)
}

#[tokio::test]
async fn an_account_signs_in_without_a_password_and_out_again() {
    let stage = Stage::open().await;
    assert!(!stage.backend.needs_password());
    let (alice, bob) = (stage.connected("alice").await, stage.connected("bob").await);
    let registers: Vec<_> =
        stage.front.traffic().iter().filter_map(|traffic| traffic.request().cloned()).collect();
    let contacts: Vec<_> = registers
        .iter()
        .filter(|request| *request.method() == Method::REGISTER)
        .map(|request| request.contacts().unwrap().remove(0).uri)
        .collect();
    assert_eq!(contacts.len(), 2);
    assert!(contacts.iter().all(|contact| contact.host() == RELAY && contact.port().is_some()));
    assert_ne!(contacts[0].param("ms-opaque"), contacts[1].param("ms-opaque"), "each has one of its own");
    assert_eq!(stage.front.endpoints("alice"), 1);
    alice.line.close().await;
    assert_eq!(alice.line.state(), LineState::Closed);
    assert_eq!((stage.front.endpoints("alice"), stage.front.endpoints("bob")), (0, 1));
    drop(bob);
    until("a line that is dropped signs out", || stage.front.endpoints("bob") == 0).await;
    assert_eq!(stage.front.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_registration_is_refreshed_before_it_runs_out() {
    let stage = Stage::open().await;
    stage.front.expire_after(2);
    let _alice = stage.connected("alice").await;
    until("it is refreshed twice", || stage.registers("alice") >= 3).await;
    assert_eq!(stage.front.endpoints("alice"), 1);
}

#[tokio::test]
async fn a_registration_that_runs_out_while_the_pool_lets_the_account_wait_is_told() {
    let stage = Stage::open().await;
    stage.front.expire_after(2);
    let mut alice = stage.connected("alice").await;
    let busy = Act::answer(503).header("Retry-After", "3600");
    stage.front.on(Heading::Received, usize::MAX, busy, is_register);
    let state = alice.until("it is told", |state| *state != LineState::Connected).await;
    assert!(matches!(&state, LineState::Connecting { reason } if reason.contains("ran out")), "{state:?}");
    let bob = "bob@contoso.test".parse().unwrap();
    assert_eq!(alice.send(1, &bob, "nobody would take it").await, Outcome::NotSent);
    assert_eq!(stage.registers("alice"), 2, "it waits as it was asked to");
}

#[tokio::test]
async fn a_pool_that_does_not_trust_the_relay_is_told_from_one_that_does_not_know_the_user() {
    let stage = Stage::open().await;
    stage.front.on_received(Act::answer(401), is_register);
    let reason = stage.line("alice").await.refusal().await;
    assert!(reason.contains("does not trust") && reason.contains("topology"), "{reason}");
    let reason = stage.line("nobody").await.refusal().await;
    assert!(reason.contains("404"), "{reason}");
    stage.front.on_received(Act::answer(403).diagnostics(4003, "no"), is_register);
    let reason = stage.line("bob").await.refusal().await;
    assert!(reason.contains("403"), "{reason}");
    stage.connected("carol").await;
}

#[tokio::test]
async fn a_pool_that_is_being_serviced_is_waited_for() {
    let stage = Stage::open().await;
    stage.front.on_received(Act::answer(503).header("Retry-After", "0"), is_register);
    let mut alice = stage.line("alice").await;
    alice.until("it waits", |state| state.reason().contains("did not sign")).await;
    alice.until("it is signed in", |state| *state == LineState::Connected).await;
}

#[tokio::test]
async fn a_cut_connection_and_a_restarted_server_are_signed_in_to_again() {
    let mut stage = Stage::open().await;
    let mut alice = stage.connected("alice").await;
    stage.front.cut();
    alice.until("the cut is told", |state| state.reason().contains("ended")).await;
    alice.until("it is back", |state| *state == LineState::Connected).await;
    stage.front.stop().await;
    alice.until("the stop is told", |state| state.reason().contains("pool.contoso.test")).await;
    stage.front.resume().await.unwrap();
    alice.until("it is back", |state| *state == LineState::Connected).await;
    assert_eq!(stage.front.endpoints("alice"), 1);
}

#[tokio::test]
async fn a_redirected_account_goes_to_the_server_that_is_named_unless_that_is_a_stranger() {
    let stage = Stage::open().await;
    let port = stage.front.tls_port();
    let contact = format!("<sip:127.0.0.1:{port};transport=tls>");
    stage.front.on_received(Act::answer(301).header("Contact", &contact), is_register);
    let _alice = stage.connected("alice").await;
    assert_eq!(stage.registers("alice"), 2);
    let stranger = "<sip:fe9.evil.test:5061;transport=tls>";
    stage.front.on_received(Act::answer(301).header("Contact", stranger), is_register);
    let reason = stage.line("bob").await.refusal().await;
    assert!(reason.contains("fe9.evil.test") && reason.contains("allowedPeers"), "{reason}");
}

#[tokio::test]
async fn who_is_signed_out_by_the_server_is_told_or_comes_back() {
    let stage = Stage::open().await;
    let (mut alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    stage.front.deregister("bob", &Deregistration::Deactivated, "4143;reason=\"moving\"");
    until("bob is back", || stage.front.endpoints("bob") == 1).await;
    bob.until("bob is signed in", |state| *state == LineState::Connected).await;
    stage.front.deregister("alice", &Deregistration::Rejected, "4141;reason=\"User disabled\"");
    let reason = alice.refusal().await;
    assert!(reason.contains("disabled"), "{reason}");
    assert_eq!(stage.registers("alice"), 1, "she does not try again");
    assert_eq!(bob.line.state(), LineState::Connected, "it was not for him");
}

#[tokio::test]
async fn sign_ins_are_paced() {
    let stage = Stage::with(|settings| settings.login_rate = 1).await;
    stage.front.on(Heading::Received, 100, Act::Drop, is_register);
    let _lines = [stage.line("alice").await, stage.line("bob").await, stage.line("carol").await];
    let sent = || ["alice", "bob", "carol"].iter().map(|user| stage.registers(user)).sum::<usize>();
    until("the first one asks", || sent() >= 1).await;
    assert!(sent() < 3, "one a second");
    until("the others do", || sent() == 3).await;
}

#[tokio::test]
async fn an_account_that_the_pool_forgot_is_signed_in_anew_and_its_messages_keep_their_order() {
    let stage = Stage::open().await;
    let (mut alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    assert_eq!(alice.send_in(1, 1, &bob.address, "before").await, Outcome::Confirmed);
    stage.front.forget("alice");
    assert_eq!(alice.send_in(1, 2, &bob.address, "first").await, Outcome::NotSent, "nobody has it");
    until("she is back", || stage.front.endpoints("alice") == 1).await;
    alice.until("she is signed in", |state| *state == LineState::Connected).await;
    assert_eq!(stage.registers("alice"), 2);
    let early = alice.send_in(1, 3, &bob.address, "second").await;
    assert_eq!(early, Outcome::NotSent, "the first one came back, and goes before it");
    assert_eq!(alice.send_in(2, 2, &bob.address, "first").await, Outcome::Confirmed);
    assert_eq!(alice.send_in(2, 3, &bob.address, "second").await, Outcome::Confirmed);
    for text in ["before", "first", "second"] {
        assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), text.into()));
    }
    assert!(bob.heard_nothing_more());
}

#[tokio::test]
async fn a_pool_that_goes_on_not_knowing_an_account_is_believed_and_not_stormed() {
    let stage = Stage::open().await;
    let (mut alice, bob) = (stage.connected("alice").await, stage.connected("bob").await);
    let act = Act::answer(403).diagnostics(4004, "Credentials do not permit acting as the From URI");
    let is_invite = |message: &Message| matches!(message, Message::Request(request) if *request.method() == Method::INVITE);
    stage.front.on(Heading::Received, usize::MAX, act, is_invite);
    assert_eq!(alice.send(1, &bob.address, "one").await, Outcome::NotSent);
    until("she signed in anew", || stage.registers("alice") == 2).await;
    alice.until("she is signed in", |state| *state == LineState::Connected).await;
    for key in 2..6 {
        let outcome = alice.send(key, &bob.address, "again").await;
        assert!(matches!(outcome, Outcome::Refused { permanent: true, .. }), "{outcome:?}");
    }
    assert_eq!(stage.registers("alice"), 2);
}

#[tokio::test]
async fn a_server_that_takes_no_sign_ins_is_left_for_another_of_the_pool() {
    let mut stage = Stage::with(|settings| settings.pool.host = Some("127.0.0.1 127.0.0.2".into())).await;
    stage.front.also_at(Ipv4Addr::new(127, 0, 0, 2)).await.unwrap();
    // Whoever waits as long as this one asks is not signed in while the test lasts.
    stage.front.on_received(Act::answer(503).header("Retry-After", "3600"), is_register);
    let (mut alice, mut bob) = (stage.connected("alice").await, stage.connected("bob").await);
    assert_eq!(stage.registers("alice"), 2);
    // Another person's trouble leaves those alone who are signed in.
    stage.front.on_received(Act::answer(503).header("Retry-After", "1"), is_register);
    stage.connected("carol").await;
    assert_eq!((stage.registers("alice"), stage.registers("bob"), stage.registers("carol")), (2, 1, 2));
    assert_eq!(alice.send(1, &bob.address, "still here").await, Outcome::Confirmed);
    assert_eq!(bob.heard().await, Heard::Message(alice.address.clone(), "still here".into()));
    assert!(alice.heard_nothing_more());
}

#[tokio::test]
async fn a_server_that_turns_several_away_is_left_though_others_are_signed_in_there() {
    let mut stage = Stage::with(|settings| settings.pool.host = Some("127.0.0.1 127.0.0.2".into())).await;
    stage.front.also_at(Ipv4Addr::new(127, 0, 0, 2)).await.unwrap();
    let mut bob = stage.connected("bob").await;
    stage.front.on(Heading::Received, 3, Act::answer(503).header("Retry-After", "3600"), is_register);
    let _lines = (stage.line("alice").await, stage.line("alice").await, stage.line("carol").await);
    until("all are signed in at the other", || stage.registers("bob") == 2).await;
    bob.until("bob is signed in", |state| *state == LineState::Connected).await;
    until("alice and carol are", || stage.front.endpoints("alice") + stage.front.endpoints("carol") == 2)
        .await;
}

#[tokio::test]
async fn three_that_are_turned_away_do_not_take_as_many_who_are_signed_in_with_them() {
    let mut stage = Stage::with(|settings| settings.pool.host = Some("127.0.0.1 127.0.0.2".into())).await;
    stage.front.also_at(Ipv4Addr::new(127, 0, 0, 2)).await.unwrap();
    let _well =
        (stage.connected("alice").await, stage.connected("bob").await, stage.connected("carol").await);
    stage.front.on(Heading::Received, 3, Act::answer(503).header("Retry-After", "1"), is_register);
    let mut lines = [stage.line("alice").await, stage.line("alice").await, stage.line("alice").await];
    for line in &mut lines {
        line.until("it is signed in", |state| *state == LineState::Connected).await;
    }
    assert_eq!((stage.registers("bob"), stage.registers("carol")), (1, 1));
}

#[tokio::test]
async fn who_is_redirected_to_a_server_that_takes_no_sign_ins_goes_back_to_the_pool() {
    let mut stage = Stage::open().await;
    stage.front.also_at(Ipv4Addr::new(127, 0, 0, 2)).await.unwrap();
    let contact = format!("<sip:127.0.0.2:{};transport=tls>", stage.front.tls_port());
    stage.front.on_received(Act::answer(301).header("Contact", &contact), is_register);
    stage.front.on_received(Act::answer(503).header("Retry-After", "3600"), is_register);
    stage.connected("alice").await;
    assert_eq!(stage.registers("alice"), 3);
}
