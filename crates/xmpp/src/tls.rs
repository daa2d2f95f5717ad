mod doubt;
mod verifier;

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use trunkline_tls::Strength;

pub(crate) use self::doubt::distrust;
use self::verifier::Verifier;
use crate::{XmppError, XmppSettings, settings::Tls};

/// What every connection of a backend shares: parsing the authorities once saves tens of kilobytes a line.
#[derive(Clone)]
pub(crate) struct TlsSetup {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) name: ServerName<'static>,
}

impl TlsSetup {
    pub(crate) fn new(settings: &XmppSettings) -> Result<Self, XmppError> {
        let name = ServerName::try_from(settings.server_name.clone())
            .map_err(|_| XmppError::ServerName(settings.server_name.clone()))?;
        let (roots, named) = match &settings.ca_file {
            Some(path) => from_file(path)?,
            None => (from_system()?, Vec::new()),
        };
        let provider = Arc::new(Strength::Usual.provider());
        let verifier = Verifier::new(roots, named, provider.clone())?;
        let mut config = trunkline_tls::client_config(provider, Arc::new(verifier))
            .map_err(|error| XmppError::Tls(error.to_string()))?
            .with_no_client_auth();
        if settings.tls == Tls::Direct {
            config.alpn_protocols = vec![b"xmpp-client".to_vec()];
        }
        Ok(Self { config: Arc::new(config), name })
    }
}

fn from_file(path: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), XmppError> {
    let fault = |reason: String| XmppError::CaFile { path: path.to_owned(), reason };
    let (mut roots, mut named) = (RootCertStore::empty(), Vec::new());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(error.to_string()))? {
        let certificate = certificate.map_err(|error| fault(error.to_string()))?;
        roots.add(certificate.clone()).map_err(|error| fault(error.to_string()))?;
        named.push(certificate);
    }
    if roots.is_empty() {
        return Err(fault("it holds no PEM certificate".into()));
    }
    Ok((roots, named))
}

fn from_system() -> Result<RootCertStore, XmppError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(XmppError::NoAuthorities(reasons.join("; ")));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::{Tls, TlsSetup};
    use crate::{XmppError, XmppSettings};

    fn settings() -> XmppSettings {
        XmppSettings {
            domain: "corp.test".into(),
            host: "127.0.0.1".into(),
            port: 5222,
            tls: Tls::StartTls,
            ca_file: None,
            server_name: "corp.test".into(),
            login_rate: 10,
        }
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let path = std::env::current_exe().unwrap();
        let found = TlsSetup::new(&XmppSettings { ca_file: Some(path.clone()), ..settings() });
        assert!(matches!(found.err(), Some(XmppError::CaFile { path: named, .. }) if named == path));
    }

    #[test]
    fn the_name_to_expect_must_be_one() {
        let found = TlsSetup::new(&XmppSettings { server_name: "not a name".into(), ..settings() });
        assert_eq!(found.err(), Some(XmppError::ServerName("not a name".into())));
    }
}
