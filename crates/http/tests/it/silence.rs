//! Who says nothing is not waited for. Time is paused, so it jumps to the next limit whenever everybody waits.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, advance, pause, resume, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{PATIENCE, Running, eventually, get, head};

#[tokio::test]
async fn a_request_head_that_does_not_end_is_given_up() {
    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    tcp.write_all(b"GET /GaslampService/ws HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.expect("sent");
    assert!(ends_after(&mut tcp).await <= Duration::from_secs(21));
}

#[tokio::test]
async fn a_handshake_that_does_not_begin_is_given_up() {
    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.https()).await.expect("connected");
    assert!(ends_after(&mut tcp).await <= Duration::from_secs(11));
}

#[tokio::test]
async fn a_body_that_does_not_end_is_given_up() {
    let server = Running::start(|_| {}).await;
    let mut phones = Vec::new();
    for path in ["/v1/activation", "/GaslampService"] {
        let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
        let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{\"jsonrpc\":");
        tcp.write_all(request.as_bytes()).await.expect("sent");
        phones.push(tcp);
    }
    pause();
    for mut tcp in phones {
        assert!(head(&mut tcp).await.starts_with("HTTP/1.1 408"));
    }
}

#[tokio::test]
async fn a_phone_that_is_silent_for_90_seconds_is_let_go() {
    let server = Running::start(|_| {}).await;
    let (phone, _) = server.signed_in("sip:alice@example.test").await;
    let mut tcp = phone.into_inner();
    pause();
    advance(Duration::from_secs(91)).await;
    resume();
    let mut bytes = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut bytes)).await.expect("in time").expect("no reset");
    let away = 1001_u16.to_be_bytes();
    assert!(bytes.windows(2).any(|window| window == away), "{bytes:x?}");
}

/// A peer that vanished: its end of the connection never closes, answers or reads.
#[tokio::test]
async fn of_a_phone_that_vanished_nothing_is_left() {
    let server = Running::start(|_| {}).await;
    let (phone, _) = server.signed_in("sip:alice@example.test").await;
    let _vanished = phone.into_inner();
    pause();
    advance(Duration::from_secs(91)).await;
    resume();
    eventually(async || {
        let page = get(server.admin(), "/metrics", "").await.body;
        // The one connection is that which asks.
        page.contains("trunkline_http_sockets_open 0\n")
            && page.contains("trunkline_http_connections_open 1\n")
    })
    .await;
}

#[tokio::test]
async fn a_socket_without_a_session_closes_after_30_seconds() {
    let server = Running::start(|_| {}).await;
    let (mut phone, _) = server.phone(&[]).await;
    pause();
    let mut code = None;
    while let Some(Ok(message)) = phone.next().await {
        if let Message::Close(frame) = message {
            code = frame.map(|frame| u16::from(frame.code));
        }
    }
    assert_eq!(code, Some(4401));
}

/// How long until the server closes.
async fn ends_after(tcp: &mut TcpStream) -> Duration {
    pause();
    let began = Instant::now();
    let mut waste = Vec::new();
    let _ = tcp.read_to_end(&mut waste).await;
    began.elapsed()
}
