use std::{fmt, net::SocketAddr, path::PathBuf};

use super::{Attribute, reader::Attributes};
use crate::{
    code,
    kind::{Choice, Count, FLAG, FilePath, Fqdn, Fqdns, Gruu, HostNames, Kind, Socket},
    lookup::Reference,
};

/// A pool of Skype for Business or Lync servers, which trusts the relay as one of its applications.
#[derive(Clone, PartialEq, Eq)]
pub struct LyncBackend {
    /// The domain of the accounts, in the form in which addresses have it.
    pub domain: String,
    /// The pool's FQDN, in lower case: its certificate is expected to bear it.
    pub pool: String,
    /// The host to connect to instead of the addresses that DNS has for the pool, or several with blanks between them.
    pub host: Option<String>,
    /// The pool's port for mutual TLS.
    pub port: u16,
    /// The name under which the topology knows the relay, in lower case.
    pub local_fqdn: String,
    /// Where the pool's servers connect to; its port is the trusted application's.
    pub listen: SocketAddr,
    /// The relay's certificate and those that lead to its authority, PEM.
    pub certificate_file: PathBuf,
    /// Its key, PEM.
    pub private_key_file: PathBuf,
    /// The authorities whose certificates the pool's servers bear, PEM; nobody else is trusted.
    pub ca_file: PathBuf,
    /// FQDNs of the servers that may connect, in lower case; at least one.
    pub allowed_peers: Vec<String>,
    /// Whether the pool may speak TLS 1.0 and 1.1 and old cipher suites; only some builds of the program can.
    pub legacy_tls: bool,
    /// The trusted application's GRUU, a `sip:` URI.
    pub gruu: Option<String>,
    /// When a conversation that a peer begins is accepted.
    pub accept: LyncAccept,
    /// How an invitation that a person declines is answered.
    pub decline_with: LyncDecline,
    /// How many accounts sign in a second.
    pub login_rate: u32,
    pub(super) referred: Vec<(&'static str, Reference)>,
}

/// When a conversation that a peer begins is accepted, which takes it from the person's other endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LyncAccept {
    /// At once when the person has no other endpoint, else when the person does.
    OnlyEndpoint,
    /// When the person does.
    User,
    /// At once.
    Always,
}

/// How an invitation that a person declines is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LyncDecline {
    /// 480: other endpoints ring on.
    TemporarilyUnavailable,
    /// 603: all endpoints stop.
    Decline,
}

impl LyncDecline {
    /// The SIP status code.
    pub fn status(self) -> u16 {
        match self {
            Self::TemporarilyUnavailable => 480,
            Self::Decline => 603,
        }
    }
}

impl LyncBackend {
    /// Takes over what needs no restart.
    pub(super) fn adapt(&mut self, new: &Self) {
        self.certificate_file.clone_from(&new.certificate_file);
        self.private_key_file.clone_from(&new.private_key_file);
        self.ca_file.clone_from(&new.ca_file);
        self.allowed_peers.clone_from(&new.allowed_peers);
        self.legacy_tls = new.legacy_tls;
        let before = std::mem::take(&mut self.referred);
        let is_live = |name: &str| LIVE.contains(&name);
        let of_both = new.referred.iter().filter_map(|(name, reference)| match is_live(name) {
            true => Some((*name, reference.clone())),
            false => before.iter().find(|(other, _)| other == name).cloned(),
        });
        self.referred = of_both.collect();
        let only_before = before.into_iter().filter(|(name, _)| !is_live(name));
        let only_before: Vec<_> =
            only_before.filter(|(name, _)| new.referred.iter().all(|(other, _)| other != name)).collect();
        self.referred.extend(only_before);
    }
}

/// What is taken over by a reload.
const LIVE: [&str; 5] = ["certificateFile", "privateKeyFile", "caFile", "allowedPeers", "legacyTls"];

