//! Connections: listening, dialling, and the tasks that read and write.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server::TlsStream};
use tokio_util::sync::CancellationToken;
use x509_parser::{extensions::GeneralName, prelude::FromDer};

use super::{Shared, ear::Ear, line::Line, traffic::Heading};
use crate::peer::{Authority, Identity};

/// Messages that wait for a peer who does not read.
const QUEUE: usize = 65_536;

/// Both sides of TLS, with one certificate for both.
#[derive(Clone)]
pub(super) struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

impl Tls {
    pub(super) fn new(authority: &Authority, identity: &Identity) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes())?)?;
        let roots = Arc::new(roots);
        let provider = Arc::new(default_provider());
        let chain = vec![CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes())?];
        let key = || PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes());
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone())
            .allow_unauthenticated()
            .build()?;
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key()?)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key()?)?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(server)),
            connector: TlsConnector::from(Arc::new(client)),
        })
    }
}

/// Binds a port on a loopback address; 0 takes a free one.
pub(super) async fn bind(address: Ipv4Addr, port: u16) -> Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((address, port))
        .await
        .with_context(|| format!("the Front End cannot listen on port {port}"))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Takes connections until `stop`.
pub(super) async fn listen(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Option<Tls>,
    stop: CancellationToken,
) {
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        if let Ok((stream, peer)) = accepted {
            tokio::spawn(stop.clone().run_until_cancelled_owned(accept(
                shared.clone(),
                stream,
                peer,
                tls.clone(),
                stop.clone(),
            )));
        }
    }
}

async fn accept(
    shared: Arc<Shared>,
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Tls>,
    stop: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let (line, queue) = Line::new(peer, stop.child_token());
    let Some(tls) = tls else {
        let id = shared.enter(|house| house.opened(line.clone()));
        return pump(&shared, id, stream, queue, &line.stop).await;
    };
    // A handshake that fails is the peer's to report.
    let Ok(stream) = tls.acceptor.accept(stream).await else { return };
    let line = Line { transport: "tls", names: names(&stream), ..line };
    let id = shared.enter(|house| house.opened(line.clone()));
    pump(&shared, id, stream, queue, &line.stop).await;
}

/// Connects to an application that has to show a certificate for `host`; every name leads to this machine.
pub(super) async fn dial(
    shared: Arc<Shared>,
    id: u64,
    host: String,
    port: u16,
    queue: mpsc::Receiver<Vec<u8>>,
    stop: CancellationToken,
) {
    let dialling = async {
        ensure!(!shared.enter(|house| house.settings.drops_dials), "dials are dropped");
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        let stream = shared.tls().connector.connect(ServerName::try_from(host)?, stream).await?;
        anyhow::Ok(stream)
    };
    match stop.run_until_cancelled(dialling).await {
        Some(Ok(stream)) => pump(&shared, id, stream, queue, &stop).await,
        _ => shared.enter(|house| house.unreachable(id)),
    }
}

/// A connection to an application on this machine, as a Front End of that identity makes it.
pub(super) async fn stranger(
    authority: &Authority,
    identity: &Identity,
    host: &str,
    port: u16,
) -> Result<client::TlsStream<TcpStream>> {
    let tls = Tls::new(authority, identity)?;
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.set_nodelay(true)?;
    Ok(tls.connector.connect(ServerName::try_from(host.to_owned())?, stream).await?)
}

/// The DNS names in the certificate that the peer showed, all signed by the authority.
fn names(stream: &TlsStream<TcpStream>) -> Option<Vec<String>> {
    let shown = stream.get_ref().1.peer_certificates()?.first()?;
    let (_, certificate) = x509_parser::certificate::X509Certificate::from_der(shown).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let dns = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    Some(dns.collect())
}

/// A queue for one connection's bytes.
pub(super) fn queue() -> (mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>) {
    mpsc::channel(QUEUE)
}

/// Reads and writes until either side ends or `stop`.
async fn pump<S>(
    shared: &Arc<Shared>,
    id: u64,
    stream: S,
    mut queue: mpsc::Receiver<Vec<u8>>,
    stop: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Send,
{
    let (mut reader, mut writer) = split(stream);
    let reading = async {
        let mut ear = Ear::new();
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = reader.read(&mut buffer).await {
            shared.awake().await;
            let bytes = buffer.get(..length).unwrap_or_default();
            shared.log.tap(id, Heading::Received, bytes);
            ear.push(bytes);
            while let Some(heard) = ear.pull() {
                shared.enter(|house| house.received(id, heard));
            }
        }
    };
    let writing = async {
        while let Some(mut bytes) = queue.recv().await {
            // Several messages at once, as they come from a busy server.
            while let Ok(more) = queue.try_recv() {
                bytes.extend(more);
            }
            shared.log.tap(id, Heading::Sent, &bytes);
            if write(&mut writer, &bytes, shared.segment()).await.is_err() {
                return;
            }
        }
        let _ = writer.shutdown().await;
    };
    tokio::select! {
        () = reading => {},
        () = writing => {},
        () = stop.cancelled() => {},
    }
    shared.enter(|house| house.closed(id));
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8], segment: usize) -> std::io::Result<()> {
    for piece in bytes.chunks(segment.max(1)) {
        writer.write_all(piece).await?;
        writer.flush().await?;
    }
    Ok(())
}
