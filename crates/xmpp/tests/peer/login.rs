use anyhow::Result;
use trunkline_core::port::{LineState, Outcome};
use trunkline_testkit::peer::{Prosody, ProsodyOptions};
use trunkline_xmpp::{Tls, XmppSettings};

use crate::house::{DOMAIN, MOMENT, USERS, alice, connected, message, open, settings, state};

/// Every authentication attempt leaves one of these in Prosody's debug log.
fn attempts(prosody: &Prosody) -> usize {
    prosody.log().matches("sasl").count()
}

#[tokio::test]
async fn peer_signs_in_with_every_way_of_keeping_passwords() -> Result<()> {
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
    let seen = attempts(&prosody);
    tokio::time::sleep(4 * MOMENT).await;
    println!("{}", prosody.log());
    assert_eq!(attempts(&prosody), seen, "the password was tried again");
    assert_eq!(*inlet.states.lock().unwrap(), [LineState::PasswordRefused]);
    assert_eq!(line.send(message("bob", "hello")).await, Outcome::NotSent);
    Ok(())
}
