use std::sync::{Arc, atomic::Ordering};

use anyhow::Result;
use tokio::time::Instant;
use trunkline_core::port::{Line, LineState, Outcome, OutgoingMessage};
use trunkline_testkit::{
    Fault, Way, Wire, eventually,
    peer::{Colleague, Heard, Prosody, ProsodyOptions},
    trial,
};
use trunkline_xmpp::XmppSettings;

use crate::house::{DOMAIN, Recorder, USERS, alice, connected, message, next_turn, open, settings, state};

const ALICE: &str = "alice@corp.test";

/// Alice's line over a wire that can be cut.
async fn over(wire: &Wire, prosody: &Prosody) -> Result<(Arc<dyn Line>, Arc<Recorder>)> {
    let (line, inlet) =
        open(XmppSettings { port: wire.port(), ..settings(prosody) }, "alice", "alice's secret").await?;
    connected(&line).await?;
    Ok((line, inlet))
}

/// How the server goes away.
#[derive(Debug, Clone, Copy)]
enum Going {
    /// As an administrator stops it. Prosody 0.12 then counts the stanza that it is just reading, tells that count
    /// beside its refusal to take up the session, and has discarded the stanza.
    Stop,
    /// SIGKILL.
    Kill,
}

/// Sends one message after the other until one is not confirmed.
async fn send_on(line: Arc<dyn Line>, round: usize) -> Vec<(String, Outcome)> {
    let mut outcomes = Vec::new();
    while outcomes.last().is_none_or(|(_, outcome)| *outcome == Outcome::Confirmed) {
        let text = format!("round {round} message {}", outcomes.len());
        let outcome = line.send(message("bob", &text)).await;
        outcomes.push((text, outcome));
    }
    outcomes
}

#[tokio::test]
async fn peer_restart_loses_nothing_that_was_confirmed() -> Result<()> {
    use Going::{Kill, Stop};
    let mut prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut outcomes = Vec::new();
    for (round, going) in [Stop, Kill, Stop].into_iter().cycle().take(trial(3, 120)).enumerate() {
        let (line, _) = alice(&prosody).await?;
        let sending = tokio::spawn(send_on(line.clone(), round));
        let stored = || prosody.log().matches("Received[c2s]: <message").count();
        let before = stored();
        eventually("some messages are through", async || (stored() > before + 10).then_some(())).await?;
        match going {
            Stop => prosody.stop().await?,
            Kill => prosody.kill().await?,
        }
        state(&line, "the line notices", |state| matches!(state, LineState::Connecting { .. })).await?;
        prosody.start_again().await?;
        connected(&line).await?;
        outcomes.extend(sending.await?);
        line.close().await;
    }
    let (line, _) = alice(&prosody).await?;
    let end = line.send(message("bob", "the end")).await;
    outcomes.push(("the end".into(), end));
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    bob.message("the end").await?;
    for (text, outcome) in outcomes {
        match (outcome, bob.message_count(&text)) {
            (Outcome::Confirmed, 1) | (Outcome::NotSent, 0) | (Outcome::Unknown, 0 | 1) => {}
            (outcome, count) => panic!("{text:?} was told as {outcome:?} and came {count} times"),
        }
    }
    Ok(())
}

#[test]
fn peer_gives_again_what_was_not_committed() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let prosody = runtime.block_on(Prosody::start(DOMAIN, USERS))?;
    let mut bob = runtime.block_on(Colleague::sign_in(&prosody, "bob", "bob's secret"))?;
    // The relay whose store is down, and which then dies.
    let dying = tokio::runtime::Runtime::new()?;
    let (_line, inlet) = dying.block_on(alice(&prosody))?;
    inlet.broken.store(true, Ordering::SeqCst);
    runtime.block_on(async {
        bob.send(ALICE, "b-1", "do not lose me").await?;
        bob.send(ALICE, "b-2", "nor me").await?;
        eventually("the message has come, and was not taken", async || {
            (inlet.refusals.load(Ordering::SeqCst) > 1).then_some(())
        })
        .await
    })?;
    dying.shutdown_background();
    runtime.block_on(async {
        let (_line, inlet) = alice(&prosody).await?;
        inlet.text("nor me").await?;
        assert_eq!(inlet.texts(), ["do not lose me", "nor me"]);
        Ok(())
    })
}

#[tokio::test]
async fn peer_goes_on_once_the_store_is_well_again() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;
    inlet.broken.store(true, Ordering::SeqCst);
    bob.send(ALICE, "b-1", "one").await?;
    bob.send(ALICE, "b-2", "two").await?;
    eventually("the store refuses", async || (inlet.refusals.load(Ordering::SeqCst) > 0).then_some(()))
        .await?;
    assert_eq!(line.send(message("bob", "my store is down, but I can write")).await, Outcome::Confirmed);
    inlet.broken.store(false, Ordering::SeqCst);
    inlet.text("two").await?;
    assert_eq!(inlet.texts(), ["one", "two"]);
    Ok(())
}

