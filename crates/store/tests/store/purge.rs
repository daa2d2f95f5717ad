use std::time::Duration;

use trunkline_model::{Seq, Timestamp};
use trunkline_store::{Purge, StoreError};

use crate::fixture::{House, Person};

const DAY: Duration = Duration::from_secs(86_400);

/// A whole round, as if so many days had passed.
async fn purge(house: &House, days: u32, retention: Option<u32>) {
    let purge = Purge {
        now: Timestamp::now().plus(DAY * days),
        retention: retention.map(|days| DAY * days),
        undelivered: DAY * 180,
    };
    let mut calls = 0;
    while house.store.purge(purge).await.unwrap() {
        calls += 1;
        assert!(calls < 1_000, "a round ends");
    }
}

async fn floor(house: &House, person: &Person) -> i64 {
    house.store.mailbox_bounds(person.account).await.unwrap().floor.0
}

#[tokio::test]
async fn what_a_device_has_not_acknowledged_stays_and_the_floor_tells_the_rest() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let tablet = house.device(&bob, "tablet").await;
    house.send(&alice, &bob, "m-1", "hello").await;
    house.accept(&bob, &alice).await.unwrap();
    for id in ["m-2", "m-3"] {
        house.send(&alice, &bob, id, "hello").await;
    }
    house.acknowledge(&bob, bob.device, 99).await;
    house.acknowledge(&bob, tablet, 4).await;
    purge(&house, 29, Some(30)).await;
    assert_eq!(floor(&house, &bob).await, 0);
    purge(&house, 31, Some(30)).await;
    assert_eq!(floor(&house, &bob).await, 4);
    assert_eq!(house.mailbox(&bob).await, ["5 received alice m-3: hello"]);
    assert_eq!(house.store.mailbox_bounds(bob.account).await.unwrap().head, Seq(5));
    assert_eq!(house.unread(&bob, &alice).await, 3, "the count is not touched");

    house.store.device_revoke(tablet).await.unwrap();
    purge(&house, 31, Some(30)).await;
    assert_eq!(floor(&house, &bob).await, 5, "a revoked device holds nothing back");
    house.send(&alice, &bob, "m-4", "seqs go on").await;
    assert_eq!(house.mailbox(&bob).await, ["6 received alice m-4: seqs go on"]);
}

#[tokio::test]
async fn what_no_device_has_received_stays_longer_but_not_for_ever() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    house.store.device_revoke(bob.device).await.unwrap();
    purge(&house, 100, None).await;
    purge(&house, 100, Some(30)).await;
    let kept = house.mailbox(&bob).await;
    assert_eq!(kept, ["1 invited alice m-1: hello", "2 expired alice"]);
    purge(&house, 181, Some(30)).await;
    assert!(house.mailbox(&bob).await.is_empty());
}

#[tokio::test]
async fn invitations_that_nobody_answers_expire() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    purge(&house, 29, Some(30)).await;
    purge(&house, 400, None).await;
    assert_eq!(house.mailbox(&bob).await.len(), 1);
    purge(&house, 31, Some(30)).await;
    assert_eq!(house.mailbox(&bob).await, ["1 invited alice m-1: hello", "2 expired alice"]);
    assert_eq!(house.mailbox(&alice).await, ["1* sent bob m-1: hello", "2 expired bob"]);
    assert_eq!(house.accept(&bob, &alice).await, Err(StoreError::AlreadyAnswered));
}

#[tokio::test]
async fn a_resend_is_known_for_thirty_days_even_when_the_text_is_gone() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    house.accept(&bob, &alice).await.unwrap();
    house.receive(&alice, "dave@corp.test", "x-1", "hello").await;
    for person in [&alice, &bob] {
        house.acknowledge(person, person.device, 99).await;
    }
    // Expiry writes an entry of its own, which is acknowledged before it may go.
    purge(&house, 3, Some(1)).await;
    for person in [&alice, &bob] {
        house.acknowledge(person, person.device, 99).await;
    }
    purge(&house, 3, Some(1)).await;
    assert_eq!(house.store.counts().await.unwrap().messages, 2);
    assert_eq!(house.place.run("SELECT id FROM messages WHERE text <> ''").await, "");
    assert!(house.send(&alice, &bob, "m-1", "hello").await.dup);
    assert_eq!(house.try_send(&alice, &bob, "m-1", "other").await, Err(StoreError::Reused));
    assert!(house.receive(&alice, "dave@corp.test", "x-1", "hello").await);
    purge(&house, 31, Some(1)).await;
    assert_eq!(house.store.counts().await.unwrap().messages, 0);
    assert!(!house.send(&alice, &bob, "m-1", "other").await.dup);
}

#[tokio::test]
async fn kept_messages_release_their_ids_after_thirty_days() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    purge(&house, 31, None).await;
    assert!(!house.send(&alice, &bob, "m-1", "a new text").await.dup);
    assert_eq!(house.mailbox(&bob).await, ["1 invited alice m-1: hello", "2 received alice m-1: a new text"]);
}

#[tokio::test]
async fn large_mailboxes_go_in_small_batches() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    for number in 0..1_300 {
        house.receive(&bob, "dave@corp.test", &format!("x-{number}"), "hello").await;
    }
    house.send(&alice, &bob, "m-1", "hello").await;
    for person in [&alice, &bob] {
        house.acknowledge(person, person.device, i64::MAX).await;
    }
    let before = house.store.counts().await.unwrap();
    assert_eq!((before.messages, before.entries), (1_301, 1_303));
    purge(&house, 40, Some(30)).await;
    for person in [&alice, &bob] {
        house.acknowledge(person, person.device, i64::MAX).await;
    }
    purge(&house, 80, Some(30)).await;
    let after = house.store.counts().await.unwrap();
    assert_eq!((after.messages, after.entries), (0, 0));
}

/// A round costs what it removes: messages that stay are walked once a day, not every time.
#[tokio::test]
async fn what_stays_is_not_looked_at_again_the_same_day() {
    let house = super::house().await;
    let bob = house.person("bob").await;
    for number in 0..600 {
        house.receive(&bob, "dave@corp.test", &format!("x-{number}"), "hello").await;
    }
    let calls = async |hours: u64| {
        let now = Timestamp::now().plus(Duration::from_secs(40 * 86_400 + hours * 3_600));
        let all = Purge { now, retention: None, undelivered: Duration::from_secs(86_400) };
        let mut calls = 1;
        while house.store.purge(all).await.unwrap() {
            calls += 1;
        }
        calls
    };
    let (first, next, tomorrow) = (calls(0).await, calls(1).await, calls(25).await);
    assert!(next + 3 <= first, "{next} calls after {first}");
    assert_eq!(tomorrow, first);
}
