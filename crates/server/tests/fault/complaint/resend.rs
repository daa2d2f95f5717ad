use serde_json::{Value, json};
use trunkline_client::{Server, Trust};

use crate::{
    handset::{Handset, Trouble, text_of},
    house::{House, address},
    proxy::Proxy,
};

/// What a phone has been told, by message id.
fn ids(handset: &Handset) -> Vec<&str> {
    handset.diary.incoming().map(|entry| entry.id.as_str()).collect()
}

/// The answer is lost on a dead network, the phone's patience ends, it sends again: five products delivered twice.
#[tokio::test]
async fn sent_twice_after_a_timeout() {
    let house = House::open(&["alice", "bob"]).await;
    let proxy = Proxy::before(house.relay.listeners().http.as_deref().unwrap()).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    bob.open(true).await.unwrap();
    alice.goes_through(Server::new(&format!("http://{}", proxy.authority()), &Trust::System).unwrap());
    for attempt in 0..3 {
        alice.open(true).await.unwrap();
        alice.write_message(&bob.address, "m-1").await.unwrap();
        if attempt == 0 {
            bob.hear_up_to(1).await.unwrap();
        }
        proxy.freeze();
    }
    alice.open(true).await.unwrap();
    alice.send(&bob.address, "m-1").await.unwrap();
    alice.send(&bob.address, "m-2").await.unwrap();
    while ids(&bob).len() < 2 {
        bob.hear().await.unwrap();
    }
    assert_eq!(ids(&bob), ["m-1", "m-2"]);
    house.check_log();
}

/// The relay dies between the commit and the answer. Not to say that the resend was one made clients show it twice.
#[tokio::test]
async fn a_resend_after_a_crash_is_not_labelled() {
    let mut house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    alice.write_message(&bob.address, "m-1").await.unwrap();
    bob.hear_up_to(1).await.unwrap();
    let first = bob.diary.get(1).unwrap().number("timestamp");
    house.power_cut().await;
    alice.open(true).await.unwrap();
    let again = alice.send(&bob.address, "m-1").await.unwrap();
    assert_eq!((&again["dup"], again["timestamp"].as_i64()), (&Value::Bool(true), Some(first)));
    let fresh = alice.send(&bob.address, "m-2").await.unwrap();
    assert_eq!(fresh["dup"], Value::Null, "and what is no resend is not called one");
    house.check_log();
}

/// A client uses a key again for something else: the second message must neither vanish as a repeat nor go out.
#[tokio::test]
async fn the_same_key_with_another_body() {
    let mut house = House::open(&["alice", "bob", "carol"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    alice.send(&address("bob"), "m-1").await.unwrap();
    for power in [false, true] {
        if power {
            house.power_cut().await;
            alice.open(true).await.unwrap();
        }
        for (to, text) in [("bob", "another text".to_owned()), ("carol", text_of("m-1"))] {
            let params = json!({"contactId": address(to), "messageId": "m-1", "message": text});
            match alice.request("SendMessage", params).await {
                Err(Trouble::Refused(error)) => {
                    assert_eq!(error.code.number(), 1012);
                    assert!(error.inner.starts_with("message-id-reused:"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    alice.send(&address("bob"), "m-2").await.unwrap();
    bob.open(true).await.unwrap();
    while ids(&bob).len() < 2 {
        bob.hear().await.unwrap();
    }
    assert_eq!(ids(&bob), ["m-1", "m-2"]);
    house.check_log();
}
