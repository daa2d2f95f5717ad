use std::path::PathBuf;

/// How to reach one XMPP server, and how to know it is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmppSettings {
    /// The XMPP domain, the part of every account's address after the `@`.
    pub domain: String,
    /// Host name or IP address to connect to.
    pub host: String,
    /// TCP port, 5222 by custom (5223 for [`Tls::Direct`]).
    pub port: u16,
    /// How TLS begins; there is no way without it.
    pub tls: Tls,
    /// PEM file with the authorities to trust; `None` trusts those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// The DNS name or IP address that the server's certificate must carry.
    pub server_name: String,
    /// Most sign-ins per second over all lines of this backend, at least 1.
    pub login_rate: u32,
}

/// How TLS begins on the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// In the clear until `<starttls/>` (RFC 6120 section 5); a server that does not offer it is not signed in to.
    StartTls,
    /// From the first byte (XEP-0368).
    Direct,
}

/// Why a backend cannot be made from its settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmppError {
    /// The domain is not one.
    #[error("{domain:?} is not an XMPP domain: {reason}")]
    Domain {
        /// As it was given.
        domain: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name to expect in the certificate is neither a DNS name nor an IP address.
    #[error("{0:?} is neither a DNS name nor an IP address that a certificate could carry")]
    ServerName(String),
    /// The file with the trusted authorities cannot be used.
    #[error("cannot use the authorities in {path}: {reason}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The operating system offers no authority to trust.
    #[error("the operating system has no trusted authorities: {0}")]
    NoAuthorities(String),
    /// The crypto library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// A login rate of 0 would never sign in.
    #[error("the login rate is 0; at least 1 sign-in per second is needed")]
    LoginRate,
}
