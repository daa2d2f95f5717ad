use std::time::SystemTime;

use anyhow::{Context, Result};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use trunkline_lync::{
    connection::{CloseReason, Connection, Event},
    listener,
    tls::{Reason, Tls},
};
use trunkline_testkit::{eventually, patience, peer::Authority};

use crate::stage::{FRONT_END, FrontEnd, NEW, POOL, RELAY, Relay, Stage};

fn shown(stream: &TlsStream<TcpStream>) -> Result<CertificateDer<'static>> {
    let chain = stream.get_ref().1.peer_certificates().context("a certificate")?;
    Ok(chain.first().context("a certificate")?.clone().into_owned())
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_who_comes_next_and_drops_nobody() -> Result<()> {
    let (stage, stop) = (Stage::new()?, CancellationToken::new());
    let (identity, mut relay) = (stage.front_end()?, stage.relay()?);
    let listener = relay.listen(listener::Limits::default()).await?;
    let at = listener.address()?;
    tokio::spawn(listener.run(stop.clone()));
    let mut old = stage.connect(at, Some(&identity), NEW).await?;
    let Event::Opened(opened) = relay.next().await? else { anyhow::bail!("not opened") };
    assert!(!relay.tls.reload()?, "the same certificate");
    stage.renew(&[RELAY, "relay2.contoso.test"])?;
    assert!(relay.tls.reload()?);
    assert!(relay.tls.current().own_names().has("relay2.contoso.test"));
    let new = stage.connect(at, Some(&identity), NEW).await?;
    assert_ne!(shown(&old)?, shown(&new)?);
    opened.send("still here".into()).await?;
    let mut bytes = [0; 10];
    old.read_exact(&mut bytes).await?;
    assert_eq!((&bytes, opened.is_open()), (b"still here", true));
    old.write_all(b"and heard").await?;
    loop {
        if let Event::Received(from, bytes) = relay.next().await? {
            assert_eq!((from, bytes.as_slice()), (opened, b"and heard".as_slice()));
            break;
        }
    }
    let front_end = FrontEnd::new(&stage, &identity, NEW).await?;
    let target = front_end.target(POOL)?;
    let (connection, accepted) = tokio::join!(relay.pool.get(&target), front_end.accept());
    let (connection, accepted) = (connection?, accepted?);
    let chain = accepted.get_ref().1.peer_certificates().context("a certificate")?;
    assert_eq!(chain.first(), Some(&shown(&new)?), "the new one goes out, too");
    assert!(connection.is_open());
    stop.cancel();
    Ok(())
}

/// Waits until this connection ends, and says why.
async fn end(relay: &mut Relay, connection: &Connection) -> Result<CloseReason> {
    loop {
        if let Event::Closed(closed, reason) = relay.next().await?
            && closed == *connection
        {
            return Ok(reason);
        }
    }
}

#[tokio::test]
async fn who_is_allowed_no_more_is_let_go_and_the_others_stay() -> Result<()> {
    let (stage, stop) = (Stage::new()?, CancellationToken::new());
    let mut relay = stage.relay()?;
    let listener = relay.listen(listener::Limits::default()).await?;
    let at = listener.address()?;
    tokio::spawn(listener.run(stop.clone()));
    let (mut streams, mut opened) = (Vec::new(), Vec::new());
    for name in [FRONT_END, POOL] {
        streams.push(stage.connect(at, Some(&stage.authority.identity(&[name])?), NEW).await?);
        let Event::Opened(connection) = relay.next().await? else { anyhow::bail!("not opened") };
        opened.push(connection);
    }
    let front_end = FrontEnd::new(&stage, &stage.front_end()?, NEW).await?;
    let target = front_end.target(POOL)?;
    let (dialled, accepted) = tokio::join!(relay.pool.get(&target), front_end.accept());
    let (dialled, _accepted) = (dialled?, accepted?);
    relay.tls.set(Tls::load(stage.settings(&[POOL]))?);
    relay.pool.recheck();
    let reason = end(&mut relay, &opened[0]).await?;
    assert_eq!(
        reason.to_string(),
        "the peer is trusted no more: the certificate of fe1.contoso.test is refused: none of its names is in allowedPeers"
    );
    assert!(opened[1].is_open() && dialled.is_open(), "the pool's own name is allowed and was dialled");
    stage.write("ca.pem", Authority::new()?.certificate_pem())?;
    relay.tls.set(Tls::load(stage.settings(&[POOL]))?);
    relay.pool.recheck();
    for connection in [&opened[1], &dialled] {
        let reason = connection.closed().await;
        assert!(
            matches!(&reason, CloseReason::Distrusted(refusal) if refusal.reason == Reason::UnknownIssuer)
        );
    }
    stop.cancel();
    Ok(())
}

#[tokio::test]
async fn a_connection_ends_with_its_peers_certificate_and_is_made_anew_with_the_next() -> Result<()> {
    let (stage, stop) = (Stage::new()?, CancellationToken::new());
    let relay = stage.relay()?;
    let listener = relay.listen(listener::Limits::default()).await?;
    let at = listener.address()?;
    tokio::spawn(listener.run(stop.clone()));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let short = stage.authority.identity_within(&[POOL, FRONT_END], now - 60, now + 2)?;
    let _stream = stage.connect(at, Some(&short), NEW).await?;
    let mut front_end = FrontEnd::new(&stage, &short, NEW).await?;
    let target = front_end.target(POOL)?;
    let (dialled, accepted) = tokio::join!(relay.pool.get(&target), front_end.accept());
    let (dialled, _accepted) = (dialled?, accepted?);
    for connection in relay.pool.connections() {
        assert_eq!(connection.closed().await, CloseReason::Expired);
    }
    assert!(!dialled.is_open());
    front_end.renew(&FrontEnd::new(&stage, &stage.front_end()?, NEW).await?);
    let (again, _accepted) = tokio::join!(
        eventually("it is dialled again", || relay.pool.get(&target)),
        tokio::time::timeout(patience(), front_end.accept())
    );
    assert!(again?.is_open());
    stop.cancel();
    Ok(())
}

#[test]
fn after_a_bad_file_the_old_certificate_holds() -> Result<()> {
    let stage = Stage::new()?;
    let tls = stage.tls(&[POOL])?;
    let before = std::fs::read(stage.file("relay.pem"))?;
    let other = Authority::new()?.identity(&[RELAY])?;
    stage.write("relay.pem", &other.certificate_pem)?;
    assert!(tls.reload().is_err(), "its key is not there yet");
    assert!(tls.current().own_names().has(RELAY));
    std::fs::write(stage.file("relay.pem"), before)?;
    assert!(!tls.reload()?, "nothing was taken over in between");
    let key = CertificateDer::from_pem_slice(other.key_pem.as_bytes());
    assert!(key.is_err());
    Ok(())
}
