//! Who sends too slowly, too much, or nothing that means anything.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, advance, pause, resume, sleep, timeout},
};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{PATIENCE, Running, eventually, get, head, next, upgrade_request};

/// Sends one byte a second, over and over, until the server hangs up; how long that takes.
async fn dribble(tcp: TcpStream, bytes: &[u8]) -> Duration {
    let (mut reading, mut writing) = tcp.into_split();
    pause();
    let began = Instant::now();
    let feed = async {
        for byte in bytes.iter().cycle() {
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
            sleep(Duration::from_secs(1)).await; // tidy: poll
        }
    };
    let mut answer = Vec::new();
    let ended = async {
        let _ = reading.read_to_end(&mut answer).await;
    };
    tokio::select! {
        () = feed => {}
        () = ended => {}
    }
    let took = began.elapsed();
    resume();
    took
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_given_up() {
    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.expect("sent");
    assert!(dribble(tcp, b"X-Slow: y\r\n").await <= Duration::from_secs(22));
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_given_up() {
    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    let head = b"POST /v1/activation HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n{";
    tcp.write_all(head).await.expect("sent");
    assert!(dribble(tcp, b" ").await <= Duration::from_secs(12));
}

#[tokio::test]
async fn a_tls_handshake_that_comes_byte_by_byte_is_given_up() {
    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.https()).await.expect("connected");
    // The head of a record of 16 KiB, of which the rest never comes.
    tcp.write_all(&[0x16, 3, 1, 0x40, 0]).await.expect("sent");
    assert!(dribble(tcp, &[1]).await <= Duration::from_secs(12));
}

#[tokio::test]
async fn a_kept_connection_without_a_further_request_is_given_up() {
    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    tcp.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    assert!(head(&mut tcp).await.starts_with("HTTP/1.1 404"));
    pause();
    let began = Instant::now();
    let mut rest = Vec::new();
    let _ = tcp.read_to_end(&mut rest).await;
    assert!(began.elapsed() <= Duration::from_secs(21));
}

#[tokio::test]
async fn answers_that_nobody_takes_are_given_up() {
    let server = Running::start(|_| {}).await;
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    let requests = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    // Until the buffers of both ends are full of answers that are not read.
    let full = async { while tcp.write_all(requests.as_bytes()).await.is_ok() {} };
    timeout(Duration::from_secs(2), full).await.expect_err("it takes no more");
    assert!(get(server.admin(), "/metrics", "").await.body.contains("trunkline_http_connections_open 2\n"));
    pause();
    advance(Duration::from_secs(21)).await;
    resume();
    let gone = async || {
        get(server.admin(), "/metrics", "").await.body.contains("trunkline_http_connections_open 1\n")
    };
    eventually(gone).await;
}

#[tokio::test]
async fn a_frame_that_comes_byte_by_byte_is_no_sign_of_life() {
    let server = Running::start(|_| {}).await;
    let (phone, _) = server.signed_in("sip:alice@example.test").await;
    let mut tcp = phone.into_inner();
    // The head of a masked text frame of 60 000 bytes.
    tcp.write_all(&[0x81, 0xfe, 0xea, 0x60, 0, 0, 0, 0]).await.expect("sent");
    assert!(dribble(tcp, b" ").await <= Duration::from_secs(93));
}

#[tokio::test]
async fn fragments_without_content_are_no_sign_of_life() {
    let server = Running::start(|_| {}).await;
    let (phone, _) = server.signed_in("sip:alice@example.test").await;
    let mut tcp = phone.into_inner();
    tcp.write_all(&[0x01, 0x80, 0, 0, 0, 0]).await.expect("sent");
    let fragment = [0x00, 0x80, 0, 0, 0, 0];
    assert!(dribble(tcp, &fragment).await <= Duration::from_secs(93));
}

#[tokio::test]
async fn a_flood_of_control_frames_holds_nobody_else_up() {
    let server = Running::start(|_| {}).await;
    let (mut flooder, _) = server.phone(&[]).await;
    let (mut good, _) = server.signed_in("sip:alice@example.test").await;
    let flood = async {
        // It reads no pong, so that those would pile up if they were kept.
        while flooder.feed(Message::Ping(Bytes::from_static(&[7; 125]))).await.is_ok() {}
    };
    let talk = async {
        for n in 0..200 {
            let ping = format!(r#"{{"jsonrpc":"2.0","id":"p{n}","method":"Ping"}}"#);
            good.send(Message::text(ping)).await.expect("sent");
            let answered =
                |text: &str| text.contains(&format!("\"id\":\"p{n}\"")) && text.contains("sequence");
            while !answered(next(&mut good).await.expect("an answer").to_text().expect("text")) {}
        }
    };
    tokio::select! {
        () = flood => panic!("a flooder is slowed, not cut off"),
        () = talk => {}
    }
}

#[tokio::test]
async fn a_source_has_so_many_connections_even_before_its_handshakes() {
    let server = Running::start(|settings| settings.sockets_per_address = 5).await;
    let mut waiting = Vec::new();
    for _ in 0..5 {
        waiting.push(TcpStream::connect(server.https()).await.expect("connected"));
    }
    let open = "trunkline_http_connections_open 6\n";
    eventually(async || get(server.admin(), "/metrics", "").await.body.contains(open)).await;
    for _ in 0..3 {
        let mut further = TcpStream::connect(server.https()).await.expect("connected");
        let mut byte = [0];
        // An end or a reset, at once.
        assert!(matches!(timeout(PATIENCE, further.read(&mut byte)).await.expect("in time"), Ok(0) | Err(_)));
    }
    let page = get(server.admin(), "/metrics", "").await.body;
    assert!(page.contains("trunkline_http_handshakes_failed_total{reason=\"too_many\"} 3"), "{page}");
    drop(waiting);
    let again = async || {
        let tcp = TcpStream::connect(server.http()).await.expect("connected");
        let mut tcp = tcp;
        let _ = tcp.write_all(upgrade_request("").as_bytes()).await;
        let mut bytes = [0; 12];
        tcp.read_exact(&mut bytes).await.is_ok()
    };
    eventually(again).await;
}

#[tokio::test]
async fn a_frame_that_nests_deep_or_holds_much_costs_an_answer_and_no_more() {
    let server = Running::start(|_| {}).await;
    let (mut phone, _) = server.phone(&[]).await;
    for text in [
        "[".repeat(60_000),
        "{\"a\":".repeat(10_000),
        "1".repeat(60_000),
        format!("[{}1]", "1,".repeat(30_000)),
    ] {
        phone.send(Message::text(text)).await.expect("sent");
        let answer = next(&mut phone).await.expect("an answer");
        assert!(answer.to_text().expect("text").len() < 1_000);
    }
    phone.close(None).await.expect("closed");
    while let Some(Ok(_)) = phone.next().await {}
}
