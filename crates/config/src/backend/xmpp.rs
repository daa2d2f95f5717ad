use std::{fmt, path::PathBuf};

use super::{Attribute, reader::Attributes};
use crate::{
    kind::{Choice, Count, HostName, Kind, OptionalFilePath},
    lookup::Reference,
};

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
    pub(super) referred: Vec<(&'static str, Reference)>,
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
    fn default_port(self) -> u16 {
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
        super::show(f, "XmppBackend", &fields, &self.referred)
    }
}

pub(super) const EXAMPLE: &str = r#"<backend kind="xmpp" domain="corp.test" host="im.corp.test" port="5222" tls="starttls"
             caFile="ca.pem" serverName="corp.test" />"#;

const HOST: HostName = HostName;
const PORT: Count<u16> = Count(1..=65_535, "");
const TLS: Choice<XmppTls> = Choice(&[("starttls", XmppTls::StartTls), ("direct", XmppTls::Direct)]);
const CA_FILE: OptionalFilePath = OptionalFilePath;
const SERVER_NAME: HostName = HostName;
const LOGIN_RATE: Count<u32> = Count(1..=10_000, "logins");

pub(super) const ATTRIBUTES: &[Attribute] = &[
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

/// None after a fault, which has been reported; all attributes are looked at first.
pub(super) fn read(
    domain: Option<String>,
    login_rate: u32,
    attributes: &mut Attributes<'_, '_>,
) -> Option<XmppBackend> {
    let host = attributes.required("host", &HOST);
    let tls = attributes.optional("tls", &TLS);
    let port = attributes.optional("port", &PORT);
    let ca_file = attributes.optional("caFile", &CA_FILE);
    let server_name = attributes.optional("serverName", &SERVER_NAME);
    let rate = attributes.optional("loginRate", &LOGIN_RATE);
    let (domain, tls, ca_file) = (domain?, tls?.unwrap_or(XmppTls::StartTls), ca_file?.flatten());
    let backend = XmppBackend {
        host: host?,
        port: port?.unwrap_or(tls.default_port()),
        tls,
        ca_file,
        server_name: server_name?.unwrap_or_else(|| domain.clone()),
        domain,
        login_rate: rate?.unwrap_or(login_rate),
        referred: attributes.referred(),
    };
    if let Some(file) = &backend.ca_file {
        attributes.check_file("caFile", file);
    }
    Some(backend)
}
