use std::time::Duration;

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use tokio_util::sync::CancellationToken;
use trunkline_lync::{connection::Event, listener::Limits};
use trunkline_testkit::eventually;

use crate::stage::{NEW, Stage};

#[tokio::test]
async fn who_does_not_shake_hands_is_let_go_and_keeps_no_front_end_out() -> Result<()> {
    let stage = Stage::new()?;
    let (identity, mut relay) = (stage.front_end()?, stage.relay()?);
    let limits = Limits {
        handshake: Duration::from_millis(300),
        handshakes: 3,
        handshakes_per_address: 3,
        ..Limits::default()
    };
    let listener = relay.listen(limits).await?;
    let (at, counts) = (listener.address()?, listener.counter());
    tokio::spawn(listener.run(CancellationToken::new()));
    let mut mute = Vec::new();
    // Nothing, the beginning of a record, and another protocol.
    for words in
        [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"OPTIONS sip:relay SIP/2.0\r\n\r\n"].iter().cycle().take(20)
    {
        let mut stream = TcpStream::connect(at).await?;
        // It may be closed already.
        let _ = stream.write_all(words).await;
        mute.push(stream);
    }
    // Each is closed by the relay: at once when there are too many, else when its time is over.
    for stream in &mut mute {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    eventually("all are let go", || async { (counts().failed + counts().full == 20).then_some(()) }).await?;
    assert!(counts().failed >= 3 && counts().full >= 1, "{:?}", counts());
    let _stream = stage.connect(at, Some(&identity), NEW).await?;
    assert!(matches!(relay.next().await?, Event::Opened(_)));
    Ok(())
}

#[tokio::test]
async fn strangers_who_take_every_place_keep_no_front_end_out() -> Result<()> {
    let stage = Stage::new()?;
    let (identity, mut relay) = (stage.front_end()?, stage.relay()?);
    let listener =
        relay.listen(Limits { handshakes: 4, reserved_handshakes: 2, ..Limits::default() }).await?;
    listener.known().learn("fe1.contoso.test".to_owned(), ["127.0.0.1".parse()?]);
    let (at, counts) = (listener.address()?, listener.counter());
    tokio::spawn(listener.run(CancellationToken::new()));
    let mut mute = Vec::new();
    for host in 2..6 {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, host], 0).into())?;
        mute.push(socket.connect(at).await?);
    }
    eventually("two too many", || async { (counts().full == 2).then_some(()) }).await?;
    let _stream = stage.connect(at, Some(&identity), NEW).await?;
    assert!(matches!(relay.next().await?, Event::Opened(_)));
    Ok(())
}

#[tokio::test]
async fn connections_are_bounded_and_one_that_ends_makes_room() -> Result<()> {
    let stage = Stage::new()?;
    let (identity, relay) = (stage.front_end()?, stage.relay()?);
    let listener = relay.listen(Limits { connections: 2, ..Limits::default() }).await?;
    let (at, counts) = (listener.address()?, listener.counter());
    tokio::spawn(listener.run(CancellationToken::new()));
    let first = stage.connect(at, Some(&identity), NEW).await?;
    let _second = stage.connect(at, Some(&identity), NEW).await?;
    assert!(stage.connect(at, Some(&identity), NEW).await.is_err());
    assert_eq!((counts().admitted, counts().full), (2, 1));
    drop(first);
    eventually("there is room again", || stage.connect(at, Some(&identity), NEW)).await?;
    Ok(())
}
