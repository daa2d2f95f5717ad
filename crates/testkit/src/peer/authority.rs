use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};

/// A certificate authority made for one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    /// The certificates between it and a root, its own first, PEM; empty for a root.
    between: String,
}

/// A server's certificate with its key.
pub struct Identity {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS #8 PEM.
    pub key_pem: String,
}

/// What a certificate is for (RFC 5280 4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Servers.
    Server,
    /// Clients.
    Client,
    /// Signing programs.
    Code,
}

/// When a certificate holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Time {
    /// Now.
    #[default]
    Now,
    /// It is over.
    Past,
    /// It is to come.
    Future,
}

/// A certificate to be made; by default it says nothing of whose it is and what it is for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leaf<'a> {
    /// The subject's common name.
    pub common_name: Option<&'a str>,
    /// The subjectAltName's DNS names, which may be wildcards; without any of both sorts it has no such extension.
    pub dns: &'a [&'a str],
    /// The subjectAltName's e-mail addresses.
    pub mail: &'a [&'a str],
    /// The extended key usage; without one it has no such extension.
    pub purposes: &'a [Purpose],
    /// When it holds.
    pub time: Time,
}

impl Leaf<'_> {
    fn params(&self) -> Result<CertificateParams> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        if let Some(name) = self.common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        for name in self.dns {
            params.subject_alt_names.push(SanType::DnsName((*name).try_into().context("not a DNS name")?));
        }
        for address in self.mail {
            let address = (*address).try_into().context("not an e-mail address")?;
            params.subject_alt_names.push(SanType::Rfc822Name(address));
        }
        let purpose = |purpose: &Purpose| match purpose {
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
            Purpose::Code => ExtendedKeyUsagePurpose::CodeSigning,
        };
        params.extended_key_usages = self.purposes.iter().map(purpose).collect();
        let (from, until) = match self.time {
            Time::Now => (2000, 4000),
            Time::Past => (2000, 2001),
            Time::Future => (3999, 4000),
        };
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        Ok(params)
    }
}

impl Identity {
    /// A certificate for these DNS names that nobody else has signed, and that calls itself an authority.
    pub fn self_made(names: &[&str]) -> Result<Self> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).context("not names for a certificate")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().context("cannot make a key for a test server")?;
        let certificate = params.self_signed(&key).context("cannot sign a test server's certificate")?;
        Ok(Self { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}

impl Authority {
    /// Makes a key and a self-signed certificate.
    pub fn new() -> Result<Self> {
        Self::limited(&[])
    }

    /// One that may sign for these DNS domains alone, or for all when there are none.
    pub fn limited(permitted: &[&str]) -> Result<Self> {
        let params = authority("Trunkline test authority", permitted);
        let key = KeyPair::generate().context("cannot make a key for the test authority")?;
        let pem = params.self_signed(&key).context("cannot sign the test authority's certificate")?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem, between: String::new() })
    }

    /// One below it, which may sign for these DNS domains alone, or for all when there are none.
    pub fn below(&self, permitted: &[&str]) -> Result<Self> {
        let params = authority("Trunkline test authority below", permitted);
        let key = KeyPair::generate().context("cannot make a key for a test authority")?;
        let pem = params.signed_by(&key, &self.issuer).context("cannot sign a test authority")?.pem();
        let between = format!("{pem}{}", self.between);
        Ok(Self { issuer: Issuer::new(params, key), pem, between })
    }

    /// Its own certificate, PEM: what clients are to trust.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// Signs a certificate for these DNS names, for either side of a connection.
    pub fn identity(&self, names: &[&str]) -> Result<Identity> {
        self.sign(names, None)
    }

    /// The same of one that holds between these moments, in seconds since 1970.
    pub fn identity_within(&self, names: &[&str], from: u64, until: u64) -> Result<Identity> {
        self.sign(names, Some((from, until)))
    }

    fn sign(&self, names: &[&str], within: Option<(u64, u64)>) -> Result<Identity> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).context("not names for a certificate")?;
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        if let Some((from, until)) = within {
            let moment = |secs| date_time_ymd(1970, 1, 1) + Duration::from_secs(secs);
            (params.not_before, params.not_after) = (moment(from), moment(until));
        }
        let key = KeyPair::generate().context("cannot make a key for a test server")?;
        let certificate =
            params.signed_by(&key, &self.issuer).context("cannot sign a test server's certificate")?;
        Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// Signs a certificate of any sort; those between it and a root follow it.
    pub fn issue(&self, leaf: &Leaf<'_>) -> Result<Identity> {
        let key = KeyPair::generate().context("cannot make a key for a test certificate")?;
        let certificate =
            leaf.params()?.signed_by(&key, &self.issuer).context("cannot sign a test certificate")?;
        let certificate_pem = certificate.pem() + &self.between;
        Ok(Identity { certificate_pem, key_pem: key.serialize_pem() })
    }
}

fn authority(name: &str, permitted: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Which root has signed is known by its name.
    let name =
        if permitted.is_empty() { name.to_owned() } else { format!("{name} of {}", permitted.join(", ")) };
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let permitted_subtrees: Vec<_> =
        permitted.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned())).collect();
    params.name_constraints = (!permitted_subtrees.is_empty())
        .then_some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
    params
}