/// As the core does: what was not sent is tried again.
async fn send_until_taken(line: &Arc<dyn Line>, text: &str) -> Result<Outcome> {
    let message = message("bob", text);
    eventually("the line takes the message", async || {
        let message = OutgoingMessage { turn: next_turn(), ..message.clone() };
        Some(line.send(message).await).filter(|outcome| *outcome != Outcome::NotSent)
    })
    .await
}

#[tokio::test]
async fn peer_resumes_after_a_cut_without_loss_or_doubles() -> Result<()> {
    const MESSAGES: usize = 60;
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let wire = Wire::to(prosody.port()).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = over(&wire, &prosody).await?;
    let mut sends = Vec::new();
    for n in 0..MESSAGES {
        let sender = line.clone();
        sends.push(tokio::spawn(async move { send_until_taken(&sender, &format!("a{n}")).await }));
        bob.send(ALICE, &format!("b-{n}"), &format!("b{n}")).await?;
        if n % 20 == 10 {
            wire.cut();
            state(&line, "the cut is noticed", |state| matches!(state, LineState::Connecting { .. })).await?;
            connected(&line).await?;
        }
    }
    for (n, send) in sends.into_iter().enumerate() {
        assert_eq!(send.await??, Outcome::Confirmed, "a{n}");
        bob.message(&format!("a{n}")).await?;
    }
    let expected: Vec<String> = (0..MESSAGES).map(|n| format!("b{n}")).collect();
    inlet.text(&expected[MESSAGES - 1]).await?;
    assert_eq!(inlet.texts(), expected);
    assert_eq!(prosody.log().matches("<resumed ").count(), 3);
    for n in 0..MESSAGES {
        assert!(bob.message_count(&format!("a{n}")) <= 1, "a{n} came twice");
    }
    Ok(())
}

/// A stanza of several TLS records, of which not all come: none of it counts as taken.
#[tokio::test]
async fn peer_gives_again_what_a_cut_left_half_read() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let wire = Wire::to(prosody.port()).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    for fault in [Fault::End, Fault::Reset, Fault::Corrupt] {
        let (line, inlet) = over(&wire, &prosody).await?;
        for after in [20_000, 35_000] {
            let (long, short) = (format!("{after} {}", "x".repeat(40_000)), format!("{fault:?} {after}"));
            wire.plan(Way::Down, after, fault);
            bob.send(ALICE, &format!("b-{short}"), &long).await?;
            bob.send(ALICE, &format!("c-{short}"), &short).await?;
            inlet.text(&short).await?;
            assert!(inlet.texts().ends_with(&[long, short]), "{:?}", inlet.texts().len());
        }
        assert_eq!(inlet.texts().len(), 4);
        let cuts =
            inlet.states.lock().unwrap().iter().filter(|state| **state != LineState::Connected).count();
        assert_eq!(cuts, 2, "{fault:?}");
        line.close().await;
    }
    assert_eq!(prosody.log().matches("<resumed ").count(), 6);
    Ok(())
}

/// What was on its way into the store at a cut comes again; without any id it is known by its place.
#[tokio::test]
async fn peer_gives_again_a_message_without_an_id_and_it_is_known() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let wire = Wire::to(prosody.port()).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = over(&wire, &prosody).await?;
    let nameless = format!("<message to='{ALICE}' type='chat'><body>nameless</body></message>");
    let slow = inlet.slow.lock().await;
    bob.raw(&nameless).await?;
    inlet.text("nameless").await?;
    wire.cut();
    state(&line, "the cut is noticed", |state| matches!(state, LineState::Connecting { .. })).await?;
    connected(&line).await?;
    drop(slow);
    bob.raw(&nameless).await?;
    bob.send(ALICE, "b-1", "behind").await?;
    inlet.text("behind").await?;
    assert_eq!(inlet.texts(), ["nameless", "nameless", "behind"], "the second one is another message");
    assert_eq!(prosody.log().matches("<resumed ").count(), 1);
    Ok(())
}

#[tokio::test]
async fn peer_that_falls_silent_is_given_up() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let wire = Wire::to(prosody.port()).await?;
    let (line, inlet) = over(&wire, &prosody).await?;
    wire.swallow();
    tokio::time::pause();
    let since = Instant::now();
    let lost = |state: &LineState| matches!(state, LineState::Connecting { .. });
    while !inlet.states.lock().unwrap().iter().any(lost) {
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!(since.elapsed().as_secs() < 120, "a dead link stayed for {:?}", since.elapsed());
    }
    // Half a minute when a confirmation was due, a minute and a half at most.
    assert!(since.elapsed().as_secs() >= 29, "a quiet link was given up after {:?}", since.elapsed());
    assert_eq!(line.send(message("bob", "hello?")).await, Outcome::NotSent);
    Ok(())
}

#[tokio::test]
async fn peer_that_falls_silent_leaves_messages_unknown() -> Result<()> {
    for acknowledgements in [true, false] {
        let options = ProsodyOptions { acknowledgements, ..ProsodyOptions::new(DOMAIN) };
        let prosody = Prosody::start_with(options, USERS).await?;
        let wire = Wire::to(prosody.port()).await?;
        let (line, _) = over(&wire, &prosody).await?;
        wire.swallow();
        tokio::time::pause();
        let since = Instant::now();
        assert_eq!(line.send(message("bob", "into the void")).await, Outcome::Unknown);
        assert!(since.elapsed().as_secs() <= 61, "{:?}", since.elapsed());
        tokio::time::resume();
    }
    Ok(())
}

