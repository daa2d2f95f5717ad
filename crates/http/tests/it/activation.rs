use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Answer, PATIENCE, Running, get, post};

async fn activate(server: &Running, body: &str) -> Answer {
    post(server.http(), "/v1/activation", "Content-Type: application/json\r\n", body).await
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_without_quoting_it() {
    let server = Running::start(|_| {}).await;
    for body in
        ["", "[]", "{", r#"{"accessKey":"hush"}"#, r#"{"address":7,"accessKey":"hush","deviceToken":"d"}"#]
    {
        let answer = activate(&server, body).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "invalid-request"), "{body}");
        assert!(!answer.body.contains("hush"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let long = format!(r#"{{"address":"{}","accessKey":"k","deviceToken":"d"}}"#, "a".repeat(300));
    assert_eq!(activate(&server, &long).await.status, 400);
    assert_eq!(get(server.http(), "/v1/activation", "").await.status, 405);
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let server = Running::start(|_| {}).await;
    let body = format!(r#"{{"address":"{}"}}"#, "a".repeat(17_000));
    let answer = activate(&server, &body).await;
    assert_eq!((answer.status, answer.problem().as_str()), (413, "too-large"));
}

#[tokio::test]
async fn a_request_head_is_limited_in_size_and_number() {
    let server = Running::start(|_| {}).await;
    let large = format!("X-Filler: {}\r\n", "a".repeat(20_000));
    let many = "X-Filler: a\r\n".repeat(70);
    for lines in [large, many] {
        let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\n{lines}\r\n");
        let _ = tcp.write_all(request.as_bytes()).await;
        let mut start = [0; 12];
        timeout(PATIENCE, tcp.read_exact(&mut start)).await.expect("in time").expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 431");
    }
}
