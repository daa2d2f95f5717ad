use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use crate::relay::relay;
use prometheus_client::registry::Registry;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use secrecy::SecretString;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use trunkline_http::Server;

use crate::support::{PATIENCE, Running, get, settings, upgrade_request};

/// Trusts the server's self-made certificate and nothing else.
fn trusting(folder: &Path) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(folder.join("tls/cert.pem")).expect("a certificate");
    roots.add(certificate).expect("a usable root");
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn connect(address: SocketAddr, folder: &Path) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(address).await.expect("connected");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(trusting(folder))).connect(name, tcp).await.expect("a handshake")
}

#[tokio::test]
async fn a_self_made_certificate_serves_sockets_with_secure_cookies() {
    let server = Running::start(|_| {}).await;
    assert!(server.certificate.as_ref().is_some_and(|certificate| certificate.self_made));
    let mut tls = connect(server.https(), server.folder.path()).await;
    tls.write_all(upgrade_request("").as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = timeout(PATIENCE, tls.read_buf(&mut bytes)).await.expect("in time");
        assert!(read.expect("readable") > 0);
    }
    let head = String::from_utf8_lossy(&bytes);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.contains("; Secure"), "{head}");
    // A ping is answered over TLS too.
    tls.write_all(&[0x89, 0x82, 0, 0, 0, 0, b'h', b'i']).await.expect("sent");
    let mut pong = [0; 4];
    timeout(PATIENCE, tls.read_exact(&mut pong)).await.expect("in time").expect("a pong");
    assert_eq!(pong, [0x8A, 2, b'h', b'i']);
}

#[tokio::test]
async fn a_slow_handshake_keeps_nobody_else_waiting() {
    let server = Running::start(|_| {}).await;
    let _silent = TcpStream::connect(server.https()).await.expect("connected");
    let mut tls = timeout(Duration::from_secs(5), connect(server.https(), server.folder.path()))
        .await
        .expect("at once");
    tls.write_all(b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sent");
    let mut text = String::new();
    let _ = timeout(PATIENCE, tls.read_to_string(&mut text)).await.expect("in time");
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let server = Running::start(|_| {}).await;
    let answer = get(server.https(), "/", "").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("TLS"), "{answer:?}");
}

#[tokio::test]
async fn a_taken_port_and_a_bad_file_are_named() {
    let server = Running::start(|_| {}).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut taken = settings(folder.path().to_owned());
    taken.http_bind = server.addresses.http;
    let error = refusal(taken).await;
    assert!(error.starts_with(&format!("HTTP_BIND: port {} is in use", server.http().port())), "{error}");

    let folder = tempfile::tempdir().expect("a folder");
    let mut bad = settings(folder.path().to_owned());
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("none.pem"));
    fs::write(&certificate, "not a certificate").expect("written");
    bad.tls_files = Some((certificate, key));
    let error = refusal(bad).await;
    assert!(error.contains("cert.pem: there is no certificate in it"), "{error}");
}

#[tokio::test]
async fn the_admin_port_is_never_open_to_the_network_without_tls_and_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut open = settings(folder.path().to_owned());
    open.admin_bind = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    open.admin_token = Some(SecretString::from("token"));
    let error = refusal(open).await;
    assert!(error.starts_with("ADMIN_BIND: 0.0.0.0:0 can be reached from the network"), "{error}");
}

async fn refusal(settings: trunkline_http::HttpSettings) -> String {
    let (relay, _store) = relay(&settings.data_dir).await;
    match Server::bind(settings, relay, Registry::default()).await {
        Ok(_) => panic!("the server was bound"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_client_that_speaks_http_2_alone_is_refused_in_the_handshake() {
    let server = Running::start(|_| {}).await;
    let offer = async |protocols: &[&[u8]]| {
        let mut config = trusting(server.folder.path());
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let tcp = TcpStream::connect(server.https()).await.expect("connected");
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
        tls.map(|tls| tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert!(offer(&[b"h2"]).await.is_err());
    assert_eq!(offer(&[b"h2", b"http/1.1"]).await.expect("a handshake"), Some(b"http/1.1".to_vec()));
    assert_eq!(offer(&[]).await.expect("a handshake"), None);
}
