use serde_json::json;
use trunkline_client::{Server, Trust};
use trunkline_testkit::patience;

use crate::{
    handset::{Handset, Heard, Trouble},
    house::House,
    proxy::{Cut, Proxy, Way},
};

async fn proxied(house: &House, handset: &mut Handset) -> Proxy {
    let proxy = Proxy::before(house.relay.listeners().http.as_deref().unwrap()).await;
    handset.goes_through(Server::new(&format!("http://{}", proxy.authority()), &Trust::System).unwrap());
    proxy
}

fn ids(handset: &Handset) -> Vec<String> {
    handset.diary.incoming().map(|entry| entry.id.clone()).collect()
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("m-{number}")).collect()
}

/// Catch-up ran before the live stream was subscribed to: whatever came in between was lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catch_up_runs_before_the_live_stream_is_subscribed() {
    const MESSAGES: usize = 600;
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    let to = bob.address.clone();
    let writing = tokio::spawn(async move {
        for id in numbered(MESSAGES) {
            alice.send(&to, &id).await.unwrap();
        }
    });
    let mut reopened = 0;
    while ids(&bob).len() < MESSAGES {
        // Little is read of each socket, so that catching up is always under way while messages come.
        bob.upgrade(true).await.unwrap();
        if reopened == 0 {
            bob.begin().await.unwrap();
        }
        reopened += 1;
        for _ in 0..20 {
            if ids(&bob).len() < MESSAGES {
                bob.hear().await.unwrap();
            }
        }
    }
    writing.await.unwrap();
    assert_eq!(ids(&bob), numbered(MESSAGES));
    assert_eq!(bob.diary.faults(), [""; 0]);
    eprintln!("{reopened} sockets");
    house.check_log();
}

/// A client subscribed again before it had signed in, and waited for ever for what was silently ignored.
#[tokio::test]
async fn resubscribing_before_signing_in() {
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    alice.send(&bob.address, "m-1").await.unwrap();
    bob.upgrade(false).await.unwrap();
    let early = bob.write("mailbox.Sync", json!({"since": 0})).await.unwrap();
    let begin = bob.write("BeginSession", json!({})).await.unwrap();
    let late = bob.write("mailbox.Sync", json!({"since": 0})).await.unwrap();
    match bob.answer(&early).await {
        Err(Trouble::Refused(error)) => assert_eq!(error.code.number(), 1017, "it is told, at once"),
        other => panic!("{other:?}"),
    }
    bob.answer(&begin).await.unwrap();
    assert_eq!(bob.answer(&late).await.unwrap()["entries"].as_array().unwrap().len(), 1);
    bob.hear_up_to(1).await.unwrap();
    // The next time one step does it all: the upgrade signs in, resumes and subscribes.
    alice.send(&bob.address, "m-2").await.unwrap();
    bob.upgrade(true).await.unwrap();
    bob.hear_up_to(2).await.unwrap();
    house.check_log();
}

/// After the second time in the background the old socket looked alive and the new one got nothing.
#[tokio::test]
async fn zombie_socket_after_the_second_background() {
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    let proxy = proxied(&house, &mut bob).await;
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    for round in 0..4 {
        // The system takes the network away without a word; the relay believes in the socket.
        proxy.freeze();
        let (while_away, live) = (format!("away-{round}"), format!("live-{round}"));
        alice.send(&bob.address, &while_away).await.unwrap();
        let again = twin(&bob);
        let mut zombie = std::mem::replace(&mut bob, again);
        bob.upgrade(true).await.unwrap();
        alice.send(&bob.address, &live).await.unwrap();
        while !ids(&bob).contains(&live) {
            bob.hear().await.unwrap();
        }
        assert_eq!(ids(&bob).iter().filter(|id| **id == while_away).count(), 1);
        assert_eq!(zombie.hear_within(patience() / 100).await.unwrap(), None::<Heard>);
    }
    house.check_log();
}

/// The same phone, to open another socket while its old one hangs.
fn twin(bob: &Handset) -> Handset {
    let mut twin = bob.twin(bob.diary.sockets());
    twin.last = bob.last;
    twin.goes_through(bob.server());
    twin
}

/// A batch that is not through when the client's patience ends began from its start again, for ever.
#[tokio::test]
async fn a_weak_line_never_gets_through_its_batch() {
    const MESSAGES: usize = 60;
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    bob.cut();
    for id in numbered(MESSAGES) {
        alice.send(&bob.address, &id).await.unwrap();
    }
    let proxy = proxied(&house, &mut bob).await;
    let mut connections = 0;
    while ids(&bob).len() < MESSAGES {
        let before = ids(&bob).len();
        // The head of the upgrade's answer and a few messages, then the line is gone.
        proxy.cut_next(Cut { way: Way::Down, after: 4_000, polite: false });
        bob.upgrade(true).await.unwrap();
        while ids(&bob).len() < MESSAGES && bob.hear().await.is_ok() {}
        assert!(ids(&bob).len() > before, "a connection of 4 000 bytes brought nothing new");
        connections += 1;
    }
    assert!(connections > 3, "the line was weak: {connections}");
    assert_eq!(ids(&bob), numbered(MESSAGES));
    house.check_log();
}

/// The server and the client disagree about a number, so the client connects anew, and they disagree again.
#[tokio::test]
async fn a_sequence_mismatch_reconnects_for_ever() {
    let mut house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    alice.send(&bob.address, "m-1").await.unwrap();
    bob.hear_up_to(1).await.unwrap();
    let known = bob.last;
    for power in [false, true] {
        if power {
            house.power_cut().await;
            alice.open(true).await.unwrap();
        }
        for wrong in [1, known + 500_000, known - 900_000, 9_007_199_254_740_991, i64::MAX] {
            bob.last = wrong;
            bob.upgrade(true).await.unwrap();
            assert!(bob.request("Ping", json!({})).await.is_ok(), "{wrong}: the socket serves");
            while bob.diary.on_socket().is_empty() {
                bob.hear().await.unwrap();
            }
            assert_eq!(bob.diary.on_socket(), [1], "{wrong}: what is not acknowledged comes again");
        }
    }
    alice.send(&bob.address, "m-2").await.unwrap();
    bob.hear_up_to(2).await.unwrap();
    assert_eq!(bob.diary.faults(), [""; 0]);
    house.check_log();
}
