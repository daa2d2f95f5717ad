use trunkline_model::{MessageKey, Seq};
use trunkline_store::StoreError;

use crate::fixture::{address, message_id};

#[tokio::test]
async fn the_first_device_that_acknowledges_delivers() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let tablet = house.device(&bob, "tablet").await;
    for id in ["m-1", "m-2", "m-3"] {
        house.send(&alice, &bob, id, "hello").await;
    }
    let receipts =
        house.store.acknowledge(bob.account, bob.device, Seq(2)).await.unwrap().await.unwrap().receipts;
    let shown: Vec<_> = receipts.iter().map(|one| (one.peer.local(), one.id.as_str(), one.local)).collect();
    assert_eq!(shown, [("alice", "m-1", true), ("alice", "m-2", true)]);
    assert_eq!(house.acknowledge(&bob, bob.device, 1).await, 0);
    assert_eq!(house.acknowledge(&bob, tablet, 99).await, 1);
    assert_eq!(house.acknowledge(&bob, bob.device, 3).await, 0);
    assert_eq!(
        house.mailbox(&alice).await[3..],
        ["4 delivered bob m-1", "5 delivered bob m-2", "6 delivered bob m-3"]
    );
    assert_eq!(house.store.acknowledged(tablet).await.unwrap(), Seq(3));
    assert_eq!(house.store.acknowledged(bob.device).await.unwrap(), Seq(3));
}

#[tokio::test]
async fn an_accepted_first_message_is_delivered_once() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    house.accept(&bob, &alice).await.unwrap();
    assert_eq!(house.acknowledge(&bob, bob.device, 3).await, 1);
    assert_eq!(house.mailbox(&alice).await[2..], ["3 delivered bob m-1"]);
}

#[tokio::test]
async fn messages_from_elsewhere_give_receipts_for_their_line() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    house.receive(&alice, "dave@corp.test", "x-1", "hello").await;
    let receipts =
        house.store.acknowledge(alice.account, alice.device, Seq(1)).await.unwrap().await.unwrap().receipts;
    assert_eq!(receipts.len(), 1);
    assert_eq!(
        (receipts[0].peer.local(), receipts[0].id.as_str(), receipts[0].local),
        ("dave", "x-1", false)
    );
}

#[tokio::test]
async fn a_strangers_device_acknowledges_nothing() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "hello").await;
    let outcome = house.store.acknowledge(bob.account, alice.device, Seq(1)).await.unwrap().await;
    assert!(matches!(outcome, Err(StoreError::NotFound(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_peers_own_receipt_counts_once_and_only_for_its_message() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let (dave, erin) = (address("dave@corp.test"), address("erin@corp.test"));
    let sent = house.send_out(&alice, "dave@corp.test", "m-1", "hello").await;
    for (account, peer, key) in [
        (alice.account, &erin, sent.key),
        (bob.account, &dave, sent.key),
        (alice.account, &dave, MessageKey::fresh()),
        (alice.account, &dave, sent.key),
        (alice.account, &dave, sent.key),
    ] {
        house.store.delivered(account, peer, key).await.unwrap().await.unwrap();
    }
    assert_eq!(house.mailbox(&alice).await, ["1* sent dave m-1: hello", "2 delivered dave m-1"]);
}

#[tokio::test]
async fn reading_only_goes_forward_and_never_raises_the_count() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    for id in ["m-1", "m-2", "m-3"] {
        house.send(&alice, &bob, id, "hello").await;
    }
    house.accept(&bob, &alice).await.unwrap();
    assert_eq!(house.unread(&bob, &alice).await, 3);
    let read = async |up_to: Option<i64>| {
        let pending = house.store.read(bob.account, bob.device, alice.address.clone(), up_to.map(Seq)).await;
        let mark = pending.unwrap().await.unwrap();
        (mark.up_to.0, mark.unread)
    };
    assert_eq!(read(Some(2)).await, (2, 1));
    assert_eq!(read(Some(1)).await, (2, 1));
    assert_eq!(read(Some(-7)).await, (2, 1));
    assert_eq!(read(Some(99)).await, (6, 0));
    assert_eq!(read(None).await, (7, 0));
    assert_eq!(house.mailbox(&bob).await[5..], ["6* read alice to 2 left 1", "7* read alice to 6 left 0"]);
    let stranger = house.store.read(bob.account, bob.device, address("nobody@example.test"), None).await;
    assert!(matches!(stranger.unwrap().await, Err(StoreError::NotFound(_))));
}

#[tokio::test]
async fn unacknowledged_finds_the_last_shown_and_the_first_entry_of_an_id() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    house.send(&alice, &bob, "m-1", "from alice").await;
    house.send(&carol, &bob, "m-1", "from carol").await;
    let id = message_id("m-1");
    let find = async |peer, shown| {
        let found = house.store.unacknowledged(bob.account, bob.device, &id, peer, Seq(shown)).await.unwrap();
        (found.last_shown.map(|seq| seq.0), found.first.map(|seq| seq.0))
    };
    assert_eq!(find(None, 9).await, (Some(2), Some(1)));
    assert_eq!(find(None, 1).await, (Some(1), Some(1)));
    assert_eq!(find(None, 0).await, (None, Some(1)));
    assert_eq!(find(Some(&carol.address), 1).await, (None, Some(2)));
    assert_eq!(find(Some(&alice.address), 9).await, (Some(1), Some(1)));
    house.acknowledge(&bob, bob.device, 1).await;
    assert_eq!(find(Some(&alice.address), 9).await, (None, None));
    assert_eq!(find(None, 9).await, (Some(2), Some(2)));
}

/// A phone that was away for weeks must not hold up everybody else for as long as its mailbox is.
#[tokio::test]
async fn a_huge_acknowledgement_goes_in_steps() {
    let mut house = super::house().await;
    let bob = house.person("bob").await;
    for number in 0..1_200 {
        house.receive(&bob, "dave@corp.test", &format!("x-{number}"), "hello").await;
    }
    let acknowledge = async |house: &crate::fixture::House| {
        house.store.acknowledge(bob.account, bob.device, Seq(1_200)).await.unwrap().await.unwrap()
    };
    let first = acknowledge(&house).await;
    assert_eq!((first.receipts.len(), first.more), (1_000, true));
    // Interrupted: what is done is done, and the rest is not lost.
    house.reopen().await;
    assert_eq!(house.store.acknowledged(bob.device).await.unwrap(), Seq(1_000));
    let second = acknowledge(&house).await;
    assert_eq!((second.receipts.len(), second.more), (200, false));
    assert!(acknowledge(&house).await.receipts.is_empty());
}
