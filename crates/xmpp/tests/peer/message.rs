use anyhow::Result;
use trunkline_core::port::Outcome;
use trunkline_testkit::peer::{Colleague, Heard, Prosody, ProsodyOptions, eventually};

use crate::house::{DOMAIN, USERS, address, alice, message};

#[tokio::test]
async fn peer_messages_and_receipts_go_both_ways() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;

    let hello = message("bob", "hello <Bob> & co\u{1}");
    assert_eq!(line.send(hello.clone()).await, Outcome::Confirmed);
    let id = bob.message("hello <Bob> & co\u{fffd}").await?;
    assert_eq!(id, hello.key.to_string());
    eventually("bob's receipt arrives", async || {
        inlet.delivered.lock().unwrap().contains(&(address("bob"), hello.key)).then_some(())
    })
    .await?;

    bob.send("alice@corp.test", "b-1", "hello Alice").await?;
    let received = inlet.text("hello Alice").await?;
    assert_eq!((received.peer.clone(), received.id.as_str()), (address("bob"), "b-1"));
    line.delivered(&received.peer, &received.id).await?;
    line.delivered(&received.peer, &received.id).await?;
    bob.until("gets the receipt", |heard| {
        (*heard == Heard::Receipt { from: "alice@corp.test".into(), id: "b-1".into() }).then_some(())
    })
    .await?;
    line.close().await;
    Ok(())
}