impl fmt::Debug for LyncBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: [(&str, &dyn fmt::Debug); 15] = [
            ("domain", &self.domain),
            ("pool", &self.pool),
            ("host", &self.host),
            ("port", &self.port),
            ("localFqdn", &self.local_fqdn),
            ("listen", &self.listen),
            ("certificateFile", &self.certificate_file),
            ("privateKeyFile", &self.private_key_file),
            ("caFile", &self.ca_file),
            ("allowedPeers", &self.allowed_peers),
            ("legacyTls", &self.legacy_tls),
            ("gruu", &self.gruu),
            ("accept", &self.accept),
            ("declineWith", &self.decline_with),
            ("loginRate", &self.login_rate),
        ];
        super::show(f, "LyncBackend", &fields, &self.referred)
    }
}

pub(super) const EXAMPLE: &str = r#"<backend kind="lync" domain="contoso.test" pool="pool.contoso.test" port="5061"
             localFqdn="relay.contoso.test" listen="0.0.0.0:6001"
             certificateFile="relay.pem" privateKeyFile="relay-key.pem" caFile="contoso-ca.pem"
             allowedPeers="pool.contoso.test fe1.contoso.test fe2.contoso.test" />"#;

pub(super) const INTRODUCTION: &str = "The relay is a trusted application of the topology: it and the servers know \
each other by their certificates (mutual TLS), and accounts need no passwords. `listen` has the port with which \
`New-CsTrustedApplication` entered it, and `localFqdn` is the computer's name there. The servers connect to that name \
and port by themselves, so their DNS and the firewall must let them.";

const POOL: Fqdn = Fqdn;
const HOST: HostNames = HostNames;
const PORT: Count<u16> = Count(1..=65_535, "");
const LOCAL_FQDN: Fqdn = Fqdn;
const LISTEN: Socket = Socket;
const FILE: FilePath = FilePath;
const ALLOWED_PEERS: Fqdns = Fqdns;
const LEGACY_TLS: Choice<bool> = FLAG;
const GRUU: Gruu = Gruu;
const ACCEPT: Choice<LyncAccept> = Choice(&[
    ("only-endpoint", LyncAccept::OnlyEndpoint),
    ("user", LyncAccept::User),
    ("always", LyncAccept::Always),
]);
const DECLINE_WITH: Choice<LyncDecline> =
    Choice(&[("480", LyncDecline::TemporarilyUnavailable), ("603", LyncDecline::Decline)]);
const LOGIN_RATE: Count<u32> = Count(1..=1000, "logins");

const DEFAULT_PORT: u16 = 5061;
const DEFAULT_LOGIN_RATE: u32 = 50;

pub(super) const ATTRIBUTES: &[Attribute] = &[
    Attribute {
        name: "pool",
        default: None,
        meaning: "The pool on which the accounts are homed. It is looked up in DNS, and each address that it \
            has there may be a Front End.",
        expected: || POOL.expected(),
    },
    Attribute {
        name: "host",
        default: Some("what DNS says of the pool"),
        meaning: "The host to connect to instead, or those of several Front Ends. Their certificates must bear the same names.",
        expected: || HOST.expected(),
    },
    Attribute {
        name: "port",
        default: Some("5061"),
        meaning: "The port of the Front Ends.",
        expected: || PORT.expected(),
    },
    Attribute {
        name: "localFqdn",
        default: None,
        meaning: "The name that the topology has for this computer, and that the certificate bears.",
        expected: || LOCAL_FQDN.expected(),
    },
    Attribute {
        name: "listen",
        default: None,
        meaning: "Where the Front Ends connect to. Its port is the trusted application's, and no other \
            listener of this file has the same.",
        expected: || LISTEN.expected(),
    },
    Attribute {
        name: "certificateFile",
        default: None,
        meaning: "The relay's certificate in PEM, followed by those between it and its authority. A relative \
            path starts at the folder of this file.",
        expected: || FILE.expected(),
    },
    Attribute {
        name: "privateKeyFile",
        default: None,
        meaning: "The certificate's private key in PEM, without a passphrase. A relative path starts at the \
            folder of this file.",
        expected: || FILE.expected(),
    },
    Attribute {
        name: "caFile",
        default: None,
        meaning: "The authorities in PEM that have signed the Front Ends' certificates, usually the \
            company's own; no other is trusted. A relative path starts at the folder of this file.",
        expected: || FILE.expected(),
    },
    Attribute {
        name: "allowedPeers",
        default: None,
        meaning: "The servers that may connect: the pool and each of its Front Ends. A server whose \
            certificate bears none of these names is turned away. A reload takes it over, and ends the connections of \
            those that it names no more.",
        expected: || ALLOWED_PEERS.expected(),
    },
    Attribute {
        name: "legacyTls",
        default: Some("`false`"),
        meaning: "Whether the Front Ends may also speak TLS 1.0 and 1.1, suites without forward secrecy or with \
            CBC, and show certificates signed with SHA-1. Only for servers that have nothing better; the program must \
            have been built with `--features legacy-tls`, else it refuses to start.",
        expected: || LEGACY_TLS.expected(),
    },
    Attribute {
        name: "gruu",
        default: Some("none"),
        meaning: "The trusted application's own address, as `(Get-CsTrustedApplication …).ComputerGruus` \
            prints it.",
        expected: || GRUU.expected(),
    },
    Attribute {
        name: "accept",
        default: Some("`only-endpoint`"),
        meaning: "When a conversation that somebody begins is accepted, which takes it from the person's \
            other devices: at once if the phone is the only one (`only-endpoint`), when its person opens it \
            (`user`), or at once (`always`).",
        expected: || ACCEPT.expected(),
    },
    Attribute {
        name: "declineWith",
        default: Some("`480`"),
        meaning: "What is answered when the person declines: `480` lets other devices ring on, `603` stops \
            them.",
        expected: || DECLINE_WITH.expected(),
    },
    Attribute {
        name: "loginRate",
        default: Some("50"),
        meaning: "How many accounts sign in a second.",
        expected: || LOGIN_RATE.expected(),
    },
];

