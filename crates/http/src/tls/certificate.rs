use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, x509::X509Version,
};

use super::{TlsError, content, fingerprint, read_chain, read_key, server_config};

/// A certificate that ends sooner than this needs somebody's hand.
const SOON_SECS: i64 = 14 * DAY_SECS;
const DAY_SECS: i64 = 86_400;

/// What the phones' certificate says of itself.
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
    /// Trunkline has made it for itself.
    pub self_made: bool,
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
        let read = Self::of(&chain, certificate, files.is_none())?;
        server_config(chain, read_key(key)?, certificate, key)?;
        Ok(Some(read))
    }

    /// Of a chain that was read from `path`.
    pub(super) fn of(chain: &[CertificateDer<'_>], path: &Path, self_made: bool) -> Result<Self, TlsError> {
        let first = chain.first().ok_or_else(|| content(path, "there is no certificate in it".into()))?;
        Self::read(first, chain.len(), self_made)
            .map_err(|problem| content(path, format!("not a usable certificate: {problem}")))
    }

    /// What is wrong with its dates at a moment in Unix seconds, in plain words; `None` when it holds for two more weeks.
    pub fn worry(&self, now: i64) -> Option<String> {
        Self::worry_over(&(self.not_before..=self.not_after), "phones", now)
    }

    /// The same of any certificate's dates, when `whom` is to trust it.
    pub fn worry_over(holds: &RangeInclusive<i64>, whom: &str, now: i64) -> Option<String> {
        let day =
            |secs| Timestamp::from_second(secs).map(|at| at.strftime("%F").to_string()).unwrap_or_default();
        let (from, until) = (day(*holds.start()), day(*holds.end()));
        match holds.end() - now {
            _ if now < *holds.start() => Some(format!(
                "the certificate does not hold before {from}: until then {whom} refuse it, unless this computer's clock is wrong"
            )),
            left if left < 0 => Some(format!("the certificate ended on {until}: {whom} refuse it")),
            left if left < SOON_SECS => {
                Some(format!("the certificate ends on {until}, in {} days: have it renewed", left / DAY_SECS))
            }
            _ => None,
        }
    }

    fn read(first: &CertificateDer<'_>, chain: usize, self_made: bool) -> Result<Self, String> {
        let (_, parsed) = parse_x509_certificate(first).map_err(|error| error.to_string())?;
        if parsed.version() != X509Version::V3 {
            return Err(format!(
                "it is of X.509 version {}; expected version 3, which bears the server's name: have it made with a \
                 subjectAltName",
                parsed.version().0 + 1
            ));
        }
        Ok(Self {
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            names: names(&parsed),
            self_signed: parsed.issuer() == parsed.subject(),
            self_made,
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
        let worry = |now| read.worry(now).unwrap_or_default();
        assert!(worry(read.not_before - 1).contains("does not hold before"));
        assert_eq!(worry(read.not_before), "");
        assert_eq!(worry(read.not_after - SOON_SECS), "");
        assert!(worry(read.not_after - SOON_SECS + 1).contains("in 13 days"));
        assert!(worry(read.not_after).contains("in 0 days"));
        assert!(worry(read.not_after + 1).contains("ended on"));
        std::fs::remove_file(dir.path().join("tls/key.pem")).expect("removed");
        assert!(Certificate::load(None, dir.path()).is_err());
    }
}
