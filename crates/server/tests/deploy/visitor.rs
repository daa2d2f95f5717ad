//! Somebody who speaks HTTP over TLS by hand, from an address of their choice.

use std::{net::SocketAddr, path::Path, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs::default_provider,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};
use trunkline_testkit::patience;

/// One TLS connection.
pub(crate) struct Visitor(TlsStream<TcpStream>);

/// An answer from the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

impl Visitor {
    /// Connects to `localhost` there.
    pub(crate) async fn connect(to: SocketAddr, from: SocketAddr, ca_file: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from).unwrap();
        let tcp = socket.connect(to).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Self(TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap())
    }

    /// Further header lines end in `\r\n` each.
    pub(crate) async fn post(&mut self, path: &str, lines: &str, body: &str) -> Answer {
        let lines = format!("Content-Length: {}\r\n{lines}", body.len());
        self.say(&format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{body}")).await
    }

    pub(crate) async fn get(&mut self, path: &str, lines: &str) -> Answer {
        self.say(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n")).await
    }

    /// Announces a body of this many bytes and sends none of it.
    pub(crate) async fn begin_post(&mut self, path: &str, length: usize) -> Answer {
        self.say(&format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"))
            .await
    }

    /// Asks for a WebSocket.
    pub(crate) async fn upgrade(mut self, lines: &str) -> Answer {
        let head = format!(
            "GET /GaslampService/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
        );
        self.say(&head).await
    }

    async fn say(&mut self, request: &str) -> Answer {
        self.0.write_all(request.as_bytes()).await.unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                let answer = Answer { status, head: head.to_owned(), body: body.to_owned() };
                let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
                if body.len() >= length || status == 101 {
                    return answer;
                }
            }
            let read = timeout(patience(), self.0.read_buf(&mut bytes)).await.unwrap();
            assert!(read.is_ok_and(|count| count > 0), "the answer ended early: {text:?}");
        }
    }
}
