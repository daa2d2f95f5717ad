//! A fault of the program, injected at a line: it costs one message, and no line, conversation or other account anything.
#![cfg(debug_assertions)]

use trunkline_client::Event;

use crate::house::{House, address, backend, jid, plan, prosody};

async fn house() -> House {
    let prosody = prosody().await;
    let plan = plan().backend(&backend(&prosody, prosody.port())).env("TRUNKLINE_TEST_POISON", "1");
    House::of(prosody, plan).await
}

#[tokio::test]
async fn peer_sends_a_poisoned_stanza_and_the_line_goes_on() {
    let house = house().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    alice.phone.send_as("a-1", &address("bob"), "hello").await.unwrap();
    bob.message("hello").await.unwrap();
    for n in 0..3 {
        bob.send(&jid("alice"), &format!("poison-{n}"), "poison:stanza").await.unwrap();
        bob.send(&jid("alice"), &format!("good-{n}"), &format!("good {n}")).await.unwrap();
        assert_eq!(alice.message(&format!("good {n}")).await, format!("good-{n}"));
    }
    alice.phone.send_as("a-2", &address("bob"), "still here").await.unwrap();
    bob.message("still here").await.unwrap();
    let log = house.relay.log();
    assert_eq!(log.lines().filter(|line| line.contains("the server panicked")).count(), 3, "{log}");
    assert!(!log.contains("poison:"), "{log}");
}

#[tokio::test]
async fn peer_is_not_cut_off_from_what_waits_behind_a_poisoned_message() {
    let house = house().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    // Nobody knows how far it got: the person is asked.
    let poisoned = alice.phone.send_as("a-1", &address("bob"), "poison:line").await;
    alice.phone.send_as("a-2", &address("bob"), "behind it").await.unwrap();
    bob.message("behind it").await.unwrap();
    if poisoned.is_ok() {
        alice
            .until("what became of it is told", |event| match event {
                Event::Failed { message_id, .. } if message_id == "a-1" => Some(()),
                _ => None,
            })
            .await;
    }
    let log = house.relay.log();
    assert_eq!(log.lines().filter(|line| line.contains("the server panicked")).count(), 1, "{log}");
}
