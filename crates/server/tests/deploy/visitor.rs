//! Somebody who speaks HTTP over TLS by hand, from an address of their choice.

use std::{net::SocketAddr, path::Path, sync::Arc};

use tokio::{
    io::AsyncWriteExt,
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
use trunkline_testkit::{Answer, patience};

/// One TLS connection.
pub(crate) struct Visitor(TlsStream<TcpStream>);

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
        timeout(patience(), Answer::read(&mut self.0)).await.unwrap().unwrap()
    }
}
