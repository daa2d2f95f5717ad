use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate};

use super::{TlsError, content, fingerprint, read_chain, read_key, server_config};

/// What the phones' certificate says of itself, for `trunkline doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// When it begins to hold, in Unix seconds.
    pub not_before: i64,
    /// When it ends, in Unix seconds.
    pub not_after: i64,
    /// The DNS names and IP addresses that it bears.
    pub names: Vec<String>,
    /// Nobody else has signed it.
    pub self_signed: bool,
    /// Certificates in the chain's file.
    pub chain: usize,
    /// SHA-256, in capitals and colons.
    pub fingerprint: String,
}

impl Certificate {
    /// Reads the pair of files and checks that they fit together, as a starting server does; of the self-made pair in
    /// `data_dir` when none is named, and `None` when that was not made yet.
    pub fn load(files: Option<&(PathBuf, PathBuf)>, data_dir: &Path) -> Result<Option<Self>, TlsError> {
        let own = (data_dir.join("tls/cert.pem"), data_dir.join("tls/key.pem"));
        if files.is_none() && !own.0.exists() && !own.1.exists() {
            return Ok(None);
        }
        let (certificate, key) = files.unwrap_or(&own);
        let chain = read_chain(certificate)?;
        server_config(chain.clone(), read_key(key)?, certificate, key)?;
        let first =
            chain.first().ok_or_else(|| content(certificate, "there is no certificate in it".into()))?;
        Self::read(first, chain.len())
            .map(Some)
            .map_err(|problem| content(certificate, format!("not a usable certificate: {problem}")))
    }

    fn read(first: &CertificateDer<'_>, chain: usize) -> Result<Self, String> {
        let (_, parsed) = parse_x509_certificate(first).map_err(|error| error.to_string())?;
        Ok(Self {
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            names: names(&parsed),
            self_signed: parsed.issuer() == parsed.subject(),
            chain,
            fingerprint: fingerprint(first),
        })
    }
}

fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let found = parsed.subject_alternative_name().ok().flatten();
    let names = found.into_iter().flat_map(|extension| &extension.value.general_names);
    names.filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(four) => Some(std::net::Ipv4Addr::from(four).to_string()),
            Err(_) => Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(*bytes).ok()?).to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::own;

    #[test]
    fn the_self_made_certificate_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(Certificate::load(None, dir.path()).expect("nothing yet"), None);
        own::ensure(dir.path()).expect("a pair");
        let read = Certificate::load(None, dir.path()).expect("a pair").expect("is there");
        assert!(read.self_signed && read.chain == 1, "{read:?}");
        assert!(["localhost", "127.0.0.1", "::1"].iter().all(|name| read.names.iter().any(|n| n == name)));
        let years = (read.not_after - read.not_before) / (365 * 86_400);
        assert_eq!(years, 10);
        std::fs::remove_file(dir.path().join("tls/key.pem")).expect("removed");
        assert!(Certificate::load(None, dir.path()).is_err());
    }
}
