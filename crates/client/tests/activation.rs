//! Activation and trust in certificates, against a server of a few lines.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;
use trunkline_client::{
    ActivateError, ActivationRequest, ConnectError, Phone, Server, Trust, parse_fingerprint,
};

const REPLY: &str = r#"{"authToken":"tl1.secret","deviceId":"0f6a2c1e-93b1-7d40-8a55-3c21b7e9d001","account":{"address":"sip:ana@corp.test","displayName":"Ana"}}"#;

fn request() -> ActivationRequest {
    ActivationRequest {
        address: "ana@corp.test".into(),
        access_key: SecretString::from("K7QX4-AAAAA-BBBBB"),
        device_token: "device-1".into(),
        platform: "Terminal".into(),
        name: String::new(),
        app_version: "1".into(),
        locale: "en_GB".into(),
    }
}

/// Reads one request and answers it; gives the body that came.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, status: &str, body: &str) -> Value {
    let mut bytes = Vec::new();
    let body_at = loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8(bytes[..body_at].to_vec()).unwrap().to_lowercase();
    assert!(head.starts_with("post /v1/activation http/1.1\r\n"), "{head}");
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    while bytes.len() < body_at + length {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
    }
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    serde_json::from_slice(&bytes[body_at..]).unwrap()
}

async fn plain(status: &'static str, body: &'static str) -> (Server, JoinHandle<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::new(&format!("http://{}", listener.local_addr().unwrap()), &Trust::System).unwrap();
    let task = tokio::spawn(async move { serve(listener.accept().await.unwrap().0, status, body).await });
    (server, task)
}

#[tokio::test]
async fn a_good_key_gives_a_token() {
    let (server, task) = plain("201 Created", REPLY).await;
    let activated = Phone::activate(&server, &request()).await.unwrap();
    assert_eq!(activated.token.expose_secret(), "tl1.secret");
    assert_eq!(activated.address.to_string(), "sip:ana@corp.test");
    assert!(!format!("{activated:?} {:?}", request()).contains("secret"));
    assert!(!format!("{:?}", request()).contains("K7QX4"));
    let sent = task.await.unwrap();
    assert_eq!(sent["accessKey"], json!("K7QX4-AAAAA-BBBBB"));
    assert_eq!(sent["deviceToken"], json!("device-1"));
}

#[tokio::test]
async fn each_refusal_is_told_apart() {
    let problem =
        r#"{"type":"about:blank","title":"Forbidden","status":403,"detail":"no such key","code":"refused"}"#;
    let (server, _task) = plain("403 Forbidden", problem).await;
    let error = Phone::activate(&server, &request()).await.unwrap_err();
    assert!(matches!(&error, ActivateError::Refused(problem) if problem.detail == "no such key"), "{error}");

    let (server, _task) = plain("429 Too Many Requests\r\nretry-after: 90", "{}").await;
    let error = Phone::activate(&server, &request()).await.unwrap_err();
    assert!(
        matches!(error, ActivateError::TooMany { retry_after: Some(wait) } if wait == Duration::from_secs(90))
    );

    let (server, _task) = plain("502 Bad Gateway", "<html>").await;
    let error = Phone::activate(&server, &request()).await.unwrap_err();
    assert_eq!(error.to_string(), "the relay answered with HTTP status 502: Bad Gateway");

    let (server, _task) = plain("200 OK", "{}").await;
    assert!(matches!(Phone::activate(&server, &request()).await, Err(ActivateError::Answer(_))));

    let mut empty = request();
    empty.access_key = SecretString::from(" ");
    assert!(matches!(Phone::activate(&server, &empty).await, Err(ActivateError::Invalid(_))));
}

async fn tls(key: &CertifiedKey<rcgen::KeyPair>, accepts: usize) -> String {
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for _ in 0..accepts {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, "201 Created", REPLY).await;
            }
        }
    });
    url
}

#[tokio::test]
async fn a_self_made_certificate_is_believed_only_by_its_fingerprint_or_its_file() {
    let key = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let url = tls(&key, 4).await;
    let activate = async |trust| Phone::activate(&Server::new(&url, &trust).unwrap(), &request()).await;

    let fingerprint: [u8; 32] = digest(&SHA256, key.cert.der()).as_ref().try_into().unwrap();
    assert!(activate(Trust::Fingerprint(fingerprint)).await.is_ok());

    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key.cert.pem()).unwrap();
    assert!(activate(Trust::CaFile(file.path().to_owned())).await.is_ok());

    for trust in [Trust::System, Trust::Fingerprint(parse_fingerprint(&"00".repeat(32)).unwrap())] {
        let error = activate(trust).await.unwrap_err();
        assert!(matches!(error, ActivateError::Connect(ConnectError::Tls { .. })), "{error}");
    }
    std::fs::write(file.path(), "no certificate").unwrap();
    assert!(Server::new(&url, &Trust::CaFile(file.path().to_owned())).is_err());
}
