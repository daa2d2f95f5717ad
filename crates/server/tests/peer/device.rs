//! Several phones of one account, and phones that sleep.

use trunkline_client::Event;

use crate::{
    handset::{Entry, Handset},
    house::{House, address, jid, password, sip},
};

fn entries(mailbox: &[Entry], text: &str) -> usize {
    mailbox.iter().filter(|entry| entry.text == text).count()
}

#[tokio::test]
async fn peer_reaches_every_phone_of_the_account() {
    let house = House::open().await;
    let (mut one, mut bob) = (house.alice().await, house.bob().await);
    let pass = house.pass(&sip("alice"), "alice-2").await;
    // The line is up and the relay knows the password: the second phone needs none.
    let mut two = Handset::new(pass.profile(None));
    two.signed_in().await;
    assert_eq!(house.attempts(), 2, "one line for both phones, and Bob's");
    one.phone.send_as("a-1", &address("bob"), "from the first").await.unwrap();
    two.until("the copy of what the first phone sent", |event| match event {
        Event::MessageSent { message_id, .. } if message_id == "a-1" => Some(()),
        _ => None,
    })
    .await;
    bob.message("from the first").await.unwrap();
    bob.send(&jid("alice"), "b-1", "to both").await.unwrap();
    one.message("to both").await;
    two.message("to both").await;
    assert_eq!(entries(&one.mailbox().await, "to both"), 1);
    house.check_log();
}

#[tokio::test]
async fn peer_writes_to_a_phone_without_network() {
    let house = House::open().await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    alice.phone.set_offline(true);
    alice.until("the drop", |event| matches!(event, Event::Disconnected { .. }).then_some(())).await;
    bob.send(&jid("alice"), "b-1", "read this later").await.unwrap();
    house.holds_more_than(0).await;
    alice.phone.set_offline(false);
    alice.message("read this later").await;
    alice.phone.ack("b-1", &address("bob")).await.unwrap();
    alice.phone.drop_network();
    alice.forget();
    bob.send(&jid("alice"), "b-2", "and this").await.unwrap();
    alice.message("and this").await;
    assert_eq!(entries(&alice.mailbox().await, "read this later"), 1);
    assert_eq!(entries(&alice.mailbox().await, "and this"), 1);
    house.check_log();
}

#[tokio::test]
async fn peer_refuses_a_second_phones_wrong_password_and_the_line_goes_on() {
    let house = House::open().await;
    let (mut one, mut bob) = (house.alice().await, house.bob().await);
    let pass = house.pass(&sip("alice"), "alice-2").await;
    let mut two = crate::socket::Socket::open(&pass).await;
    let (phase, code, words) = two.begin(Some("open sesame wrong")).await.refused();
    assert_eq!((phase, code), (2, 1018));
    assert!(words.starts_with("im-password-refused:"), "{words}");
    bob.send(&jid("alice"), "b-1", "still with us").await.unwrap();
    one.message("still with us").await;
    let down = one.heard(|event| matches!(event, Event::LineState { state, .. } if state != "connected"));
    assert!(!down, "the line of the first phone went down");
    two.begin(Some(&password("alice"))).await.result.unwrap();
    house.check_log();
}
