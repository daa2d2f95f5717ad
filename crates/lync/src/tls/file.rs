use std::{fs, path::Path};

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

use super::{Authorities, TlsError};

pub(super) fn read_authorities(path: &Path) -> Result<Authorities, TlsError> {
    let certificates = certificates(path)?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots
            .add(certificate.clone())
            .map_err(|error| content(path, format!("not the certificate of an authority: {error}")))?;
    }
    if roots.is_empty() {
        return Err(TlsError::NoAuthority { path: path.to_owned() });
    }
    Ok(Authorities { roots, certificates })
}

pub(super) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = certificates(path)?;
    if chain.is_empty() {
        let problem = "there is no certificate in it; expected -----BEGIN CERTIFICATE-----";
        return Err(content(path, problem.into()));
    }
    Ok(chain)
}

pub(super) fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let encrypted = text.windows(21).any(|window| window == b"ENCRYPTED PRIVATE KEY");
        let problem = match error {
            _ if encrypted => "the private key is encrypted with a passphrase; expected one without".into(),
            pem::Error::NoItemsFound => {
                "there is no private key in it; expected -----BEGIN PRIVATE KEY-----".into()
            }
            error => format!("the PEM text is broken: {error}"),
        };
        content(path, problem)
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    found.map_err(|error| content(path, format!("the PEM text is broken: {error}")))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|error| TlsError::Read { path: path.to_owned(), error })
}

fn content(path: &Path, problem: String) -> TlsError {
    TlsError::Content { path: path.to_owned(), problem }
}
