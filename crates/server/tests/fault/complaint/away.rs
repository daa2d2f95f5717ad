use trunkline_client::{Server, Trust};
use trunkline_testkit::eventually;

use crate::{
    handset::Handset,
    house::{House, address},
    proxy::Proxy,
};

fn ids(handset: &Handset) -> Vec<&str> {
    handset.diary.incoming().map(|entry| entry.id.as_str()).collect()
}

async fn hear_all(handset: &mut Handset, wanted: &[&str]) {
    while ids(handset).len() < wanted.len() {
        handset.hear().await.unwrap();
    }
    assert_eq!(ids(handset), wanted);
}

/// A message that is sent while the receiver's cable is out never appears, and neither side is told.
#[tokio::test]
async fn sent_while_the_receivers_cable_was_out() {
    let house = House::open(&["alice", "bob"]).await;
    let proxy = Proxy::before(house.relay.listeners().http.as_deref().unwrap()).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.goes_through(Server::new(&format!("http://{}", proxy.authority()), &Trust::System).unwrap());
    bob.open(true).await.unwrap();
    alice.send(&bob.address, "before").await.unwrap();
    hear_all(&mut bob, &["before"]).await;
    proxy.freeze();
    // To the relay the socket is open, and what it writes goes nowhere.
    alice.send(&bob.address, "cable-1").await.unwrap();
    alice.send(&bob.address, "cable-2").await.unwrap();
    bob.upgrade(true).await.unwrap();
    hear_all(&mut bob, &["before", "cable-1", "cable-2"]).await;
    let last = bob.diary.incoming().next_back().cloned().unwrap();
    let ack = bob.write_ack(&last).await.unwrap();
    bob.answer(&ack).await.unwrap();
    // The sender is told of each when it has arrived, and not before.
    let told = |alice: &Handset| {
        let receipts = alice.diary.entries().filter(|entry| entry.kind == "MessageAck");
        receipts.map(|entry| entry.id.clone()).collect::<Vec<_>>()
    };
    while told(&alice).len() < 3 {
        alice.hear().await.unwrap();
    }
    assert_eq!(told(&alice), ["before", "cable-1", "cable-2"]);
    house.check_log();
}

/// What waited for a phone in the background was thrown away after some minutes. Here even the session is over, and the
/// relay was killed.
#[tokio::test]
async fn the_queue_is_dead_after_ten_minutes_in_background() {
    let plan = House::plan().set("SESSION_TIMEOUT_SECS", "1");
    let mut house = House::with(plan, &["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    alice.send(&bob.address, "before").await.unwrap();
    hear_all(&mut bob, &["before"]).await;
    bob.cut();
    alice.cut();
    eventually("the sessions time out", async || {
        let status = house
            .relay
            .admin(&serde_json::json!({"do": "status"}))
            .await
            .map_err(|error| error.to_string())?;
        let sessions = status["status"]["server"]["sessions"].clone();
        if sessions == 0 { Ok(()) } else { Err(status.to_string()) }
    })
    .await
    .unwrap();
    alice.open(true).await.unwrap();
    for number in 0..10 {
        alice.send(&address("bob"), &format!("m-{number}")).await.unwrap();
    }
    house.power_cut().await;
    bob.open(true).await.unwrap();
    let mut wanted = vec!["before".to_owned()];
    wanted.extend((0..10).map(|number| format!("m-{number}")));
    hear_all(&mut bob, &wanted.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(bob.diary.faults(), [""; 0]);
    house.check_log();
}
