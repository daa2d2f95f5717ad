use std::sync::Arc;

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier, verify_server_name},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use trunkline_tls::{JudgeServer, Shown};

use crate::XmppError;

/// Trusts what the authorities have signed, and a server whose own certificate an administrator has named: those that
/// servers make for themselves often call themselves authorities, which no server's certificate may be otherwise.
#[derive(Debug)]
pub(super) struct Verifier {
    authorities: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl Verifier {
    pub(super) fn new(
        roots: RootCertStore,
        named: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, XmppError> {
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| XmppError::Tls(error.to_string()))?;
        Ok(Self { authorities, named })
    }
}

impl JudgeServer for Verifier {
    fn judge(&self, shown: &Shown<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
        let Shown { end_entity, intermediates } = *shown;
        match self.authorities.verify_server_cert(end_entity, intermediates, name, &[], now) {
            // Its dates were looked at before its being an authority, its name was not.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) if self.named.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, name)
            }
            verified => verified.map(|_| ()),
        }
    }
}
