//! Servers that stop, die and come back.

use trunkline_client::Event;
use trunkline_testkit::peer::Colleague;

use crate::{
    house::{House, address, backend, jid, password, plan, prosody, sip},
    socket::Socket,
};

/// A house whose senders do not wait long for Prosody's word.
async fn impatient() -> House {
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

#[tokio::test]
async fn peer_writes_on_while_the_relay_is_killed_and_nothing_is_lost_or_doubled() {
    const MESSAGES: usize = 200;
    let mut house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    let text = |n: usize| format!("number {n}");
    for n in 0..60 {
        bob.send(&jid("alice"), &format!("b-{n}"), &text(n)).await.unwrap();
    }
    alice.message(&text(20)).await;
    alice.phone.set_offline(true);
    house.relay.kill().await.unwrap();
    for n in 60..120 {
        bob.send(&jid("alice"), &format!("b-{n}"), &text(n)).await.unwrap();
    }
    let attempts = house.attempts();
    house.relay.start().await.unwrap();
    for n in 120..MESSAGES {
        bob.send(&jid("alice"), &format!("b-{n}"), &text(n)).await.unwrap();
    }
    // No phone is there: the line comes back by the stored password alone.
    house.lines_up(1).await;
    assert_eq!(house.attempts(), attempts + 1);
    alice.phone.set_offline(false);
    alice.message(&text(MESSAGES - 1)).await;
    alice.message(&text(0)).await;
    house.settled(&mut bob, &mut alice).await;
    let mut told: Vec<String> = alice.mailbox().await.into_iter().map(|entry| entry.text).collect();
    told.retain(|text| text.starts_with("number"));
    let expected: Vec<String> = (0..MESSAGES).map(text).collect();
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
async fn peer_with_a_changed_password_is_not_tried_again_with_the_old_one() {
    let mut house = House::open().await;
    let mut alice = house.alice().await;
    house.prosody.stop().await.unwrap();
    house.prosody.add_user("alice", "open sesame new").unwrap();
    let attempts = house.attempts();
    house.prosody.start_again().await.unwrap();
    alice.line("password-refused").await;
    assert_eq!(house.attempts(), attempts + 1);
    alice.phone.close().await;
    house.relay.stop().await.unwrap();
    house.relay.start().await.unwrap();
    let pass = house.pass(&sip("alice"), "alice-2").await;
    let mut socket = Socket::open(&pass).await;
    assert_eq!(socket.wanted().await, "Password");
    assert!(socket.begin(None).await.refused().2.starts_with("im-password-needed:"));
    assert_eq!(house.attempts(), attempts + 1);
    let session = socket.begin(Some("open sesame new")).await.result.unwrap();
    assert_eq!(session["lineState"], "connected", "{session}");
    house.check_log();
}

#[tokio::test]
async fn peer_takes_a_new_password_while_the_old_line_is_up_and_no_message_is_lost() {
    const MESSAGES: usize = 60;
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    house.prosody.add_user("alice", "open sesame new").unwrap();
    let pass = house.pass(&sip("alice"), "alice-2").await;
    let mut two = Socket::open(&pass).await;
    let writing = write_all(&mut bob, MESSAGES);
    let (session, ()) = tokio::join!(two.begin(Some("open sesame new")), writing);
    let session = session.result.unwrap();
    assert_eq!(session["lineState"], "connected", "{session}");
    alice.message(&format!("number {}", MESSAGES - 1)).await;
    house.settled(&mut bob, &mut alice).await;
    let mut told: Vec<String> = alice.mailbox().await.into_iter().map(|entry| entry.text).collect();
    told.retain(|text| text.starts_with("number"));
    told.sort();
    let mut expected: Vec<String> = (0..MESSAGES).map(|n| format!("number {n}")).collect();
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!(two.wanted().await, "None");
    assert_eq!(password("alice"), "open sesame alice");
    house.check_log();
}

async fn write_all(bob: &mut Colleague, messages: usize) {
    for n in 0..messages {
        bob.send(&jid("alice"), &format!("b-{n}"), &format!("number {n}")).await.unwrap();
    }
}
