use std::{collections::BTreeSet, fmt, ops::RangeInclusive};

use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, prelude::X509Error,
    public_key::PublicKey,
};

/// Names beyond these are not shown.
const SHOWN: usize = 8;
/// A longer name is no name of DNS.
const LONGEST: usize = 253;
/// The bits of RSA keys that others cannot find out.
pub(super) const LEAST_RSA: usize = 2_048;

/// The FQDNs of servers that may connect, compared without regard to letter case; none is a pattern.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers(BTreeSet<String>);

impl Peers {
    /// Whether it is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names in lower case.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The first of a certificate's names that is one of these.
    pub fn find<'n>(&self, names: &'n Names) -> Option<&'n str> {
        names.0.iter().map(String::as_str).find(|name| self.0.contains(*name))
    }
}

impl<S: AsRef<str>> FromIterator<S> for Peers {
    fn from_iter<T: IntoIterator<Item = S>>(names: T) -> Self {
        let names = names.into_iter().map(|name| name.as_ref().trim().to_ascii_lowercase());
        Self(names.filter(|name| !name.is_empty()).collect())
    }
}

/// The DNS names of a certificate in lower case: those of its subjectAltName, or the subject's common name when it has
/// no such extension at all. A wildcard stands for itself alone. `Display` is safe for logs whatever the names are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// Reads them; an error when the certificate cannot be read to its end.
    pub(crate) fn of(certificate: &[u8]) -> Result<Self, X509Error> {
        let (_, parsed) = parse_x509_certificate(certificate).map_err(|_| X509Error::InvalidCertificate)?;
        let names = match parsed.subject_alternative_name()? {
            Some(extension) => {
                let names = extension.value.general_names.iter();
                let dns = |name: &GeneralName<'_>| match name {
                    GeneralName::DNSName(name) => Some((*name).to_ascii_lowercase()),
                    _ => None,
                };
                names.filter_map(dns).collect()
            }
            None => common_name(&parsed).into_iter().collect(),
        };
        Ok(Self(names))
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether this name, without a pattern, is one of them.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// When a certificate holds, in seconds since 1970.
pub(super) fn holds(certificate: &[u8]) -> Option<RangeInclusive<i64>> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    let validity = parsed.validity();
    Some(validity.not_before.timestamp()..=validity.not_after.timestamp())
}

/// How many bits the RSA key of a certificate has, if it is too short. Those of the authorities above it, and short
/// curves, are not taken by the libraries themselves.
pub(super) fn short_key(certificate: &[u8]) -> Option<usize> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    match parsed.public_key().parsed().ok()? {
        PublicKey::RSA(key) => Some(key.key_size()).filter(|bits| *bits < LEAST_RSA),
        _ => None,
    }
}

/// Whether a certificate says who it is by its common name alone.
pub(super) fn is_common_name_alone(certificate: &[u8]) -> bool {
    let parsed = parse_x509_certificate(certificate).ok().map(|(_, parsed)| parsed);
    parsed.is_none_or(|parsed| !matches!(parsed.subject_alternative_name(), Ok(Some(_))))
}

/// Whether an authority's certificate limits the names that it signs for, or cannot be read.
pub(super) fn is_constrained(authority: &[u8]) -> bool {
    let parsed = parse_x509_certificate(authority).ok().map(|(_, parsed)| parsed);
    parsed.is_none_or(|parsed| !matches!(parsed.name_constraints(), Ok(None)))
}

/// Who has signed a certificate, as it stands there (DER).
pub(super) fn issuer(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    Some(parsed.issuer().as_raw().to_vec())
}

/// A subject with several common names says nothing.
fn common_name(parsed: &X509Certificate<'_>) -> Option<String> {
    let mut names = parsed.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    names.next().is_none().then(|| name.to_ascii_lowercase())
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no name");
        }
        for (index, name) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let shown: String = name.chars().take(LONGEST).collect();
            write!(f, "{comma}{}", shown.escape_default())?;
        }
        match self.0.len() - self.0.len().min(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    use trunkline_testkit::peer::{Authority, Leaf};

    use super::*;

    #[test]
    fn what_is_shown_is_bounded() {
        let names = Names(vec!["x".repeat(1_000); 100]);
        assert!(names.to_string().len() < SHOWN * (LONGEST + 2) + 20);
        assert!(names.to_string().ends_with(" and 92 more"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_damaged_certificate_is_no_panic(damages in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..8)) {
            let leaf = Leaf { dns: &["fe1.contoso.test"], common_name: Some("pool.contoso.test"), ..Leaf::default() };
            let identity = Authority::new().and_then(|authority| authority.issue(&leaf)).expect("a certificate");
            let der = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).expect("a certificate");
            let mut bytes = der.to_vec();
            for (at, byte) in damages {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            if let Ok(names) = Names::of(&bytes) {
                let _ = names.to_string();
            }
        }
    }
}
