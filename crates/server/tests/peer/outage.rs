//! Servers that stop, die and come back.

use std::ops::Range;

use trunkline_client::{Event, StopReason};
use trunkline_testkit::{patience, peer::Colleague};

use crate::{
    handset::Handset,
    house::{House, address, backend, jid, password, plan, prosody, sip},
    socket::Socket,
};

/// What Alice's password is changed to.
const NEW: &str = "open sesame new";

/// Waits until everything that Bob wrote so far is in the mailbox: what comes last shows it.
async fn settled(bob: &mut Colleague, alice: &mut Handset) {
    bob.send(&jid("alice"), "b-last", "that is all").await.unwrap();
    alice.message("that is all").await;
}

/// A house whose senders do not wait long for Prosody's word.
pub(crate) async fn impatient() -> House {
    let prosody = prosody().await;
    let plan = plan().set("SEND_OUTCOME_WAIT_MS", "1500").backend(&backend(&prosody, prosody.port()));
    House::of(prosody, plan).await
}

fn failed(event: &Event, id: &str) -> Option<bool> {
    match event {
        Event::Failed { message_id, unknown, .. } if message_id == id => Some(*unknown),
        _ => None,
    }
}

/// The numbered messages in the mailbox, as it tells them.
async fn numbered(alice: &Handset) -> Vec<String> {
    let texts = alice.mailbox().await.into_iter().map(|entry| entry.text);
    texts.filter(|text| text.starts_with("number")).collect()
}

async fn write(bob: &mut Colleague, numbers: Range<usize>) {
    for n in numbers {
        bob.send(&jid("alice"), &format!("b-{n}"), &text(n)).await.unwrap();
    }
}

fn text(n: usize) -> String {
    format!("number {n}")
}

fn texts(numbers: Range<usize>) -> Vec<String> {
    numbers.map(text).collect()
}

#[tokio::test]
async fn peer_writes_on_while_the_relay_is_killed_and_nothing_is_lost_or_doubled() {
    const MESSAGES: usize = 200;
    let mut house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    write(&mut bob, 0..1).await;
    alice.message(&text(0)).await;
    alice.phone.set_offline(true);
    for kill in 0..4 {
        let first = 1 + kill * 50;
        write(&mut bob, first..first + 20).await;
        // Somewhere in the midst of these.
        house.holds_more_than(first as u64 + 4).await;
        let attempts = house.attempts();
        house.relay.kill().await.unwrap();
        write(&mut bob, first + 20..first + 30).await;
        house.relay.start().await.unwrap();
        write(&mut bob, first + 30..(first + 50).min(MESSAGES)).await;
        // No phone is there: the line comes back by the stored password alone.
        house.lines_up(1).await;
        assert_eq!(house.attempts(), attempts + 1);
    }
    alice.phone.set_offline(false);
    settled(&mut bob, &mut alice).await;
    assert_eq!(numbered(&alice).await, texts(0..MESSAGES));
    house.check_log();
}

#[tokio::test]
async fn peer_writes_on_while_the_relay_is_updated_and_nothing_is_lost_or_doubled() {
    let mut house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    write(&mut bob, 0..20).await;
    house.holds_more_than(4).await;
    let (stopped, ()) = tokio::join!(house.relay.stop(), write(&mut bob, 20..40));
    assert!(stopped.unwrap().success());
    write(&mut bob, 40..50).await;
    house.relay.start().await.unwrap();
    write(&mut bob, 50..60).await;
    settled(&mut bob, &mut alice).await;
    let mut told = numbered(&alice).await;
    told.sort();
    let mut expected = texts(0..60);
    expected.sort();
    assert_eq!(told, expected);
    house.check_log();
}

#[tokio::test]
async fn peer_that_is_down_gets_the_message_once_it_is_back() {
    let mut house = impatient().await;
    let mut alice = house.alice().await;
    house.prosody.stop().await.unwrap();
    alice.line("connecting").await;
    let sent = alice.phone.send_as("a-1", &address("bob"), "when you are back").await.unwrap();
    assert!(!sent.dup);
    alice.forget();
    house.prosody.start_again().await.unwrap();
    alice.line("connected").await;
    let mut bob = house.bob().await;
    bob.message("when you are back").await.unwrap();
    alice.phone.send(&address("bob"), "the end").await.unwrap();
    bob.message("the end").await.unwrap();
    assert_eq!(bob.message_count("when you are back"), 1);
    assert!(!alice.heard(|event| failed(event, "a-1").is_some()));
    house.check_log();
}

