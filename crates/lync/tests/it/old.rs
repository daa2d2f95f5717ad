use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;
use trunkline_lync::{
    listener,
    pool::{DialError, RoundError},
    tls::Strength,
};
use trunkline_testkit::eventually;

use crate::{
    openssl::{Client, OLD, OldHouse, Server},
    stage::{FRONT_END, POOL, RELAY, Stage},
};

/// A relay with a certificate of the old house's authority, which it trusts.
async fn stage(house: &OldHouse, strength: Strength) -> Result<Stage> {
    let (stage, relay) = (Stage::with(strength)?, house.identity(&[RELAY]).await?);
    stage.write("ca.pem", &house.authority()?)?;
    stage.write("relay.pem", &relay.certificate_pem)?;
    stage.write("key.pem", &relay.key_pem)?;
    Ok(stage)
}

fn last(error: DialError) -> Result<RoundError> {
    match error {
        DialError::Failed { last, .. } => Ok(last),
        error => Err(error.into()),
    }
}

#[tokio::test]
async fn a_server_that_is_too_old_is_told_of_with_the_attribute_that_helps() -> Result<()> {
    let house = OldHouse::new().await?;
    let (stage, identity) =
        (stage(&house, Strength::Usual).await?, house.identity(&[FRONT_END, POOL]).await?);
    for (what, words) in OLD {
        let (server, relay) = (Server::new(&identity, &stage.file("ca.pem"), words).await?, stage.relay()?);
        let error = last(relay.pool.get(&server.target()).await.err().context(*what)?)?.to_string();
        assert!(error.contains("does not speak TLS 1.2 with ECDHE and AES-GCM"), "{what}: {error}");
        assert!(error.contains("legacyTls=\"true\""), "{what}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_too_old_is_not_let_in() -> Result<()> {
    let house = OldHouse::new().await?;
    let (stage, identity) =
        (stage(&house, Strength::Usual).await?, house.identity(&[FRONT_END, POOL]).await?);
    let relay = stage.relay()?;
    let listener = relay.listen(listener::Limits::default()).await?;
    let (at, counts) = (listener.address()?, listener.counter());
    tokio::spawn(listener.run(CancellationToken::new()));
    for ((what, words), count) in OLD.iter().zip(1..) {
        let _client = Client::connect(at, Some(&identity), words).await?;
        eventually(what, || async { (counts().failed == count).then_some(()) }).await?;
    }
    assert_eq!(counts().admitted, 0);
    Ok(())
}

#[cfg(not(feature = "legacy-tls"))]
#[test]
fn a_program_without_openssl_says_how_to_build_one_with_it() -> Result<()> {
    let stage = Stage::with(Strength::Legacy)?;
    let error = stage.tls(&[POOL]).err().context("it must not start")?.to_string();
    assert!(error.starts_with("legacyTls: this program speaks TLS 1.2 and newer only"), "{error}");
    assert!(error.contains("--package trunkline-server --features legacy-tls"), "{error}");
    Ok(())
}

#[cfg(feature = "legacy-tls")]
mod legacy {
    use tokio::io::AsyncWriteExt;
    use trunkline_lync::{connection::Event, tls::Reason};
    use trunkline_testkit::peer::{Authority, Identity, Leaf, Purpose, Time};

    use super::*;
    use crate::{openssl::OLD_EC, stage::Relay};

    async fn received(relay: &mut Relay) -> Result<Vec<u8>> {
        loop {
            if let Event::Received(_, bytes) = relay.next().await? {
                return Ok(bytes);
            }
        }
    }

    #[tokio::test]
    async fn an_old_server_is_dialled() -> Result<()> {
        let house = OldHouse::new().await?;
        let (stage, identity) =
            (stage(&house, Strength::Legacy).await?, house.identity(&[FRONT_END, POOL]).await?);
        for (what, words) in OLD {
            let words = [words, &["-rev"][..]].concat();
            let server = Server::new(&identity, &stage.file("ca.pem"), &words).await?;
            let mut relay = stage.relay()?;
            let connection = relay.pool.get(&server.target()).await.context(*what)?;
            assert!(connection.peer().names.has(FRONT_END) && connection.peer().name == POOL, "{what}");
            connection.send("olleh\n".into()).await?;
            assert_eq!(received(&mut relay).await.context(*what)?, b"hello\n", "{what}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn an_old_server_comes_in() -> Result<()> {
        let house = OldHouse::new().await?;
        let (stage, identity) =
            (stage(&house, Strength::Legacy).await?, house.identity(&[FRONT_END, POOL]).await?);
        let mut relay = stage.relay()?;
        let listener = relay.listen(listener::Limits::default()).await?;
        let (at, counts) = (listener.address()?, listener.counter());
        tokio::spawn(listener.run(CancellationToken::new()));
        for (what, words) in OLD {
            let _client = Client::connect(at, Some(&identity), words).await?;
            assert_eq!(received(&mut relay).await.context(*what)?, b"hello\n", "{what}");
        }
        let _client = Client::connect(at, None, OLD[0].1).await?;
        eventually("without a certificate", || async { (counts().failed == 1).then_some(()) }).await?;
        assert_eq!(counts().admitted, OLD.len() as u64);
        Ok(())
    }

    /// Certificates that are no better over old TLS, and what is said when they are dialled.
    fn bad(stage: &Stage) -> Result<Vec<(Identity, Reason)>> {
        let good = Leaf { dns: &[FRONT_END, POOL], purposes: &[Purpose::Server], ..Leaf::default() };
        let wanted = "pool.contoso.test or in allowedPeers".to_owned();
        let sign = |leaf: &Leaf<'_>| stage.authority.issue(leaf);
        Ok(vec![
            (sign(&Leaf { dns: &["fe2.contoso.test"], ..good })?, Reason::Name { wanted }),
            (sign(&Leaf { time: Time::Past, ..good })?, Reason::Expired),
            (sign(&Leaf { time: Time::Future, ..good })?, Reason::NotYetValid),
            (sign(&Leaf { purposes: &[Purpose::Code], ..good })?, Reason::Purpose),
            (Authority::new()?.issue(&good)?, Reason::UnknownIssuer),
        ])
    }

    #[tokio::test]
    async fn old_tls_makes_no_certificate_better() -> Result<()> {
        let stage = Stage::with(Strength::Legacy)?;
        let relay = stage.relay()?;
        let listener = relay.listen(listener::Limits::default()).await?;
        let (at, counts) = (listener.address()?, listener.counter());
        tokio::spawn(listener.run(CancellationToken::new()));
        for ((identity, expected), count) in bad(&stage)?.into_iter().zip(1..) {
            let server = Server::new(&identity, &stage.file("ca.pem"), OLD_EC).await?;
            let dialled = stage.relay()?.pool.get(&server.target()).await;
            let error = last(dialled.err().with_context(|| format!("trusted: {expected}"))?)?;
            assert!(
                matches!(&error, RoundError::Refused { refusal, .. } if refusal.reason == expected),
                "{error}"
            );
            let _client = Client::connect(at, Some(&identity), OLD_EC).await?;
            let refused = || async { (counts().refused == count).then_some(()) };
            eventually(&expected.to_string(), refused).await?;
        }
        let good = stage.front_end()?;
        let server = Server::new(&good, &stage.file("ca.pem"), OLD_EC).await?;
        assert!(relay.pool.get(&server.target()).await?.is_open());
        assert_eq!((counts().admitted, counts().failed), (0, 0));
        Ok(())
    }

    /// At that level OpenSSL itself would take any key, and of DHE any group.
    #[tokio::test]
    async fn old_tls_takes_no_short_key_and_no_group_of_the_servers_own() -> Result<()> {
        let house = OldHouse::new().await?;
        let (stage, names) = (stage(&house, Strength::Legacy).await?, [FRONT_END, POOL]);
        let dialled = async |identity: &Identity, words: &[&str]| {
            let server = Server::new(identity, &stage.file("ca.pem"), words).await?;
            last(stage.relay()?.pool.get(&server.target()).await.err().context("it was taken")?)
        };
        let keys: [(&[&str], _, _); 2] = [
            (&["-newkey", "rsa:512"], OLD[0].1, "its RSA key has 512 bits; expected 2048 or more"),
            (&["-newkey", "rsa:1024"], OLD[4].1, "its RSA key has 1024 bits; expected 2048 or more"),
        ];
        let relay = stage.relay()?;
        let listener = relay.listen(listener::Limits::default()).await?;
        let (at, counts) = (listener.address()?, listener.counter());
        tokio::spawn(listener.run(CancellationToken::new()));
        for ((key, words, wanted), count) in keys.into_iter().zip(1..) {
            let identity = house.with_key(&names, key).await?;
            let error = dialled(&identity, words).await?.to_string();
            assert!(error.contains(wanted), "{error}");
            let _client = Client::connect(at, Some(&identity), words).await?;
            eventually(wanted, || async { (counts().refused == count).then_some(()) }).await?;
        }
        let (group, good) = (house.dh_params().await?, house.identity(&names).await?);
        let group = group.to_str().context("a path")?;
        let words = ["-tls1", "-cipher", "DHE-RSA-AES128-SHA:@SECLEVEL=0", "-dhparam", group];
        let error = dialled(&good, &words).await?.to_string();
        assert!(error.contains("no cipher suite"), "{error}");
        assert_eq!((counts().admitted, counts().failed), (0, 0));
        Ok(())
    }

    #[tokio::test]
    async fn an_old_server_that_does_not_trust_the_relay_is_told_of_in_words() -> Result<()> {
        let stage = Stage::with(Strength::Legacy)?;
        let (identity, stranger) = (stage.front_end()?, Authority::new()?.identity(&[RELAY])?);
        stage.write("relay.pem", &stranger.certificate_pem)?;
        stage.write("key.pem", &stranger.key_pem)?;
        let words = [OLD_EC, &["-Verify", "3"]].concat();
        let server = Server::new(&identity, &stage.file("ca.pem"), &words).await?;
        let error = stage.relay()?.pool.get(&server.target()).await.err().context("it was trusted")?;
        assert!(error.to_string().contains("does not accept the relay's certificate"), "{error}");
        Ok(())
    }

    #[tokio::test]
    async fn a_server_asks_for_the_relays_certificate_in_a_second_handshake() -> Result<()> {
        let stage = Stage::with(Strength::Legacy)?;
        let mut server = Server::new(&stage.front_end()?, &stage.file("ca.pem"), OLD_EC).await?;
        let mut relay = stage.relay()?;
        let connection = relay.pool.get(&server.target()).await?;
        server.typed.write_all(b"R\n").await?;
        server.hear("SSL_do_handshake -> 1").await?;
        connection.send("still here\n".into()).await?;
        server.hear("still here").await?;
        server.typed.write_all(b"and heard\n").await?;
        assert_eq!(received(&mut relay).await?, b"and heard\n");
        Ok(())
    }
}
