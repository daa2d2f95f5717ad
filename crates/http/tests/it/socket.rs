use futures_util::SinkExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{PATIENCE, Running, close_code, eventually, get, head, next, upgrade_request};

const UNKNOWN: &str = r#"{"jsonrpc":"2.0","id":"7","method":"NoSuchMethod"}"#;

#[tokio::test]
async fn frames_go_both_ways() {
    let server = Running::start(|_| {}).await;
    let (mut phone, _) = server.phone(&[]).await;
    phone.send(Message::text(UNKNOWN)).await.expect("sent");
    let answer = next(&mut phone).await.expect("an answer");
    assert!(answer.to_text().expect("text").contains("\"7\""));
}

#[tokio::test]
async fn pings_are_answered_and_binary_frames_ignored() {
    let server = Running::start(|_| {}).await;
    let (mut phone, _) = server.phone(&[]).await;
    phone.send(Message::binary(vec![1, 2, 3])).await.expect("sent");
    phone.send(Message::Ping(Bytes::from_static(b"are you there"))).await.expect("sent");
    let pong = next(&mut phone).await.expect("a pong");
    assert_eq!(pong, Message::Pong(Bytes::from_static(b"are you there")));
}

#[tokio::test]
async fn a_large_frame_passes_and_a_larger_one_closes_the_socket() {
    let server = Running::start(|settings| settings.frame_max_bytes = 8_192).await;
    let (mut phone, _) = server.phone(&[]).await;
    let blank = " ".repeat(8_192 - UNKNOWN.len());
    phone.send(Message::text(format!("{UNKNOWN}{blank}"))).await.expect("sent");
    assert!(next(&mut phone).await.expect("an answer").is_text());
    // More than the buffers of both ends hold, so the close must not be lost in a reset.
    let _ = phone.send(Message::text("x".repeat(1_000_000))).await;
    assert_eq!(close_code(&mut phone).await, Some(1009));
}

#[tokio::test]
async fn a_message_in_many_fragments_is_limited_as_a_whole() {
    let server = Running::start(|settings| settings.frame_max_bytes = 100).await;
    let mut tcp = raw(&server).await;
    for n in 0..3_u8 {
        let kind = if n == 0 { 0x01 } else { 0x00 };
        tcp.write_all(&masked(kind, &[b'x'; 40])).await.expect("sent");
    }
    assert_eq!(raw_close_code(&mut tcp).await, 1009);
}

#[tokio::test]
async fn broken_frames_close_with_the_right_code() {
    let server = Running::start(|_| {}).await;
    let unmasked = [0x81, 0x01, b'x'].to_vec();
    let reserved = masked(0xC1, b"x");
    let odd_opcode = masked(0x83, b"x");
    let stray = masked(0x80, b"x");
    let no_utf8 = masked(0x81, b"\xff\xfe");
    for (bytes, code) in
        [(unmasked, 1002), (reserved, 1002), (odd_opcode, 1002), (stray, 1002), (no_utf8, 1007)]
    {
        let mut tcp = raw(&server).await;
        tcp.write_all(&bytes).await.expect("sent");
        assert_eq!(raw_close_code(&mut tcp).await, code, "{bytes:x?}");
    }
}

#[tokio::test]
async fn every_socket_is_counted_however_it_ends() {
    let server = Running::start(|_| {}).await;
    let (mut polite, _) = server.phone(&[]).await;
    let (rude, _) = server.phone(&[]).await;
    let silent = raw(&server).await;
    open_is(&server, 3).await;
    polite.close(None).await.expect("closed");
    close_code(&mut polite).await;
    drop(rude);
    open_is(&server, 1).await;
    drop(silent);
    open_is(&server, 0).await;
    let page = get(server.admin(), "/metrics", "").await.body;
    assert!(page.contains("trunkline_http_socket_closes_total{code=\"1005\"} 1"), "{page}");
    assert!(page.contains("trunkline_http_socket_closes_total{code=\"1006\"} 2"), "{page}");
}

async fn open_is(server: &Running, count: usize) {
    let line = format!("trunkline_http_sockets_open {count}\n");
    eventually(async || get(server.admin(), "/metrics", "").await.body.contains(&line)).await;
}

/// A socket without a WebSocket library.
async fn raw(server: &Running) -> TcpStream {
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    tcp.write_all(upgrade_request("").as_bytes()).await.expect("sent");
    assert!(head(&mut tcp).await.starts_with("HTTP/1.1 101"));
    tcp
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0x80 | u8::try_from(payload.len()).expect("a short frame"), 0, 0, 0, 0];
    bytes.extend(payload);
    bytes
}

/// Reads up to the close frame and the end of the connection after it.
async fn raw_close_code(tcp: &mut TcpStream) -> u16 {
    let mut bytes = Vec::new();
    timeout(PATIENCE, tcp.read_to_end(&mut bytes)).await.expect("in time").expect("no reset");
    let place = bytes.iter().position(|byte| *byte == 0x88).expect("a close frame");
    u16::from_be_bytes([bytes[place + 2], bytes[place + 3]])
}
