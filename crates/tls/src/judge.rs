use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, DistinguishedName, Error, ServerConfig,
    SignatureScheme,
    client::{
        WantsClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        WantsServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

/// The certificates that a peer has shown.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'c> {
    /// Its own.
    pub end_entity: &'c CertificateDer<'c>,
    /// What it says is between that and an authority; in any order.
    pub intermediates: &'c [CertificateDer<'c>],
}

/// Decides whether a server is the one that was dialled.
pub trait JudgeServer: fmt::Debug + Send + Sync + 'static {
    /// An error when it is not; [`Error::InvalidCertificate`] says why.
    fn judge(&self, shown: &Shown<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error>;
}

/// Decides whether a client may come in. Clients without a certificate may not.
pub trait JudgeClient: fmt::Debug + Send + Sync + 'static {
    /// An error when it may not; [`Error::InvalidCertificate`] says why.
    fn judge(&self, shown: &Shown<'_>, now: UnixTime) -> Result<(), Error>;

    /// The subjects of the authorities that are trusted, by which clients choose among their certificates.
    fn authorities(&self) -> &[DistinguishedName];
}

/// A configuration of rustls for dialling, all but what the relay shows; it takes the judge's word.
pub fn client_config(
    provider: Arc<CryptoProvider>,
    judge: Arc<dyn JudgeServer>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    let verifier = Verifier { judge, algorithms: provider.signature_verification_algorithms };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier)))
}

/// A configuration of rustls for listening, all but what the relay shows; it demands a certificate and takes the
/// judge's word.
pub fn server_config(
    provider: Arc<CryptoProvider>,
    judge: Arc<dyn JudgeClient>,
) -> Result<ConfigBuilder<ServerConfig, WantsServerCert>, Error> {
    let verifier = Verifier { judge, algorithms: provider.signature_verification_algorithms };
    Ok(ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier)))
}

/// What rustls asks for: the judge's word, and the proof of the key.
#[derive(Debug)]
struct Verifier<J: ?Sized> {
    judge: Arc<J>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier<dyn JudgeServer> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge.judge(&Shown { end_entity, intermediates }, server_name, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier<dyn JudgeClient> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.judge.authorities()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge.judge(&Shown { end_entity, intermediates }, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
