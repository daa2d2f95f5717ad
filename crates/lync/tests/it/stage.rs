//! A Front End of a few lines, and files for the relay.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use trunkline_lync::{
    Decoder, Event, Listener, LiveTls, Pool,
    address::Target,
    connection, listener,
    pool::DialLimits,
    tls::{HAS_LEGACY, Strength, TlsError, TlsSettings},
};
use trunkline_testkit::peer::{Authority, Identity, Leaf, Purpose};

pub(crate) const POOL: &str = "pool.contoso.test";
pub(crate) const FRONT_END: &str = "fe1.contoso.test";
pub(crate) const RELAY: &str = "relay.contoso.test";

/// Everything is an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunks(Vec<u8>);

impl Decoder for Chunks {
    type Item = Vec<u8>;

    fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn pull(&mut self) -> Option<Vec<u8>> {
        (!self.0.is_empty()).then(|| std::mem::take(&mut self.0))
    }

    fn is_sense(_: &Vec<u8>) -> bool {
        true
    }
}

/// The relay's files, its authority, and its transport.
pub(crate) struct Stage {
    pub(crate) authority: Authority,
    pub(crate) strength: Strength,
    folder: TempDir,
}

pub(crate) struct Relay {
    pub(crate) tls: Arc<LiveTls>,
    pub(crate) pool: Pool<Chunks>,
    pub(crate) events: mpsc::Receiver<Event<Vec<u8>>>,
}

impl Stage {
    pub(crate) fn new() -> Result<Self> {
        Self::with(Strength::Usual)
    }

    /// One for each library that this build speaks TLS with.
    pub(crate) fn each() -> Result<Vec<Self>> {
        let strengths = [Strength::Usual, Strength::Legacy];
        let built = strengths.iter().filter(|strength| **strength == Strength::Usual || HAS_LEGACY);
        built.map(|strength| Self::with(*strength)).collect()
    }

    pub(crate) fn with(strength: Strength) -> Result<Self> {
        let stage = Self { authority: Authority::new()?, strength, folder: tempfile::tempdir()? };
        stage.write("ca.pem", stage.authority.certificate_pem())?;
        stage.renew(&[RELAY])?;
        Ok(stage)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.folder.path().join(name), text).context("a file")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gives the relay another certificate.
    pub(crate) fn renew(&self, names: &[&str]) -> Result<()> {
        let identity = self.authority.issue(&Leaf { dns: names, ..Leaf::default() })?;
        self.write("relay.pem", &identity.certificate_pem)?;
        self.write("key.pem", &identity.key_pem)
    }

    pub(crate) fn settings(&self, peers: &[&str]) -> TlsSettings {
        TlsSettings {
            certificate: self.file("relay.pem"),
            private_key: self.file("key.pem"),
            authorities: self.file("ca.pem"),
            peers: peers.iter().collect(),
            strength: self.strength,
        }
    }

    pub(crate) fn tls(&self, peers: &[&str]) -> Result<Arc<LiveTls>, TlsError> {
        LiveTls::load(self.settings(peers))
    }

    pub(crate) fn relay(&self) -> Result<Relay> {
        self.relay_with(DialLimits::default())
    }

    pub(crate) fn relay_with(&self, limits: DialLimits) -> Result<Relay> {
        let tls = self.tls(&["Pool.contoso.test", FRONT_END])?;
        let (sender, events) = mpsc::channel(64);
        let connections = connection::Limits::default();
        let pool = Pool::new(Arc::clone(&tls), connections, limits, sender);
        Ok(Relay { tls, pool, events })
    }

    /// A certificate as pools have it.
    pub(crate) fn front_end(&self) -> Result<Identity> {
        let dns = &[FRONT_END, POOL];
        self.authority.issue(&Leaf { dns, purposes: &[Purpose::Server], ..Leaf::default() })
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.certificate_pem().as_bytes())?)?;
        Ok(roots)
    }

    /// Connects to the relay as a Front End with this certificate, or with none.
    pub(crate) async fn connect(
        &self,
        at: SocketAddr,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<client::TlsStream<TcpStream>> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)?
            .with_root_certificates(self.roots()?);
        let config = match identity.map(parts).transpose()? {
            Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from(RELAY)?;
        let tcp = TcpStream::connect(at).await?;
        Ok(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?)
    }
}

pub(crate) const NEW: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
pub(crate) const OLD: &[&SupportedProtocolVersion] = &[&TLS12];

fn parts(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain =
        CertificateDer::pem_slice_iter(identity.certificate_pem.as_bytes()).collect::<Result<_, _>>()?;
    Ok((chain, PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())?))
}

/// What the relay dials: it demands a certificate, as Front Ends do.
pub(crate) struct FrontEnd {
    socket: TcpListener,
    config: Arc<ServerConfig>,
}

impl FrontEnd {
    pub(crate) async fn new(
        stage: &Stage,
        identity: &Identity,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Result<Self> {
        let provider = Arc::new(default_provider());
        let roots = Arc::new(stage.roots()?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build()?;
        let (chain, key) = parts(identity)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        Ok(Self { socket: TcpListener::bind("127.0.0.1:0").await?, config: Arc::new(config) })
    }

    /// Shows what another shows from now on.
    pub(crate) fn renew(&mut self, like: &Self) {
        self.config = Arc::clone(&like.config);
    }

    /// The way to it, under this name.
    pub(crate) fn target(&self, name: &str) -> Result<Target> {
        let port = self.socket.local_addr()?.port();
        Ok(Target { name: name.to_owned(), host: Some("127.0.0.1".to_owned()), port })
    }

    pub(crate) async fn accept(&self) -> Result<server::TlsStream<TcpStream>> {
        let (tcp, _) = self.socket.accept().await?;
        Ok(TlsAcceptor::from(Arc::clone(&self.config)).accept(tcp).await?)
    }
}

impl Relay {
    pub(crate) async fn listen(&self, limits: listener::Limits) -> Result<Listener<Chunks>> {
        Ok(Listener::bind("127.0.0.1:0".parse()?, self.pool.clone(), limits).await?)
    }

    pub(crate) async fn next(&mut self) -> Result<Event<Vec<u8>>> {
        let next = tokio::time::timeout(trunkline_testkit::patience(), self.events.recv()).await;
        next.context("no event")?.context("no events any more")
    }
}