#[tokio::test]
async fn peer_returns_a_message_only_from_who_may() -> Result<()> {
    let users = [USERS, &[("carol", "carol's secret")]].concat();
    let prosody = Prosody::start(DOMAIN, &users).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let mut carol = Colleague::sign_in(&prosody, "carol", "carol's secret").await?;
    let (line, inlet) = alice(&prosody).await?;
    let letter = message("bob", "dear Bob");
    assert_eq!(line.send(letter.clone()).await, Outcome::Confirmed);
    let resource = bob.until("receives the letter", |heard| match heard {
        Heard::Message { resource, .. } => Some(resource.clone()),
        _ => None,
    });
    let resource = resource.await?;
    let condition = "<resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>";
    let bounce = format!(
        "<message to='{ALICE}/{resource}' type='error' id='{key}'><error type='wait'>{condition}</error></message>\
         <message to='{ALICE}' type='chat'><received xmlns='urn:xmpp:receipts' id='{key}'/></message>",
        key = letter.key
    );
    carol.raw(&bounce).await?;
    carol.send(ALICE, "c-1", "I was not asked").await?;
    inlet.text("I was not asked").await?;
    assert_eq!((inlet.failed.lock().unwrap().len(), inlet.delivered.lock().unwrap().len()), (0, 1));
    bob.raw(&bounce).await?;
    bob.send(ALICE, "b-1", "I cannot take it").await?;
    inlet.text("I cannot take it").await?;
    assert_eq!(*inlet.failed.lock().unwrap(), [(letter.key, false)]);
    Ok(())
}

/// Every message of a stranger that the server passes on must leave the line as it was.
#[tokio::test]
async fn peer_passes_on_what_would_hurt() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (_line, inlet) = alice(&prosody).await?;
    let long = "x".repeat(10_000);
    let deep = format!("{}{}", "<a>".repeat(5000), "</a>".repeat(5000));
    for (n, hurtful) in [
        format!("<message to='{ALICE}'>{deep}</message>"),
        format!("<message to='{ALICE}' id='{long}'><body>long id</body></message>"),
        format!("<message to='{ALICE}'><{long}/></message>"),
        format!("<message to='{ALICE}' type='unheard-of'><body>what?</body></message>"),
        format!("<iq to='{ALICE}/nobody' type='get' id='1'/>"),
        format!("<presence to='{ALICE}'><show>flying</show></presence>"),
        format!("<message to='{ALICE}'><body>one</body><body>two</body></message>"),
    ]
    .iter()
    .enumerate()
    {
        bob.raw(hurtful).await?;
        bob.send(ALICE, &format!("b-{n}"), &format!("after {n}")).await?;
        inlet.text(&format!("after {n}")).await?;
    }
    assert_eq!(*inlet.states.lock().unwrap(), [LineState::Connected], "the link broke");
    Ok(())
}

/// What nobody can read breaks the link, but once only: it does not come again and break the next one.
#[tokio::test]
async fn peer_passes_on_what_cannot_be_read() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let mut bob = Colleague::sign_in(&prosody, "bob", "bob's secret").await?;
    let (line, inlet) = alice(&prosody).await?;
    // Cut to the same namespace, these two attributes are one too many.
    let space = "x".repeat(5_000);
    let twice = format!("<a xmlns:p='{space}1' xmlns:q='{space}2' p:k='' q:k=''/>");
    bob.send(ALICE, "b-1", "before").await?;
    bob.raw(&format!("<message to='{ALICE}'>{twice}</message>")).await?;
    bob.send(ALICE, "b-2", "behind").await?;
    inlet.text("behind").await?;
    assert_eq!(inlet.texts(), ["before", "behind"]);
    connected(&line).await?;
    bob.send(ALICE, "b-3", "after").await?;
    inlet.text("after").await?;
    let lost = inlet.states.lock().unwrap().iter().filter(|state| **state != LineState::Connected).count();
    assert_eq!(lost, 1, "{:?}", inlet.states.lock().unwrap());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn server_that_says_nothing_hits_the_time_limit() -> Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let silent = XmppSettings {
        domain: DOMAIN.into(),
        host: "127.0.0.1".into(),
        port: listener.local_addr()?.port(),
        tls: trunkline_xmpp::Tls::StartTls,
        ca_file: None,
        server_name: DOMAIN.into(),
        login_rate: 1,
    };
    let folder = tempfile::tempdir()?;
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, trunkline_testkit::peer::Authority::new()?.certificate_pem())?;
    let since = Instant::now();
    let (line, _) = open(XmppSettings { ca_file: Some(ca_file), ..silent }, "alice", "secret").await?;
    let in_time = |state: &LineState| state.reason().contains("did not answer in time");
    state(&line, "the line gives up", in_time).await?;
    assert!((19..30).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
    line.close().await;
    assert_eq!(line.state(), LineState::Closed);
    Ok(())
}
