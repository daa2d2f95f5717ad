use std::fs;

use anyhow::Result;
use trunkline_core::port::{LineState, Outcome};
use trunkline_testkit::peer::{Authority, Prosody, ProsodyOptions};
use trunkline_xmpp::{Tls, XmppSettings};

use crate::house::{DOMAIN, USERS, alice, connected, message, open, settings, state};

/// How often a client began to sign in.
fn attempts(prosody: &Prosody) -> usize {
    prosody.log().matches(": <auth ").count()
}

#[tokio::test]
async fn peer_signs_in_however_passwords_are_kept_and_tls_begins() -> Result<()> {
    for hashed_passwords in [false, true] {
        let options = ProsodyOptions { hashed_passwords, ..ProsodyOptions::new(DOMAIN) };
        let prosody = Prosody::start_with(options, USERS).await?;
        let (line, inlet) = alice(&prosody).await?;
        line.close().await;
        assert_eq!(line.state(), LineState::Closed);
        assert_eq!(*inlet.states.lock().unwrap(), [LineState::Connected, LineState::Closed]);
        let direct = XmppSettings { port: prosody.direct_port(), tls: Tls::Direct, ..settings(&prosody) };
        let (line, _) = open(direct, "alice", "alice's secret").await?;
        connected(&line).await?;
    }
    Ok(())
}

#[tokio::test]
async fn peer_wrong_password_is_tried_once() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let (line, inlet) = open(settings(&prosody), "alice", "a guess").await?;
    state(&line, "the password is refused", |state| *state == LineState::PasswordRefused).await?;
    assert_eq!(attempts(&prosody), 1);
    // Long enough for the first retries, if there were any.
    for _ in 0..5 {
        let (bob, _) = open(settings(&prosody), "bob", "bob's secret").await?;
        connected(&bob).await?;
        bob.close().await;
    }
    assert_eq!(attempts(&prosody), 6);
    assert_eq!(*inlet.states.lock().unwrap(), [LineState::PasswordRefused]);
    assert_eq!(line.send(message("bob", "hello")).await, Outcome::NotSent);
    Ok(())
}

/// Opens a line that must not sign in; gives the reason.
async fn refused(prosody: &Prosody, settings: XmppSettings) -> Result<String> {
    let (line, _) = open(settings, "alice", "alice's secret").await?;
    let told = |state: &LineState| matches!(state, LineState::Connecting { reason } if !reason.is_empty());
    let state = state(&line, "the line says why it does not connect", told).await?;
    assert_eq!(attempts(prosody), 0, "a password was sent to a server that did not prove who it is");
    line.close().await;
    Ok(state.reason().to_owned())
}

#[tokio::test]
async fn peer_certificate_of_a_strange_authority_is_refused() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let folder = tempfile::tempdir()?;
    let other = folder.path().join("other.pem");
    fs::write(&other, Authority::new()?.certificate_pem())?;
    let settings = XmppSettings { ca_file: Some(other), ..settings(&prosody) };
    let reason = refused(&prosody, settings).await?;
    assert!(reason.contains("certificate"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn peer_certificate_for_another_name_is_refused() -> Result<()> {
    let options =
        ProsodyOptions { certificate_names: vec!["im.other.test".into()], ..ProsodyOptions::new(DOMAIN) };
    let prosody = Prosody::start_with(options, USERS).await?;
    let reason = refused(&prosody, settings(&prosody)).await?;
    assert!(reason.contains("certificate") && reason.contains(DOMAIN), "{reason}");
    let named = XmppSettings { server_name: "im.other.test".into(), ..settings(&prosody) };
    let (line, _) = open(named, "alice", "alice's secret").await?;
    connected(&line).await
}

#[tokio::test]
async fn peer_with_a_certificate_of_its_own_making_is_trusted_where_that_very_one_is_named() -> Result<()> {
    let options = ProsodyOptions { self_made: true, ..ProsodyOptions::new(DOMAIN) };
    let prosody = Prosody::start_with(options.clone(), USERS).await?;
    let other = Prosody::start_with(options, USERS).await?;
    let settings = settings(&prosody);
    let strange = XmppSettings { ca_file: Some(other.ca_file()), ..settings.clone() };
    let reason = refused(&prosody, strange).await?;
    assert!(reason.contains("caFile"), "{reason}");
    let misnamed = XmppSettings { server_name: "im.other.test".into(), ..settings.clone() };
    let reason = refused(&prosody, misnamed).await?;
    assert!(reason.contains("serverName") && reason.contains(DOMAIN), "{reason}");
    let (line, _) = open(settings, "alice", "alice's secret").await?;
    connected(&line).await
}

#[tokio::test]
async fn peer_port_that_begins_otherwise_is_told() -> Result<()> {
    let prosody = Prosody::start(DOMAIN, USERS).await?;
    let direct = XmppSettings { tls: Tls::Direct, ..settings(&prosody) };
    let reason = refused(&prosody, direct).await?;
    assert!(reason.contains("starttls"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn peer_without_tls_gets_no_password() -> Result<()> {
    let options = ProsodyOptions { starttls: false, ..ProsodyOptions::new(DOMAIN) };
    let prosody = Prosody::start_with(options, USERS).await?;
    let reason = refused(&prosody, settings(&prosody)).await?;
    assert!(reason.contains("no TLS"), "{reason}");
    Ok(())
}
