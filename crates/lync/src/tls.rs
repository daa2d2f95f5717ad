//! Whom a pool's servers are taken for, and what the relay shows them.

mod error;
mod file;
mod live;
mod name;
mod refusal;
mod trouble;
mod verifier;

use std::{path::PathBuf, sync::Arc};

use aws_lc_rs::digest;
use rustls::{
    ClientConfig, Error, InconsistentKeys, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::NoServerSessionStorage,
};

pub(crate) use self::trouble::trouble;
pub use self::{
    error::TlsError,
    live::LiveTls,
    name::{Names, Peers},
    refusal::{Reason, Refusal},
};
use self::{
    file::{read_authorities, read_chain, read_key},
    verifier::{Inbound, Outbound, Trust},
};

/// What TLS is made of: files in PEM, and the names of those who may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The relay's certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key, without a passphrase.
    pub private_key: PathBuf,
    /// The only authorities whose word counts.
    pub authorities: PathBuf,
    /// Who may connect; without a name nobody may, and nothing starts.
    pub peers: Peers,
}

/// TLS in both directions, made of one state of the files.
#[derive(Debug)]
pub struct Tls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    own: Names,
    peers: Peers,
    /// SHA-256 over all certificates.
    digest: digest::Digest,
}

impl Tls {
    /// Reads the files; every fault names its file and what was expected.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        if settings.peers.is_empty() {
            return Err(TlsError::NobodyAllowed);
        }
        let authorities = read_authorities(&settings.authorities)?;
        let chain = read_chain(&settings.certificate)?;
        let key = read_key(&settings.private_key)?;
        let own = chain.first().map(|first| Names::of(first)).transpose();
        let own = own.map_err(|_| unusable(Error::General("it cannot be read".into()), settings))?;
        let all: Vec<u8> =
            chain.iter().chain(&authorities.certificates).flat_map(|one| one.to_vec()).collect();
        let trust = Trust::new(authorities.roots, settings.peers.clone())
            .map_err(|_| TlsError::NoAuthority { path: settings.authorities.clone() })?;
        Ok(Self {
            client: client(trust.clone(), chain.clone(), key.clone_key())
                .map_err(|error| unusable(error, settings))?,
            server: server(trust, chain, key).map_err(|error| unusable(error, settings))?,
            own: own.unwrap_or_default(),
            peers: settings.peers.clone(),
            digest: digest::digest(&digest::SHA256, &all),
        })
    }

    /// The names that the relay's own certificate bears.
    pub fn own_names(&self) -> &Names {
        &self.own
    }

    /// The names of those who may connect.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }
}

/// Without resumption: each connection is a full handshake, so that no certificate outlives its date or a reload.
fn client(
    trust: Trust,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ClientConfig>, Error> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Outbound(trust)))
        .with_client_auth_cert(chain, key)?;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn server(
    trust: Trust,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(Inbound(trust)))
        .with_single_cert(chain, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn unusable(error: Error, settings: &TlsSettings) -> TlsError {
    let content = |path: &PathBuf, problem| TlsError::Content { path: path.clone(), problem };
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
            certificate: settings.certificate.clone(),
            key: settings.private_key.clone(),
        },
        Error::InvalidCertificate(error) => {
            content(&settings.certificate, format!("not a usable certificate: {error}"))
        }
        Error::General(problem) => content(&settings.certificate, problem),
        error => content(&settings.private_key, format!("not a usable private key: {error}")),
    }
}

/// The authorities of a file.
struct Authorities {
    roots: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}
