use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{
    SetupError,
    settings::{DirectorySettings, Encryption},
};

/// Whose certificates count.
pub(crate) struct Trust {
    /// Read anew for each connection.
    ca_file: Option<PathBuf>,
    current: Mutex<Arc<ClientConfig>>,
}

impl Trust {
    /// Where no server is spoken to in TLS nobody need be trusted.
    pub(crate) fn new(settings: &DirectorySettings) -> Result<Self, SetupError> {
        let ca_file = settings.ca_file.clone();
        let encrypted = settings.servers.iter().any(|server| server.encryption != Encryption::Plain);
        let current = match encrypted {
            true => load(ca_file.as_deref())?,
            false => config(RootCertStore::empty())?,
        };
        Ok(Self { ca_file: ca_file.filter(|_| encrypted), current: Mutex::new(current) })
    }

    /// For a connection that begins now: a file that was replaced counts from here on, one that is broken does not.
    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ca_file.is_some() {
            match load(self.ca_file.as_deref()) {
                Ok(loaded) => *current = loaded,
                Err(error) => tracing::warn!(%error, "the directory's authorities stay as they were"),
            }
        }
        Arc::clone(&current)
    }
}

fn load(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, SetupError> {
    let roots = match ca_file {
        Some(path) => from_file(path)?,
        None => from_system()?,
    };
    config(roots)
}

/// Without resumption: each connection is a full handshake, so that no certificate outlives its date.
fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, SetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn from_file(path: &Path) -> Result<RootCertStore, SetupError> {
    let fault = |reason: String| SetupError::CaFile { path: path.to_owned(), reason };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(error.to_string()))? {
        let certificate = certificate.map_err(|error| fault(error.to_string()))?;
        roots.add(certificate).map_err(|error| fault(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fault("it holds no PEM certificate".into()));
    }
    Ok(roots)
}

fn from_system() -> Result<RootCertStore, SetupError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(SetupError::NoAuthorities(reasons.join("; ")));
    }
    Ok(roots)
}
