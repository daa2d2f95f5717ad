//! Whom a pool's servers are taken for, and what the relay shows them.

mod credentials;
mod error;
mod file;
mod live;
mod name;
mod refusal;
mod trouble;
mod verifier;

use std::{ops::RangeInclusive, path::PathBuf, sync::Arc};

use aws_lc_rs::digest;
use rustls::{
    Error, InconsistentKeys, RootCertStore,
    pki_types::{CertificateDer, UnixTime},
};
use trunkline_tls::{Acceptor, Connector, Identity, JudgeClient, JudgeServer, SetupError};
pub use trunkline_tls::{HAS_LEGACY, Strength};

pub(crate) use self::{
    credentials::Credentials,
    trouble::{doubts_us, is_no_tls, trouble},
};
pub use self::{
    error::TlsError,
    live::LiveTls,
    name::{Names, Peers},
    refusal::{Reason, Refusal},
};
use self::{
    file::{read_authorities, read_chain, read_key},
    name::holds,
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
    settings: TlsSettings,
    connector: Connector,
    acceptor: Acceptor,
    trust: Trust,
    own: Names,
    /// Of the relay's own certificate, in seconds since 1970.
    holds: RangeInclusive<i64>,
    /// SHA-256 over all certificates.
    digest: digest::Digest,
}

impl Tls {
    /// Reads the files; every fault names its file and what was expected.
    pub fn load(settings: TlsSettings) -> Result<Self, TlsError> {
        if settings.peers.is_empty() {
            return Err(TlsError::NobodyAllowed);
        }
        let authorities = read_authorities(&settings.authorities)?;
        let chain = read_chain(&settings.certificate)?;
        let key = read_key(&settings.private_key)?;
        let own = chain.first().and_then(|first| Some((Names::of(first).ok()?, holds(first)?)));
        let (own, holds) =
            own.ok_or_else(|| unusable(Error::General("it cannot be read".into()), &settings))?;
        let all: Vec<u8> =
            chain.iter().chain(&authorities.certificates).flat_map(|one| one.to_vec()).collect();
        let strength = settings.strength;
        let trust = Trust::new(authorities.roots, settings.peers.clone(), strength)
            .map_err(|_| TlsError::NoAuthority { path: settings.authorities.clone() })?;
        let identity = Identity { chain, key };
        let connector = Connector::new(strength, Arc::new(Outbound(trust.clone())), &identity);
        let acceptor = Acceptor::new(strength, Arc::new(Inbound(trust.clone())), &identity);
        Ok(Self {
            connector: connector.map_err(|error| no_setup(error, &settings))?,
            acceptor: acceptor.map_err(|error| no_setup(error, &settings))?,
            trust,
            own,
            holds,
            settings,
            digest: digest::digest(&digest::SHA256, &all),
        })
    }

    /// The names that the relay's own certificate bears.
    pub fn own_names(&self) -> &Names {
        &self.own
    }

    /// The names of those who may connect.
    pub fn peers(&self) -> &Peers {
        &self.settings.peers
    }

    /// What it was made of.
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// When the relay's own certificate holds, in seconds since 1970.
    pub fn holds(&self) -> &RangeInclusive<i64> {
        &self.holds
    }

    /// Whether a peer that was let pass once would be let pass now.
    pub(crate) fn judge(&self, peer: &Credentials) -> Result<(), Refusal> {
        let (shown, now) = (peer.shown(), UnixTime::now());
        let judged = match (shown, peer.dialled()) {
            (Some(shown), Some(name)) => Outbound(self.trust.clone()).judge(&shown, name, now),
            (Some(shown), None) => Inbound(self.trust.clone()).judge(&shown, now),
            (None, _) => Err(Error::NoCertificatesPresented),
        };
        judged.map_err(|error| Refusal::in_error(&error).unwrap_or_else(|| Refusal::from(error)))
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
