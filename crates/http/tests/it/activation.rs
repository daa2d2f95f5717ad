use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    relay::{access_key, account},
    support::{Answer, PATIENCE, Running, get, post, problem},
};

async fn activate(server: &Running, body: &str) -> Answer {
    post(server.http(), "/v1/activation", "Content-Type: application/json\r\n", body).await
}

fn request(address: &str, key: &str, device: &str) -> String {
    format!(
        r#"{{"address":"{address}","accessKey":"{key}","deviceToken":"{device}","platform":"iOS","more":1}}"#
    )
}

#[tokio::test]
async fn a_key_becomes_a_token_once() {
    let server = Running::start(|_| {}).await;
    let alice = account(&server.store, "sip:alice@example.test").await;
    let key = access_key(&server.store, alice, false).await;
    let typed = key.to_lowercase().replace('-', " ");
    let answer = activate(&server, &request("alice@example.test", &typed, "d-1")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let reply: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert!(reply["authToken"].as_str().expect("a token").starts_with("tl1."));
    assert_eq!(reply["account"]["displayName"], "Alice Example");
    assert!(reply["deviceId"].is_string());
    let again = activate(&server, &request("sip:alice@example.test", &key, "d-1")).await;
    assert_eq!((again.status, problem(&again).as_str()), (403, "activation-refused"));
}

#[tokio::test]
async fn every_wrong_key_gets_the_same_answer() {
    let server = Running::start(|_| {}).await;
    let alice = account(&server.store, "sip:alice@example.test").await;
    let bob = account(&server.store, "sip:bob@example.test").await;
    let carol = account(&server.store, "sip:carol@example.test").await;
    let used = access_key(&server.store, alice, false).await;
    assert_eq!(activate(&server, &request("alice@example.test", &used, "d-1")).await.status, 201);
    let over = access_key(&server.store, alice, true).await;
    let others = access_key(&server.store, bob, false).await;
    let disabled = access_key(&server.store, carol, false).await;
    server.store.account_enable(carol, false).await.expect("disabled");
    let mut bodies = Vec::new();
    for (address, key) in [
        ("sip:nobody@example.test", used.as_str()),
        ("no address at all", "AAAAA-AAAAA-AAAAA"),
        ("alice@example.test", "AAAAA-AAAAA-AAAAA"),
        ("alice@example.test", "malformed"),
        ("alice@example.test", &used),
        ("alice@example.test", &over),
        ("alice@example.test", &others),
        ("carol@example.test", &disabled),
    ] {
        let answer = activate(&server, &request(address, key, "d-2")).await;
        assert_eq!(answer.status, 403, "{address} {key}");
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test]
async fn after_ten_failures_a_source_waits_and_others_do_not() {
    let trust = |settings: &mut trunkline_http::HttpSettings| {
        settings.trusted_proxies = vec!["127.0.0.1/32".parse().expect("a net")];
    };
    let server = Running::start(trust).await;
    let alice = account(&server.store, "sip:alice@example.test").await;
    let key = access_key(&server.store, alice, false).await;
    let wrong = request("alice@example.test", "AAAAA-AAAAA-AAAAA", "d-1");
    let from = |source: &str| format!("X-Forwarded-For: {source}\r\n");
    for _ in 0..10 {
        assert_eq!(post(server.http(), "/v1/activation", &from("203.0.113.9"), &wrong).await.status, 403);
    }
    let right = request("alice@example.test", &key, "d-1");
    let answer = post(server.http(), "/v1/activation", &from("203.0.113.9"), &right).await;
    assert_eq!((answer.status, problem(&answer).as_str()), (429, "too-many-attempts"));
    let wait: u64 = answer.header("retry-after").expect("when").parse().expect("seconds");
    assert!((3_500..=3_600).contains(&wait), "{wait}");
    assert_eq!(post(server.http(), "/v1/activation", &from("203.0.113.10"), &right).await.status, 201);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_refused_without_quoting_it() {
    let server = Running::start(|_| {}).await;
    for body in
        ["", "[]", "{", r#"{"accessKey":"hush"}"#, r#"{"address":7,"accessKey":"hush","deviceToken":"d"}"#]
    {
        let answer = activate(&server, body).await;
        assert_eq!((answer.status, problem(&answer).as_str()), (400, "invalid-request"), "{body}");
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
    assert_eq!((answer.status, problem(&answer).as_str()), (413, "too-large"));
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
