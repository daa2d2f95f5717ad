use std::io;

use rustls::{CertificateError, Error};

use crate::{
    fault::LoginFault,
    settings::{Tls, XmppSettings},
};

/// Why TLS with a server did not come about, in words that tell an administrator what to do.
pub(crate) fn distrust(error: &io::Error, settings: &XmppSettings) -> LoginFault {
    let place = format!("{}:{}", settings.host, settings.port);
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(reason)) => LoginFault::Untrusted(format!(
            "the certificate of {place} is not to be trusted for {}: {}",
            settings.server_name,
            doubt(reason)
        )),
        Some(Error::InvalidMessage(_)) if settings.tls == Tls::Direct => LoginFault::Untrusted(format!(
            "what answers at {place} does not begin with TLS: it may be a port for tls=\"starttls\""
        )),
        Some(error) => LoginFault::Untrusted(format!("TLS with {place} failed: {error}")),
        None => LoginFault::Passing(format!("the connection to {place} failed: {error}")),
    }
}

fn doubt(reason: &CertificateError) -> String {
    use CertificateError as C;
    match reason {
        C::UnknownIssuer => "no authority that is trusted here has signed it (see caFile)".into(),
        C::Expired | C::ExpiredContext { .. } => "it has expired".into(),
        C::NotValidYet | C::NotValidYetContext { .. } => "its time has not begun yet".into(),
        C::NotValidForNameContext { presented, .. } => {
            // The library shows them as `DnsName("im.corp.test")`.
            let names: Vec<&str> =
                presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
            format!("it is made out for other names, {} (see serverName)", names.join(", "))
        }
        C::Other(_) => {
            "an authority's own certificate is no server's, unless caFile names that very one".into()
        }
        other => other.to_string(),
    }
}
