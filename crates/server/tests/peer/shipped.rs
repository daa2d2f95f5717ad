//! A Prosody as Debian ships it, and a person who sits at a desktop too.

use trunkline_client::Event;
use trunkline_testkit::peer::{Colleague, Heard, ProsodyOptions};

use crate::house::{DOMAIN, House, address, backend, jid, password, plan, prosody_with};

#[tokio::test]
async fn peer_as_debian_ships_it_reaches_phone_and_desktop() {
    let options = ProsodyOptions { as_shipped: true, ..ProsodyOptions::new(DOMAIN) };
    let prosody = prosody_with(options).await;
    let plan = plan().backend(&backend(&prosody, prosody.port()));
    let house = House::of(prosody, plan).await;
    let (mut alice, mut bob) = (house.alice().await, house.bob().await);
    let mut desktop = Colleague::sign_in(&house.prosody, "alice", &password("alice")).await.unwrap();
    let there = desktop.until("is there", |heard| matches!(heard, Heard::Presence { .. }).then_some(()));
    there.await.unwrap();
    bob.send(&jid("alice"), "b-1", "wherever you are").await.unwrap();
    alice.message("wherever you are").await;
    desktop.message("wherever you are").await.unwrap();
    alice.phone.send_as("a-1", &address("bob"), "here").await.unwrap();
    bob.message("here").await.unwrap();
    alice
        .until("Bob's client has it", |event| match event {
            Event::Delivered { message_id, .. } if message_id == "a-1" => Some(()),
            _ => None,
        })
        .await;
    // The desktop's going leaves the phone where it is.
    desktop.quit().await.unwrap();
    bob.send(&jid("alice"), "b-2", "still there?").await.unwrap();
    alice.message("still there?").await;
    house.check_log();
}
