use std::time::Duration;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// A certificate authority made for one test.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A server's certificate with its key.
pub struct Identity {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS #8 PEM.
    pub key_pem: String,
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
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Trunkline test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context("cannot make a key for the test authority")?;
        let pem = params.self_signed(&key).context("cannot sign the test authority's certificate")?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// Its own certificate, PEM: what clients are to trust.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// Signs a server certificate for these DNS names.
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
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if let Some((from, until)) = within {
            let moment = |secs| date_time_ymd(1970, 1, 1) + Duration::from_secs(secs);
            (params.not_before, params.not_after) = (moment(from), moment(until));
        }
        let key = KeyPair::generate().context("cannot make a key for a test server")?;
        let certificate =
            params.signed_by(&key, &self.issuer).context("cannot sign a test server's certificate")?;
        Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }
}
