use trunkline_testkit::Way;

use crate::{
    handset::{Handset, Heard},
    house::House,
};

const MESSAGES: usize = 20;

fn ids(name: &str) -> Vec<String> {
    (1..=MESSAGES).map(|number| format!("{name}-{number}")).collect()
}

fn incoming(handset: &Handset) -> Vec<String> {
    handset.diary.incoming().map(|entry| entry.id.clone()).collect()
}

/// The server takes a phone for online whose network is dead, and what it sent there is gone, or waits for a timeout.
#[tokio::test]
async fn what_was_sent_into_a_dead_network_is_there_at_once_on_the_next_socket() {
    let mut house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    let (wire, through) = house.wire().await;
    bob.goes_through(through.clone());
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    for (round, killed) in [false, true].into_iter().enumerate() {
        wire.swallow();
        let wanted = ids(&format!("dead-{round}"));
        for id in &wanted {
            alice.send(&bob.address, id).await.unwrap();
        }
        if killed {
            house.power_cut().await;
            alice.open(true).await.unwrap();
        }
        wire.release();
        wire.cut();
        bob.open(true).await.unwrap();
        while !incoming(&bob).ends_with(&wanted) {
            bob.hear().await.unwrap();
        }
        assert_eq!(incoming(&bob).len(), (round + 1) * MESSAGES);
    }
    assert_eq!(bob.diary.faults(), [""; 0]);
    house.check_log();
}

/// In the seconds after a line drops, before anybody has noticed, messages are neither sent nor kept.
#[tokio::test]
async fn no_hole_opens_while_a_line_drops() {
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    let to = bob.address.clone();
    let wanted: Vec<_> = (0..10).flat_map(|round| ids(&format!("drop-{round}"))).collect();
    let writing = async {
        for id in &wanted {
            alice.send(&to, id).await.unwrap();
        }
    };
    let reading = async {
        while incoming(&bob).len() < wanted.len() {
            bob.open(incoming(&bob).len().is_multiple_of(2)).await.unwrap();
            for _ in 0..7 {
                if incoming(&bob).len() < wanted.len() {
                    bob.hear().await.unwrap();
                }
            }
            bob.cut();
        }
    };
    tokio::join!(writing, reading);
    assert_eq!(incoming(&bob), wanted);
    assert_eq!(bob.diary.faults(), [""; 0]);
    house.check_log();
}

/// What a phone sends again, since it heard no answer, enters the archive twice, and nothing marks it.
#[tokio::test]
async fn what_is_sent_again_is_archived_once_and_marked() {
    let mut house = House::open(&["alice", "bob"]).await;
    let mut alice = house.handset("alice", 1).await;
    let (mut other, mut bob) = (house.handset("alice", 2).await, house.handset("bob", 1).await);
    let (wire, through) = house.wire().await;
    let (wanted, mut dups) = (ids("again"), 0);
    alice.goes_through(through);
    alice.open(true).await.unwrap();
    wire.hold(Way::Down);
    for id in &wanted {
        alice.write_message(&bob.address, id).await.unwrap();
    }
    bob.open(true).await.unwrap();
    while incoming(&bob).len() < MESSAGES {
        bob.hear().await.unwrap();
    }
    wire.release();
    wire.cut();
    for killed in [false, true] {
        if killed {
            house.power_cut().await;
        }
        alice.last = -1;
        alice.open(false).await.unwrap();
        for id in &wanted {
            let answer = alice.send(&bob.address, id).await.unwrap();
            dups += usize::from(answer["dup"] == serde_json::Value::Bool(true));
        }
    }
    assert_eq!(dups, 2 * MESSAGES, "the phone is not told that the relay had it");
    for handset in [&mut bob, &mut other] {
        handset.open(false).await.unwrap();
        let archive = handset.sync(0, 200).await.unwrap();
        let held: Vec<_> = archive.iter().filter(|entry| !entry.text("message").is_empty()).collect();
        assert_eq!(
            held.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(),
            wanted,
            "{}",
            handset.name
        );
    }
    while let Ok(Some(heard)) = alice.hear_within(std::time::Duration::from_millis(200)).await {
        assert!(
            !matches!(heard, Heard::News(entry) if wanted.contains(&entry.id) && entry.kind == "MessageSent")
        );
    }
    house.check_log();
}
