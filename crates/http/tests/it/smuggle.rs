//! Byte streams that two servers could part into requests in different ways: this one answers once, and then listens no
//! more, so that nobody's request is taken for a part of somebody else's.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{PATIENCE, Running, ask, get, problem, upgrade_request};

/// What a smuggler wants to be taken for a request of its own.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: relay.test\r\n\r\n";

/// Everything that comes until the server hangs up.
async fn all(server: &Running, bytes: &[u8]) -> String {
    let mut tcp = TcpStream::connect(server.http()).await.expect("connected");
    tcp.write_all(bytes).await.expect("sent");
    let mut answers = Vec::new();
    // A reset after the answer is an end too.
    let ended = timeout(PATIENCE, tcp.read_to_end(&mut answers)).await;
    assert!(ended.is_ok(), "it waits for more after {:?}", String::from_utf8_lossy(bytes));
    String::from_utf8_lossy(&answers).into_owned()
}

fn post(lines: &str, body: &str) -> String {
    format!("POST /v1/activation HTTP/1.1\r\nHost: relay.test\r\n{lines}\r\n{body}")
}

#[tokio::test]
async fn no_request_hides_in_another() {
    let server = Running::start(|_| {}).await;
    let chunked = format!("0\r\n\r\n{HIDDEN}");
    let hidden = HIDDEN.len();
    let rows = [
        (
            "length, then chunks",
            post(&format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n", hidden + 5), &chunked),
        ),
        (
            "chunks, then length",
            post(&format!("Transfer-Encoding: chunked\r\nContent-Length: {}\r\n", hidden + 5), &chunked),
        ),
        ("chunks in another letter case", post("Transfer-Encoding: ChUnKeD\r\n", &chunked)),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", &chunked)),
        ("chunks not last", post("Transfer-Encoding: chunked, identity\r\n", &chunked)),
        ("chunks twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", &chunked)),
        ("two lengths", post(&format!("Content-Length: 0\r\nContent-Length: {hidden}\r\n"), HIDDEN)),
        ("a list of lengths", post(&format!("Content-Length: 0, {hidden}\r\n"), HIDDEN)),
        ("a signed length", post("Content-Length: +0\r\n", HIDDEN)),
        ("a length with a space in it", post("Content-Length: 0 0\r\n", HIDDEN)),
        ("a length in hexadecimal", post("Content-Length: 0x10\r\n", HIDDEN)),
        ("a huge length", post("Content-Length: 18446744073709551616\r\n", HIDDEN)),
        ("a space before the colon", post("Content-Length : 0\r\n", HIDDEN)),
        ("a folded line", post("X-A: b\r\n c: d\r\nContent-Length: 0\r\n", HIDDEN)),
        ("a line that begins with a space", post(" X-A: b\r\nContent-Length: 0\r\n", HIDDEN)),
        ("a lone carriage return", post("X-A: b\rContent-Length: 0\r\n", HIDDEN)),
        ("a NUL", post("X-A: b\0\r\nContent-Length: 0\r\n", HIDDEN)),
        ("a header without a name", post(": b\r\nContent-Length: 0\r\n", HIDDEN)),
        ("two hosts", post("Host: evil.test\r\nContent-Length: 0\r\n", HIDDEN)),
        ("no host", format!("POST /v1/activation HTTP/1.1\r\nContent-Length: 0\r\n\r\n{HIDDEN}")),
        (
            "a chunk's size that overflows",
            post("Transfer-Encoding: chunked\r\n", &format!("ffffffffffffffff1\r\n{chunked}")),
        ),
        ("a chunk without its end", post("Transfer-Encoding: chunked\r\n", &format!("1\r\nxy{chunked}"))),
        (
            "an endless extension of a chunk",
            post("Transfer-Encoding: chunked\r\n", &format!("0;{}\r\n\r\n", "x".repeat(40_000))),
        ),
        ("HTTP/2 with prior knowledge", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{HIDDEN}")),
        ("HTTP/0.9", format!("GET /\r\n{HIDDEN}")),
        ("a version to come", format!("GET / HTTP/3.0\r\nHost: x\r\n\r\n{HIDDEN}")),
    ];
    for (what, bytes) in rows {
        let answers = all(&server, bytes.as_bytes()).await;
        assert!(!answers.contains("HTTP/1.1 404"), "{what}: {answers}");
        assert!(answers.matches("HTTP/1.1 ").count() <= 1, "{what}: {answers}");
        let refused = answers.is_empty() || answers.starts_with("HTTP/1.1 4");
        assert!(refused, "{what}: {answers}");
    }
    let page = get(server.admin(), "/metrics", "").await.body;
    assert!(!page.contains("route=\"other\",status=\"404\""), "{page}");
}

#[tokio::test]
async fn an_upgrade_has_no_body_in_which_frames_could_hide() {
    let server = Running::start(|_| {}).await;
    for lines in ["Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n"] {
        let answer = ask(server.http(), upgrade_request(lines).as_bytes()).await;
        assert_eq!((answer.status, problem(&answer).as_str()), (400, "invalid-request"), "{lines}");
    }
    assert_eq!(ask(server.http(), upgrade_request("Content-Length: 0\r\n").as_bytes()).await.status, 101);
}

#[tokio::test]
async fn line_ends_without_a_carriage_return_part_requests_as_everywhere() {
    let server = Running::start(|_| {}).await;
    let answers = all(&server, b"GET /a HTTP/1.1\nHost: x\nConnection: close\n\n").await;
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 1, "{answers}");
}
