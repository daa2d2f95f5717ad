use std::{fmt, io};

use rustls::{AlertDescription, Error};

/// Why TLS with a peer did not come about or broke, in words that tell an administrator what to do.
pub(crate) fn trouble(error: &io::Error) -> String {
    match inner(error) {
        Some(Error::AlertReceived(alert)) if is_doubt(*alert) => {
            format!("the server does not accept the relay's certificate ({alert:?})")
        }
        Some(Error::AlertReceived(alert)) if is_too_old(*alert) => too_old(alert),
        Some(Error::PeerIncompatible(why)) => too_old(why),
        Some(Error::NoCertificatesPresented) => "the server showed no certificate".to_owned(),
        Some(Error::InvalidMessage(_)) => "what it says is not TLS".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether the peer refused our certificate.
pub(crate) fn doubts_us(error: &io::Error) -> bool {
    matches!(inner(error), Some(Error::AlertReceived(alert)) if is_doubt(*alert))
}

/// Whether the peer speaks something else.
pub(crate) fn is_no_tls(error: &io::Error) -> bool {
    matches!(inner(error), Some(Error::InvalidMessage(_)))
}

fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Said of rustls alone: the other library's errors are words already.
fn too_old(why: &impl fmt::Debug) -> String {
    format!(
        "the server does not speak TLS 1.2 with ECDHE and AES-GCM, or newer ({why:?}); if it cannot be taught to, \
         legacyTls=\"true\" in the configuration makes the relay speak what it does"
    )
}

fn is_doubt(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            // An authority of the same name and another key.
            | A::DecryptError
            | A::AccessDenied
            | A::CertificateRequired
    )
}

fn is_too_old(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(alert, A::HandshakeFailure | A::ProtocolVersion | A::InsufficientSecurity)
}
