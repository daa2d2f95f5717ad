//! A server on free ports with a relay behind it, and clients that can be as rude as needed.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use crate::relay::{access_key, account, relay};
use futures_util::{SinkExt, StreamExt};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        handshake::client::Response,
        http::{HeaderName, HeaderValue},
    },
};
use trunkline_http::{Addresses, Certificate, Control, HttpSettings, Server, Stop};
use trunkline_store::Store;

pub(crate) use trunkline_testkit::Answer;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) type Phone = WebSocketStream<TcpStream>;

pub(crate) struct Running {
    pub(crate) addresses: Addresses,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) control: Control,
    stop: Stop,
    task: JoinHandle<()>,
}

/// Every listener on loopback and a free port; what a test needs differently it changes.
pub(crate) fn settings(data_dir: PathBuf) -> HttpSettings {
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    HttpSettings {
        https_bind: Some(free),
        http_bind: Some(free),
        admin_bind: Some(free),
        tls_files: None,
        data_dir,
        trusted_proxies: Vec::new(),
        allowed_origins: Vec::new(),
        allow_websockets: true,
        sockets_per_address: 256,
        frame_max_bytes: 64 * 1024,
        poll_hold: Duration::from_secs(55),
        drain: Duration::from_millis(300),
        lagging: Duration::from_secs(20),
        lagging_bytes_per_sec: 2048,
        admin_token: None,
    }
}

impl Running {
    pub(crate) async fn start(change: impl FnOnce(&mut HttpSettings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = settings(folder.path().to_owned());
        change(&mut settings);
        let (relay, store) = relay(folder.path()).await;
        let server = Server::bind(settings, relay, Registry::default()).await.expect("bound");
        let (addresses, control, stop) = (server.addresses(), server.control(), Stop::default());
        let task = tokio::spawn(server.run(stop.clone()));
        Self { addresses, certificate: control.certificate(), folder, store, control, stop, task }
    }

    /// A phone that has signed in as a new account with this address.
    pub(crate) async fn signed_in(&self, address: &str) -> (Phone, String) {
        let id = account(&self.store, address).await;
        let key = access_key(&self.store, id, false).await;
        let body = format!(r#"{{"address":"{address}","accessKey":"{key}","deviceToken":"d-1"}}"#);
        let reply = post(self.http(), "/v1/activation", "", &body).await;
        let reply: serde_json::Value = serde_json::from_str(&reply.body).expect("JSON");
        let token = reply["authToken"].as_str().expect("a token").to_owned();
        let headers = [("x-gc-devicetoken", "d-1"), ("x-good-gd-authtoken", token.as_str())];
        let (mut phone, _) = self.phone(&headers).await;
        let begin = r#"{"jsonrpc":"2.0","id":"begin","method":"BeginSession","params":{}}"#;
        phone.send(Message::text(begin)).await.expect("sent");
        while !next(&mut phone).await.expect("an answer").to_text().expect("text").contains("sessionId") {}
        (phone, token)
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.addresses.http.expect("the plain port")
    }

    pub(crate) fn https(&self) -> SocketAddr {
        self.addresses.https.expect("the TLS port")
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.addresses.admin.expect("the admin port")
    }

    pub(crate) fn shut_down(&self) {
        self.stop.drain.cancel();
    }

    pub(crate) fn hurry(&self) {
        self.stop.hurry.cancel();
    }

    pub(crate) async fn gone(self) {
        timeout(PATIENCE, self.task).await.expect("the server ends").expect("without panic");
    }

    /// A phone that comes with these headers; the answer to its upgrade is given too.
    pub(crate) async fn phone(&self, headers: &[(&str, &str)]) -> (Phone, Response) {
        let tcp = TcpStream::connect(self.http()).await.expect("connected");
        let mut request = "ws://relay.test/GaslampService/ws".into_client_request().expect("a request");
        for (name, value) in headers {
            let name = name.parse::<HeaderName>().expect("a header name");
            request.headers_mut().append(name, HeaderValue::from_str(value).expect("a header value"));
        }
        timeout(PATIENCE, client_async(request, tcp)).await.expect("in time").expect("upgraded")
    }
}

/// The text of an upgrade request with further header lines, each ending in `\r\n`.
pub(crate) fn upgrade_request(lines: &str) -> String {
    format!(
        "GET /GaslampService/ws HTTP/1.1\r\nHost: relay.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    )
}

/// The cookies that an answer sets.
pub(crate) fn cookies_of(answer: &Answer) -> Vec<&str> {
    answer.all("set-cookie").collect()
}

/// The `code` of a problem document, after checking that it is one.
pub(crate) fn problem(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let document: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(document["status"], answer.status);
    document["code"].as_str().expect("a code").to_owned()
}

/// Sends bytes as they are and reads one answer.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> Answer {
    let mut tcp = TcpStream::connect(address).await.expect("connected");
    tcp.write_all(request).await.expect("sent");
    timeout(PATIENCE, Answer::read(&mut tcp)).await.expect("answered in time").expect("an answer")
}

pub(crate) async fn get(address: SocketAddr, path: &str, lines: &str) -> Answer {
    ask(address, format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{lines}\r\n").as_bytes()).await
}

pub(crate) async fn post(address: SocketAddr, path: &str, lines: &str, body: &str) -> Answer {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n{lines}\r\n");
    ask(address, format!("{head}{body}").as_bytes()).await
}

/// The next message that is no ping.
pub(crate) async fn next(phone: &mut Phone) -> Option<Message> {
    loop {
        match timeout(PATIENCE, phone.next()).await.expect("something in time") {
            Some(Ok(Message::Ping(_))) => {}
            Some(Ok(message)) => return Some(message),
            Some(Err(_)) | None => return None,
        }
    }
}

/// The close code with which the server ends the socket.
pub(crate) async fn close_code(phone: &mut Phone) -> Option<u16> {
    while let Some(message) = next(phone).await {
        if let Message::Close(frame) = message {
            return frame.map(|frame| frame.code.into());
        }
    }
    None
}

/// The head of an answer, and not a byte more.
pub(crate) async fn head(tcp: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(timeout(PATIENCE, tcp.read_u8()).await.expect("in time").expect("readable"));
    }
    String::from_utf8(bytes).expect("text")
}

/// Asks again until it is so.
pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    timeout(PATIENCE, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await; // tidy: poll
        }
    })
    .await
    .expect("it holds in the end");
}
