//! The socket that does only what it is told.

#[path = "fake/relay.rs"]
mod relay;

use relay::{FakeRelay, PATIENCE};
use serde_json::json;
use trunkline_client::{Handshake, Incoming, RawSocket};
use trunkline_wire::phone;

#[tokio::test]
async fn it_sends_reads_and_tells_the_close_code() {
    let relay = FakeRelay::start().await;
    let server = relay.server();
    let mut handshake = Handshake::new("device-9");
    handshake.extra.push(("Origin".into(), "https://elsewhere.test".into()));
    let (socket, mut served) = tokio::join!(RawSocket::connect(&server, &handshake), relay.accept());
    let mut socket = socket.unwrap();
    assert_eq!(served.headers["origin"], "https://elsewhere.test");
    assert_eq!(socket.header("upgrade"), Some("websocket"));
    socket.send(phone::request("c1", "Ping", json!({}))).await.unwrap();
    let asked = served.asked("Ping").await;
    served.answer(&asked, json!({"sessionTimeout": 5})).await;
    assert!(socket.next_text(PATIENCE).await.unwrap().contains("sessionTimeout"));
    let closing = tokio::spawn(served.close(4401, "no session"));
    assert_eq!(
        socket.next_text(PATIENCE).await,
        Err(Some(Incoming::Closed(Some(4401), "no session".into())))
    );
    assert_eq!(socket.next(PATIENCE).await, Some(Incoming::Gone));
    closing.await.unwrap();
}

#[tokio::test]
async fn rubbish_under_the_websocket_ends_the_connection() {
    let relay = FakeRelay::start().await;
    let server = relay.server();
    let handshake = Handshake::new("device-9");
    let (socket, served) = tokio::join!(RawSocket::connect(&server, &handshake), relay.accept());
    let mut socket = socket.unwrap();
    socket.send_bytes(&[0xff; 64]).await.unwrap();
    assert_eq!(served.ended().await, None);
}
