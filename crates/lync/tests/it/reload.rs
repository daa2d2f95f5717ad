use anyhow::{Context, Result};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use trunkline_lync::{connection::Event, listener};
use trunkline_testkit::peer::Authority;

use crate::stage::{FrontEnd, NEW, POOL, RELAY, Stage};

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
