use std::{fmt, path::PathBuf};

use crate::{
    kind::{Choice, Count, Domain, HostName, Kind, OptionalFilePath},
    lookup::Reference,
};

mod reader;

pub(crate) use reader::read;

/// An IM system that carries the accounts of one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendConfig {
    /// An XMPP server.
    Xmpp(XmppBackend),
}

impl BackendConfig {
    /// The domain of its accounts, in the form in which addresses have it.
    pub fn domain(&self) -> &str {
        match self {
            Self::Xmpp(xmpp) => &xmpp.domain,
        }
    }
}

/// An XMPP server to which each account of a domain signs in.
#[derive(Clone, PartialEq, Eq)]
pub struct XmppBackend {
    /// The domain of the accounts, in the form in which addresses have it.
    pub domain: String,
    /// The host to connect to: a name or an IP address.
    pub host: String,
    /// The port to connect to.
    pub port: u16,
    /// How TLS begins.
    pub tls: XmppTls,
    /// PEM certificates that are trusted instead of the operating system's.
    pub ca_file: Option<PathBuf>,
    /// The name that the server's certificate must bear.
    pub server_name: String,
    /// How many accounts sign in a second.
    pub login_rate: u32,
    pub(crate) referred: Vec<(&'static str, Reference)>,
}

/// How TLS begins on a connection to an XMPP server; without TLS none is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XmppTls {
    /// In the stream (RFC 6120 5), port 5222 by default.
    StartTls,
    /// With the connection (XEP-0368), port 5223 by default.
    Direct,
}

impl XmppTls {
    pub(crate) fn default_port(self) -> u16 {
        match self {
            Self::StartTls => 5222,
            Self::Direct => 5223,
        }
    }
}

impl XmppBackend {
    /// A server with the defaults of everything but its domain and host.
    pub fn new(domain: impl Into<String>, host: impl Into<String>) -> Self {
        let domain = domain.into();
        Self {
            server_name: domain.clone(),
            domain,
            host: host.into(),
            port: XmppTls::StartTls.default_port(),
            tls: XmppTls::StartTls,
            ca_file: None,
            login_rate: crate::Config::default().xmpp_login_rate,
            referred: Vec::new(),
        }
    }
}

impl fmt::Debug for XmppBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: [(&str, &dyn fmt::Debug); 7] = [
            ("domain", &self.domain),
            ("host", &self.host),
            ("port", &self.port),
            ("tls", &self.tls),
            ("caFile", &self.ca_file),
            ("serverName", &self.server_name),
            ("loginRate", &self.login_rate),
        ];
        let mut shown = f.debug_struct("XmppBackend");
        for (name, value) in fields {
            match self.referred.iter().find(|(referred, _)| *referred == name) {
                Some((_, reference)) => shown.field(name, &format_args!("<{reference}>")),
                None => shown.field(name, value),
            };
        }
        shown.finish()
    }
}

pub(crate) const KIND: Choice<()> = Choice(&[("xmpp", ())]);
pub(crate) const DOMAIN: Domain = Domain;
pub(crate) const HOST: HostName = HostName;
pub(crate) const PORT: Count<u16> = Count(1..=65_535, "");
pub(crate) const TLS: Choice<XmppTls> =
    Choice(&[("starttls", XmppTls::StartTls), ("direct", XmppTls::Direct)]);
pub(crate) const CA_FILE: OptionalFilePath = OptionalFilePath;
pub(crate) const SERVER_NAME: HostName = HostName;
pub(crate) const LOGIN_RATE: Count<u32> = Count(1..=10_000, "logins");

/// An attribute of `<backend>`: one row of the table from which its reader and the reference are made.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// What holds when it is absent, in words; None when it must be there.
    pub(crate) default: Option<&'static str>,
    pub(crate) meaning: &'static str,
    pub(crate) expected: fn() -> String,
}

pub(crate) const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        name: "kind",
        default: None,
        meaning: "The sort of IM system.",
        expected: || KIND.expected(),
    },
    Attribute {
        name: "domain",
        default: None,
        meaning: "The accounts of this domain use this backend. Each domain has one at most; accounts of \
            other domains live on the relay itself.",
        expected: || DOMAIN.expected(),
    },
    Attribute {
        name: "host",
        default: None,
        meaning: "The host to connect to.",
        expected: || HOST.expected(),
    },
    Attribute {
        name: "port",
        default: Some("5222, or 5223 with `tls=\"direct\"`"),
        meaning: "The port to connect to.",
        expected: || PORT.expected(),
    },
    Attribute {
        name: "tls",
        default: Some("`starttls`"),
        meaning: "Whether TLS begins in the stream or with the connection. There is no way without TLS.",
        expected: || TLS.expected(),
    },
    Attribute {
        name: "caFile",
        default: Some("the certificates that the operating system trusts"),
        meaning: "Certificates in PEM that are trusted instead. A relative path starts at the folder of \
            this file.",
        expected: || CA_FILE.expected(),
    },
    Attribute {
        name: "serverName",
        default: Some("the domain"),
        meaning: "The name that the server's certificate must bear.",
        expected: || SERVER_NAME.expected(),
    },
    Attribute {
        name: "loginRate",
        default: Some("`XMPP_LOGIN_RATE`"),
        meaning: "How many accounts sign in a second.",
        expected: || LOGIN_RATE.expected(),
    },
];

/// The attribute of this name; letter case matters.
pub(crate) fn attribute(name: &str) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|attribute| attribute.name == name)
}