/// None after a fault, which has been reported; all attributes are looked at first.
pub(super) fn read(domain: Option<String>, attributes: &mut Attributes<'_, '_>) -> Option<LyncBackend> {
    let pool = attributes.required("pool", &POOL);
    let host = attributes.optional("host", &HOST);
    let port = attributes.optional("port", &PORT);
    let local_fqdn = attributes.required("localFqdn", &LOCAL_FQDN);
    let listen = attributes.required("listen", &LISTEN);
    let certificate_file = attributes.file("certificateFile", &FILE);
    let private_key_file = attributes.file("privateKeyFile", &FILE);
    let ca_file = attributes.file("caFile", &FILE);
    let allowed_peers = attributes.required("allowedPeers", &ALLOWED_PEERS);
    let legacy_tls = attributes.optional("legacyTls", &LEGACY_TLS);
    let gruu = attributes.optional("gruu", &GRUU);
    let accept = attributes.optional("accept", &ACCEPT);
    let decline_with = attributes.optional("declineWith", &DECLINE_WITH);
    let login_rate = attributes.optional("loginRate", &LOGIN_RATE);
    if legacy_tls == Some(Some(true)) {
        let message = "`legacyTls` lets the pool speak encryption that is known to be weak";
        attributes.warning(
            &code::UNWISE,
            "legacyTls",
            message,
            "better: teach the servers TLS 1.2 with ECDHE and AES-GCM",
        );
    }
    if let (Some(pool), Some(local)) = (&pool, &local_fqdn) {
        distinct(pool, local, attributes);
    }
    Some(LyncBackend {
        domain: domain?,
        pool: pool?,
        host: host?,
        port: port?.unwrap_or(DEFAULT_PORT),
        local_fqdn: local_fqdn?,
        listen: listen?,
        certificate_file: certificate_file?,
        private_key_file: private_key_file?,
        ca_file: ca_file?,
        allowed_peers: allowed_peers?,
        legacy_tls: legacy_tls?.unwrap_or(false),
        gruu: gruu?,
        accept: accept?.unwrap_or(LyncAccept::OnlyEndpoint),
        decline_with: decline_with?.unwrap_or(LyncDecline::TemporarilyUnavailable),
        login_rate: login_rate?.unwrap_or(DEFAULT_LOGIN_RATE),
        referred: attributes.referred(),
    })
}

/// The Front Ends would be told to connect to themselves.
fn distinct(pool: &str, local_fqdn: &str, attributes: &mut Attributes<'_, '_>) {
    if pool == local_fqdn {
        let message = "`localFqdn` is the name of the pool";
        attributes.error(&code::CONFLICT, "localFqdn", message, "expected this computer's own name");
    }
}
