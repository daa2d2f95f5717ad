mod tls;

use std::{fmt, path::PathBuf, sync::Arc};

use hyper::Uri;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

pub use self::tls::parse_fingerprint;

/// Where a relay listens and how it is trusted; cheap to clone, one for all phones of a process.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    /// Without brackets, also for an IPv6 address.
    host: String,
    port: u16,
    authority: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// Which certificates of a relay are believed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Trust {
    /// Those that the operating system's authorities signed.
    #[default]
    System,
    /// Those, and what the authorities in this PEM file signed.
    CaFile(PathBuf),
    /// Only the certificate with this SHA-256, whoever signed it and whatever name it bears.
    Fingerprint([u8; 32]),
}

/// Why a server cannot be talked to at all.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Not such a URL.
    #[error("{0} is not a relay's URL; expected https://HOST:PORT or http://HOST:PORT")]
    Url(String),
    /// The PEM file is unreadable or holds no certificate.
    #[error("cannot use the certificates in {path}: {reason}")]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why, in plain words.
        reason: String,
    },
    /// Not 64 hex digits.
    #[error("{0} is not a SHA-256 fingerprint; expected 64 hex digits, with or without colons")]
    Fingerprint(String),
    /// The TLS library refuses its own settings.
    #[error("cannot prepare TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl Server {
    /// From `https://HOST:PORT` (8082 when left out) or `http://HOST:PORT` (8080); reads the trusted certificates once.
    pub fn new(url: &str, trust: &Trust) -> Result<Self, ServerError> {
        let wrong = || ServerError::Url(url.to_owned());
        let uri: Uri = url.trim().parse().map_err(|_| wrong())?;
        let secure = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err(wrong()),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(wrong());
        }
        let written = uri.host().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        let host = written.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if secure { 8082 } else { 8080 });
        let authority = format!("{written}:{port}");
        let tls = match secure {
            true => {
                let name = ServerName::try_from(host.clone()).map_err(|_| wrong())?;
                Some((tls::connector(trust)?, name))
            }
            false => None,
        };
        Ok(Self { inner: Arc::new(Inner { host, port, authority, tls }) })
    }

    /// `HOST:PORT`, as in a URL.
    pub fn authority(&self) -> &str {
        &self.inner.authority
    }

    pub(crate) fn endpoint(&self) -> (&str, u16) {
        (&self.inner.host, self.inner.port)
    }

    pub(crate) fn tls(&self) -> Option<&(TlsConnector, ServerName<'static>)> {
        self.inner.tls.as_ref()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.inner.tls.is_some() { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.inner.authority)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Server, Trust};

    #[test]
    fn urls() {
        for (url, shown) in [
            ("https://relay.test", "https://relay.test:8082"),
            ("http://127.0.0.1:9/", "http://127.0.0.1:9"),
            ("http://[::1]", "http://[::1]:8080"),
        ] {
            assert_eq!(Server::new(url, &Trust::System).unwrap().to_string(), shown);
        }
        assert_eq!(Server::new("http://[::1]:7", &Trust::System).unwrap().endpoint(), ("::1", 7));
        for url in
            ["", "relay.test:8082", "ftp://relay.test", "https://relay.test/path", "http://:8080", "https://"]
        {
            assert!(Server::new(url, &Trust::System).is_err(), "{url}");
        }
    }
}
