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
use rustls::{Error, InconsistentKeys, RootCertStore, pki_types::CertificateDer};
use trunkline_tls::{Acceptor, Connector, Identity, SetupError};
pub use trunkline_tls::{HAS_LEGACY, Strength};

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
    /// What is asked of the servers' TLS.
    pub strength: Strength,
}

/// TLS in both directions, made of one state of the files.
#[derive(Debug)]
pub struct Tls {
    connector: Connector,
    acceptor: Acceptor,
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
        let (peers, strength) = (settings.peers.clone(), settings.strength);
        let trust = Trust::new(authorities.roots, peers.clone(), strength)
            .map_err(|_| TlsError::NoAuthority { path: settings.authorities.clone() })?;
        let identity = Identity { chain, key };
        let connector = Connector::new(strength, Arc::new(Outbound(trust.clone())), &identity);
        let acceptor = Acceptor::new(strength, Arc::new(Inbound(trust)), &identity);
        Ok(Self {
            connector: connector.map_err(|error| no_setup(error, settings))?,
            acceptor: acceptor.map_err(|error| no_setup(error, settings))?,
            own: own.unwrap_or_default(),
            peers,
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

    pub(crate) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(crate) fn acceptor(&self) -> &Acceptor {
        &self.acceptor
    }
}

fn no_setup(error: SetupError, settings: &TlsSettings) -> TlsError {
    match error {
        SetupError::Rustls(error) => unusable(error, settings),
        SetupError::OpenSsl(problem) => TlsError::Content { path: settings.certificate.clone(), problem },
        SetupError::NotBuilt => TlsError::NotBuilt(error),
    }
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
