use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Authority, Identity};

/// Puts mutual TLS around the connections of a program that has none, or takes it off; ends when dropped.
pub struct Tunnel {
    port: u16,
    _task: JoinSet<()>,
}

impl Tunnel {
    /// Takes connections without TLS and makes ones with it to a port of this machine, showing `identity` to who has to
    /// be `name`.
    pub async fn into_tls(authority: &Authority, identity: &Identity, name: &str, port: u16) -> Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(authority)?)
            .with_client_auth_cert(chain(identity)?, key(identity)?)?;
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from(name.to_owned()).context("not a server's name")?;
        Self::open(move |near| {
            let (connector, name) = (connector.clone(), name.clone());
            async move { join(near, connector.connect(name, dial(port).await?).await?).await }
        })
        .await
    }

    /// Takes connections with TLS, showing `identity`, and makes ones without it to a port of this machine.
    pub async fn out_of_tls(authority: &Authority, identity: &Identity, port: u16) -> Result<Self> {
        let provider = Arc::new(default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots(authority)?, provider.clone()).build()?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain(identity)?, key(identity)?)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::open(move |near| {
            let acceptor = acceptor.clone();
            async move { join(acceptor.accept(near).await?, dial(port).await?).await }
        })
        .await
    }

    /// The loopback port where it takes connections.
    pub fn port(&self) -> u16 {
        self.port
    }

    async fn open<F>(mut carry: impl FnMut(TcpStream) -> F + Send + 'static) -> Result<Self>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port for a tunnel")?;
        let port = listener.local_addr()?.port();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                // A connection that fails is seen to end by both sides.
                connections.spawn(carry(near));
            }
        });
        Ok(Self { port, _task: task })
    }
}

async fn dial(port: u16) -> Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn join(
    mut near: impl AsyncRead + AsyncWrite + Unpin,
    mut far: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<()> {
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

pub(super) fn roots(authority: &Authority) -> Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.certificate_pem().as_bytes())?)?;
    Ok(Arc::new(roots))
}

pub(super) fn chain(identity: &Identity) -> Result<Vec<CertificateDer<'static>>> {
    Ok(vec![CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes())?])
}

pub(super) fn key(identity: &Identity) -> Result<PrivateKeyDer<'static>> {
    Ok(PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes())?)
}
