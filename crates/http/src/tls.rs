mod certificate;
mod own;
mod session;
mod stream;

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use aws_lc_rs::digest;
use rustls::{
    Error, InconsistentKeys, ServerConfig,
    crypto::aws_lc_rs::{Ticketer, default_provider},
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

pub use self::certificate::Certificate;
pub(crate) use self::stream::TlsStream;

/// What the TLS listeners serve with.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) certificate: Certificate,
    /// SHA-256 over the chain.
    digest: digest::Digest,
}

/// The certificate in force, for every handshake that begins; a reload replaces it.
pub(crate) struct LiveTls(RwLock<Tls>);

impl fmt::Debug for LiveTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveTls({})", self.certificate().fingerprint)
    }
}

impl LiveTls {
    pub(crate) fn new(tls: Tls) -> Arc<Self> {
        Arc::new(Self(RwLock::new(tls)))
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    pub(crate) fn certificate(&self) -> Certificate {
        self.0.read().unwrap_or_else(PoisonError::into_inner).certificate.clone()
    }

    /// Connections that live keep what they shook hands with. True when it is another certificate.
    pub(crate) fn set(&self, tls: Tls) -> bool {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let other = inner.digest.as_ref() != tls.digest.as_ref();
        *inner = tls;
        other
    }
}

/// Why the certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file's content is not what it should be.
    #[error("{}: {problem}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What was wrong and what was expected.
        problem: String,
    },
    /// The private key belongs to another certificate.
    #[error("{} is not the key of the first certificate in {}; that file must begin with the server's own \
             certificate", key.display(), certificate.display())]
    Mismatch {
        /// The certificate chain's file.
        certificate: PathBuf,
        /// The private key's file.
        key: PathBuf,
    },
    /// A self-signed certificate could not be made or kept.
    #[error("making a self-signed certificate in {}: {problem}", folder.display())]
    Make {
        /// Where it was to be kept.
        folder: PathBuf,
        /// What went wrong.
        problem: String,
    },
}

/// Loads the pair of files, or the self-signed pair in `data_dir`, which is made when it is not there.
pub(crate) fn load(files: Option<&(PathBuf, PathBuf)>, data_dir: &Path) -> Result<Tls, TlsError> {
    let (path, key) = match files {
        Some(files) => files.clone(),
        None => own::ensure(data_dir)?,
    };
    let chain = read_chain(&path)?;
    let certificate = Certificate::of(&chain, &path, files.is_none())?;
    let digest =
        digest::digest(&digest::SHA256, &chain.iter().flat_map(|one| one.to_vec()).collect::<Vec<_>>());
    let config = server_config(chain, read_key(&key)?, &path, &key)?;
    Ok(Tls { config, certificate, digest })
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| content(path, format!("the PEM text is broken: {error}")))?;
    if chain.is_empty() {
        return Err(content(
            path,
            "there is no certificate in it; expected -----BEGIN CERTIFICATE-----".into(),
        ));
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let encrypted = text.windows(21).any(|window| window == b"ENCRYPTED PRIVATE KEY");
        content(
            path,
            match error {
                _ if encrypted => {
                    "the private key is encrypted with a passphrase; expected one without".into()
                }
                pem::Error::NoItemsFound => {
                    "there is no private key in it; expected -----BEGIN PRIVATE KEY-----".into()
                }
                error => format!("the PEM text is broken: {error}"),
            },
        )
    })
}

/// TLS 1.2 and 1.3 with aws-lc-rs, HTTP/1.1 only, and tickets that cost the server no memory.
fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    certificate_path: &Path,
    key_path: &Path,
) -> Result<Arc<ServerConfig>, TlsError> {
    let unusable = |error: Error| match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TlsError::Mismatch { certificate: certificate_path.to_owned(), key: key_path.to_owned() }
        }
        Error::InvalidCertificate(error) => {
            content(certificate_path, format!("not a usable certificate: {error}"))
        }
        error => content(key_path, format!("not a usable private key: {error}")),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = Ticketer::new().map_err(unusable)?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}

/// SHA-256 in capitals and colons, as certificate viewers show it.
fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = digest::digest(&digest::SHA256, certificate.as_ref());
    let pairs: Vec<String> = hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    pairs.join(":")
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Read { path: path.to_owned(), error })
}

fn content(path: &Path, problem: String) -> TlsError {
    TlsError::Content { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(certificate: &Path, key: &Path) -> String {
        match load(Some(&(certificate.to_owned(), key.to_owned())), Path::new("unused")) {
            Ok(_) => panic!("the pair was taken"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_bad_file_is_named_with_what_is_wrong() {
        let dir = tempfile::tempdir().expect("a folder");
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        let (certificate, key) = own::ensure(&one).expect("a pair");
        let (_, other_key) = own::ensure(&other).expect("a pair");
        let missing = dir.path().join("missing.pem");
        assert!(refusal(&missing, &key).starts_with(&missing.display().to_string()));
        let mismatch = refusal(&certificate, &other_key);
        assert!(mismatch.contains("is not the key of the first certificate"), "{mismatch}");
        assert!(refusal(&key, &key).contains("no certificate in it"));
        assert!(refusal(&certificate, &certificate).contains("no private key in it"));
        let locked = dir.path().join("locked.pem");
        let text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        fs::write(&locked, text).expect("written");
        assert!(refusal(&certificate, &locked).contains("passphrase"));
        let broken = dir.path().join("broken.pem");
        fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAA").expect("written");
        assert!(refusal(&broken, &key).contains("broken"));
    }

    #[test]
    fn a_self_made_pair_is_kept_private_and_found_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = load(None, dir.path()).expect("a pair").certificate.fingerprint;
        let again = load(None, dir.path()).expect("the pair").certificate.fingerprint;
        assert_eq!(first, again);
        assert_eq!(first.len(), 32 * 3 - 1);
        let key = dir.path().join("tls/key.pem");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&key).expect("a key").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        fs::remove_file(&key).expect("removed");
        let error = load(None, dir.path()).err().expect("half a pair is refused").to_string();
        assert!(error.contains("key.pem") && error.contains("remove"), "{error}");
    }
}
