use std::{io, sync::Arc};

use rustls::{
    ClientConfig, Error, ServerConfig,
    client::Resumption,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    server::NoServerSessionStorage,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::{JudgeClient, JudgeServer, Stream, Strength, client_config, server_config, stream::Spoken};

/// What the relay shows.
#[derive(Debug)]
pub struct Identity {
    /// Its certificate, then those between that and its authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first.
    pub key: PrivateKeyDer<'static>,
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// rustls does not take the identity.
    #[error(transparent)]
    Rustls(#[from] Error),
    /// OpenSSL does not take the identity.
    #[error("OpenSSL: {0}")]
    OpenSsl(String),
    /// It was asked for [`Strength::Legacy`].
    #[error(
        "this program speaks TLS 1.2 and newer only, since it was built without OpenSSL; build it anew: apt-get install \
         libssl-dev pkg-config, then cargo build --release --package trunkline-server --features legacy-tls"
    )]
    NotBuilt,
}

/// Dials with TLS. Cheap to clone.
///
/// Nothing is resumed: each connection is a full handshake, so that no certificate outlives its date or a reload.
#[derive(Clone, Debug)]
pub struct Connector(Dialling);

#[derive(Clone, Debug)]
enum Dialling {
    Usual(Arc<ClientConfig>),
    #[cfg(feature = "legacy-tls")]
    Legacy(crate::legacy::Connector),
}

impl Connector {
    /// Trusts whom `judge` trusts, and shows `identity` to those who ask.
    pub fn new(
        strength: Strength,
        judge: Arc<dyn JudgeServer>,
        identity: &Identity,
    ) -> Result<Self, SetupError> {
        match strength {
            Strength::Usual => {
                let config = client_config(Arc::new(strength.provider()), judge)?;
                let mut config =
                    config.with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())?;
                config.resumption = Resumption::disabled();
                Ok(Self(Dialling::Usual(Arc::new(config))))
            }
            #[cfg(feature = "legacy-tls")]
            Strength::Legacy => Ok(Self(Dialling::Legacy(crate::legacy::Connector::new(judge, identity)?))),
            #[cfg(not(feature = "legacy-tls"))]
            Strength::Legacy => Err(SetupError::NotBuilt),
        }
    }

    /// Shakes hands with a server as the one of that name. What the judge says against it is in the error as rustls's
    /// own [`Error`].
    pub async fn connect<Io>(&self, name: ServerName<'static>, io: Io) -> io::Result<Stream<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        match &self.0 {
            Dialling::Usual(config) => {
                let stream = TlsConnector::from(Arc::clone(config)).connect(name, io).await?;
                Ok(Stream(Spoken::Usual(Box::new(stream.into()))))
            }
            #[cfg(feature = "legacy-tls")]
            Dialling::Legacy(connector) => Ok(Stream(Spoken::Legacy(connector.connect(&name, io).await?))),
        }
    }
}

/// Answers with TLS, and demands a certificate. Cheap to clone. Nothing is resumed, as with [`Connector`].
#[derive(Clone, Debug)]
pub struct Acceptor(Answering);

#[derive(Clone, Debug)]
enum Answering {
    Usual(Arc<ServerConfig>),
    #[cfg(feature = "legacy-tls")]
    Legacy(crate::legacy::Acceptor),
}

impl Acceptor {
    /// Lets in whom `judge` trusts, and shows `identity`.
    pub fn new(
        strength: Strength,
        judge: Arc<dyn JudgeClient>,
        identity: &Identity,
    ) -> Result<Self, SetupError> {
        match strength {
            Strength::Usual => {
                let config = server_config(Arc::new(strength.provider()), judge)?;
                let mut config = config.with_single_cert(identity.chain.clone(), identity.key.clone_key())?;
                config.session_storage = Arc::new(NoServerSessionStorage {});
                config.send_tls13_tickets = 0;
                Ok(Self(Answering::Usual(Arc::new(config))))
            }
            #[cfg(feature = "legacy-tls")]
            Strength::Legacy => Ok(Self(Answering::Legacy(crate::legacy::Acceptor::new(judge, identity)?))),
            #[cfg(not(feature = "legacy-tls"))]
            Strength::Legacy => Err(SetupError::NotBuilt),
        }
    }

    /// Shakes hands with a client. What the judge says against it is in the error as rustls's own [`Error`].
    pub async fn accept<Io>(&self, io: Io) -> io::Result<Stream<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        match &self.0 {
            Answering::Usual(config) => {
                let stream = TlsAcceptor::from(Arc::clone(config)).accept(io).await?;
                Ok(Stream(Spoken::Usual(Box::new(stream.into()))))
            }
            #[cfg(feature = "legacy-tls")]
            Answering::Legacy(acceptor) => Ok(Stream(Spoken::Legacy(acceptor.accept(io).await?))),
        }
    }
}
