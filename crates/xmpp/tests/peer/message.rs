use anyhow::Result;
use trunkline_core::port::Outcome;
use trunkline_model::Timestamp;
use trunkline_testkit::{
    eventually,
    peer::{Colleague, Heard, Prosody, ProsodyOptions},
};

use crate::house::{DOMAIN, USERS, address, alice, message};

const ALICE: &str = "alice@corp.test";

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

    bob.send(ALICE, "b-1", "hello Alice").await?;
    let received = inlet.text("hello Alice").await?;
    assert_eq!((received.peer.clone(), received.id.as_str()), (address("bob"), "b-1"));
    line.delivered(&received.peer, &received.id).await?;
    line.delivered(&received.peer, &received.id).await?;
    let receipt = Heard::Receipt { from: ALICE.into(), id: "b-1".into() };
    bob.until("gets the receipt", |heard| (*heard == receipt).then_some(())).await?;
    line.send(message("bob", "the end")).await;
    bob.message("the end").await?;
    assert_eq!(bob.heard().iter().filter(|heard| **heard == receipt).count(), 1, "a receipt is sent once");
    Ok(())
}

#[tokio::test]
async fn peer_typing_is_told_both_ways() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;
    for (composing, state) in [(true, "composing"), (false, "paused")] {
        line.typing(&address("bob"), composing).await?;
        let note = Heard::Chatstate { from: ALICE.into(), state: state.into() };
        bob.until("sees Alice type", |heard| (*heard == note).then_some(())).await?;
        bob.chat_state(ALICE, state).await?;
        eventually("Alice sees Bob type", async || {
            inlet.typing.lock().unwrap().contains(&(address("bob"), composing)).then_some(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn peer_message_to_nobody_comes_back() -> Result<()> {
    for acknowledgements in [true, false] {
        let options = ProsodyOptions { acknowledgements, ..ProsodyOptions::new(DOMAIN) };
        let prosody = Prosody::start_with(options, USERS).await?;
        let (line, _) = alice(&prosody).await?;
        let outcome = line.send(message("nobody", "anybody there?")).await;
        assert!(matches!(outcome, Outcome::Refused { permanent: true, .. }), "{outcome:?}");
        assert_eq!(line.send(message("bob", "you are")).await, Outcome::Confirmed, "Bob is away, but exists");
    }
    Ok(())
}

#[tokio::test]
async fn peer_without_acknowledgements_confirms_by_its_pongs() -> Result<()> {
    let options = ProsodyOptions { acknowledgements: false, ..ProsodyOptions::new(DOMAIN) };
    let prosody = Prosody::start_with(options, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;
    for n in 0..20 {
        assert_eq!(line.send(message("bob", &format!("m{n}"))).await, Outcome::Confirmed);
        bob.message(&format!("m{n}")).await?;
    }
    bob.send(ALICE, "b-1", "all here").await?;
    inlet.text("all here").await?;
    Ok(())
}

#[tokio::test]
async fn peer_keeps_messages_while_the_person_is_away() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let before = Timestamp::now();
    for n in 0..3 {
        bob.send(ALICE, &format!("b-{n}"), &format!("later {n}")).await?;
    }
    bob.send("nobody@corp.test", "x", "the server has taken the others").await?;
    eventually("the server keeps the messages", async || {
        (prosody.log().matches("storing in offline").count() >= 3
            || prosody.log().contains("nobody@corp.test"))
        .then_some(())
    })
    .await?;
    let (_line, inlet) = alice(&prosody).await?;
    let last = inlet.text("later 2").await?;
    assert_eq!(inlet.texts(), ["later 0", "later 1", "later 2"]);
    // The server's stamp has whole seconds, of a clock that may lag ours by a tick.
    let (earliest, stamp) = (before.as_secs() - 1, last.sent_at);
    assert!(stamp.as_secs() >= earliest && stamp <= Timestamp::now(), "{stamp:?}, sent after {before:?}");
    Ok(())
}

#[tokio::test]
async fn peer_burst_in_both_directions_loses_nothing() -> Result<()> {
    const BURST: usize = 300;
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;
    let sending = async {
        let sends = (0..BURST).map(|n| {
            let line = line.clone();
            tokio::spawn(async move { line.send(message("bob", &format!("a{n}"))).await })
        });
        for send in sends.collect::<Vec<_>>() {
            assert_eq!(send.await?, Outcome::Confirmed);
        }
        anyhow::Ok(())
    };
    let answering = async {
        for n in 0..BURST {
            bob.send(ALICE, &format!("b-{n}"), &format!("b{n}")).await?;
        }
        for n in 0..BURST {
            bob.message(&format!("a{n}")).await?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(sending, answering)?;
    inlet.text(&format!("b{}", BURST - 1)).await?;
    let expected: Vec<String> = (0..BURST).map(|n| format!("b{n}")).collect();
    assert_eq!(inlet.texts(), expected);
    Ok(())
}