#[tokio::test]
async fn peer_killed_before_its_word_leaves_the_message_unknown_and_it_is_not_sent_again() {
    let mut house = impatient().await;
    let mut alice = house.alice().await;
    house.prosody.freeze().await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "did it arrive?").await.unwrap();
    house.prosody.kill().await.unwrap();
    house.prosody.start_again().await.unwrap();
    assert!(alice.until("the failure", |event| failed(event, "a-1")).await, "it is not told as unknown");
    let mut bob = house.bob().await;
    alice.phone.send_as("a-2", &address("bob"), "another").await.unwrap();
    bob.message("another").await.unwrap();
    assert_eq!(bob.message_count("did it arrive?"), 0, "it was sent again by itself");
    let again = alice.phone.send_as("a-1", &address("bob"), "did it arrive?").await.unwrap();
    assert!(!again.dup);
    bob.message("did it arrive?").await.unwrap();
    alice.phone.send_as("a-3", &address("bob"), "the end").await.unwrap();
    bob.message("the end").await.unwrap();
    assert_eq!(bob.message_count("did it arrive?"), 1);
    house.check_log();
}

#[tokio::test]
async fn peer_that_is_down_at_the_first_sign_in_is_signed_in_to_once_it_is_there() {
    let prosody = prosody().await;
    let plan = plan().set("LINE_WAIT_MS", "200").backend(&backend(&prosody, prosody.port()));
    let mut house = House::of(prosody, plan).await;
    house.prosody.stop().await.unwrap();
    let pass = house.pass(&sip("alice"), "alice-1").await;
    let mut alice = Handset::new(pass.profile(Some(&password("alice"))));
    let session = alice.phone.ready(patience()).await.unwrap();
    assert_eq!(session.line_state, "connecting");
    assert!(session.line_reason.starts_with("cannot connect to 127.0.0.1"), "{}", session.line_reason);
    house.prosody.start_again().await.unwrap();
    alice.line("connected").await;
    // From here on the relay knows it by itself.
    house.relay.kill().await.unwrap();
    house.relay.start().await.unwrap();
    house.lines_up(1).await;
    house.check_log();
}

#[tokio::test]
async fn peer_that_refused_for_another_reason_is_tried_again_when_the_phone_comes_back() {
    let mut house = House::open().await;
    let mut alice = house.alice().await;
    house.prosody.stop().await.unwrap();
    house.prosody.change(|options| options.anonymous = true).unwrap();
    house.prosody.start_again().await.unwrap();
    let reason = alice.line("refused").await;
    assert!(reason.contains("offers none of"), "{reason}");
    house.prosody.stop().await.unwrap();
    house.prosody.change(|options| options.anonymous = false).unwrap();
    house.prosody.start_again().await.unwrap();
    alice.forget();
    alice.phone.drop_network();
    alice.until("the session", |event| matches!(event, Event::Connected(_)).then_some(())).await;
    alice.signed_in().await;
    house.lines_up(1).await;
    house.check_log();
}

#[tokio::test]
async fn peer_with_a_changed_password_is_not_tried_again_with_the_old_one() {
    let mut house = House::open().await;
    let mut alice = house.alice().await;
    house.prosody.stop().await.unwrap();
    house.prosody.add_user("alice", NEW).unwrap();
    let attempts = house.attempts();
    house.prosody.start_again().await.unwrap();
    let reason = alice.line("password-refused").await;
    assert_eq!(reason, "the IM system refused the password");
    assert_eq!(house.attempts(), attempts + 1);
    alice.phone.drop_network();
    alice
        .until("the phone is told", |event| match event {
            Event::Terminated { reason: StopReason::PasswordRefused(_) } => Some(()),
            _ => None,
        })
        .await;
    house.relay.stop().await.unwrap();
    house.relay.start().await.unwrap();
    let pass = house.pass(&sip("alice"), "alice-2").await;
    let mut socket = Socket::open(&pass).await;
    assert_eq!(socket.wanted().await, "Password");
    assert!(socket.begin(None).await.refused().2.starts_with("im-password-needed:"));
    assert_eq!(house.attempts(), attempts + 1, "the old password was tried again");
    let told = alice.all(|event| match event {
        Event::LineState { state, .. } if state == "password-refused" => Some(()),
        _ => None,
    });
    assert_eq!(told.len(), 1, "the phone was told more than once");
    assert_eq!(house.relay.log().matches("audit: the IM system refused the password").count(), 1);
    let session = socket.begin(Some(NEW)).await.result.unwrap();
    assert_eq!(session["lineState"], "connected", "{session}");
    let (mut alice, mut bob) = (Handset::new(pass.profile(None)), house.bob().await);
    alice.signed_in().await;
    write(&mut bob, 0..1).await;
    alice.message(&text(0)).await;
    house.check_log();
}

#[tokio::test]
async fn peer_takes_a_new_password_while_the_old_line_is_up_and_no_message_is_lost() {
    const MESSAGES: usize = 60;
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    house.prosody.add_user("alice", NEW).unwrap();
    let pass = house.pass(&sip("alice"), "alice-2").await;
    let mut two = Socket::open(&pass).await;
    let (session, ()) = tokio::join!(two.begin(Some(NEW)), write(&mut bob, 0..MESSAGES));
    let session = session.result.unwrap();
    assert_eq!(session["lineState"], "connected", "{session}");
    settled(&mut bob, &mut alice).await;
    let mut told = numbered(&alice).await;
    told.sort();
    let mut expected = texts(0..MESSAGES);
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(two.wanted().await, "None");
    house.check_log();
}
