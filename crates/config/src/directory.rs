//! Where people are found: `<directory>` elements.

use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf, time::Duration};

use crate::{
    backend::{Attributes, place, show},
    code,
    document::Element,
    kind::{
        AttributeMap, Choice, Count, Domain, FLAG, FilePath, LdapUrls, OptionalFilePath, Period, Template,
        Text, Unit::Seconds,
    },
    lookup::Reference,
    settings::Reading,
};

mod schema;
mod table;

pub use schema::DirectoryField;
use schema::Schema;
pub(crate) use {
    schema::schemas,
    table::{ATTRIBUTES, EXAMPLE, INTRODUCTION},
};

/// A directory of people that phones of one domain search in, over LDAP.
#[derive(Clone, PartialEq, Eq)]
pub struct DirectoryConfig {
    /// The domain of the accounts, in the form in which addresses have it.
    pub domain: String,
    /// Servers of the same content, the first to be asked first; at least one.
    pub servers: Vec<DirectoryServer>,
    /// How a server of `ldap://` is spoken to.
    pub tls: DirectoryTls,
    /// PEM certificates that are trusted instead of the operating system's.
    pub ca_file: Option<PathBuf>,
    /// Who signs in.
    pub bind_dn: String,
    /// The file with that one's password.
    pub password_file: PathBuf,
    /// Where the people are.
    pub base: String,
    /// How far below it.
    pub scope: DirectoryScope,
    /// Who is found at all, with `{search}` where the search goes.
    pub filter: String,
    /// Which attributes hold what; each field once.
    pub attributes: Vec<(DirectoryField, Vec<String>)>,
    /// How many searches are under way at once.
    pub connections: usize,
    /// Most entries that one search asks for.
    pub size_limit: usize,
    /// How long a search may take.
    pub timeout: Duration,
    referred: Vec<(&'static str, Reference)>,
}

/// A server of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryServer {
    /// Whether TLS begins with the connection.
    pub ldaps: bool,
    /// A name, or an IPv4 address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl DirectoryServer {
    fn is_here(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.map_or_else(|_| self.host == "localhost", |address| address.is_loopback())
    }
}

/// How a server of `ldap://` is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryTls {
    /// TLS by StartTLS before anything else.
    StartTls,
    /// Without TLS.
    None,
}

/// How far below the base people are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryScope {
    /// At any depth.
    Subtree,
    /// Directly below.
    OneLevel,
}

impl fmt::Debug for DirectoryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: [(&str, &dyn fmt::Debug); 13] = [
            ("domain", &self.domain),
            ("url", &self.servers),
            ("tls", &self.tls),
            ("caFile", &self.ca_file),
            ("bindDn", &self.bind_dn),
            ("passwordFile", &self.password_file),
            ("base", &self.base),
            ("scope", &self.scope),
            ("filter", &self.filter),
            ("attributes", &self.attributes),
            ("connections", &self.connections),
            ("sizeLimit", &self.size_limit),
            ("timeoutSecs", &self.timeout),
        ];
        show(f, "DirectoryConfig", &fields, &self.referred)
    }
}

const DOMAIN: Domain = Domain;
const URL: LdapUrls = LdapUrls;
const TLS: Choice<DirectoryTls> =
    Choice(&[("starttls", DirectoryTls::StartTls), ("none", DirectoryTls::None)]);
const CA_FILE: OptionalFilePath = OptionalFilePath;
const BIND_DN: Text = Text("a DN, or with Active Directory a name such as relay@contoso.test");
const PASSWORD_FILE: FilePath = FilePath;
const BASE: Text = Text("a DN such as DC=contoso,DC=test");
const SCOPE: Choice<DirectoryScope> =
    Choice(&[("subtree", DirectoryScope::Subtree), ("onelevel", DirectoryScope::OneLevel)]);
const SCHEMA: Choice<Schema> =
    Choice(&[("active-directory", Schema::ActiveDirectory), ("inetorgperson", Schema::InetOrgPerson)]);
const FILTER: Template = Template;
const MAP: AttributeMap = AttributeMap;
const CONNECTIONS: Count<usize> = Count(1..=32, "connections");
const SIZE_LIMIT: Count<usize> = Count(51..=1000, "entries");
const TIMEOUT: Period = Period(1..=30, Seconds);

const DEFAULT_CONNECTIONS: usize = 4;
const DEFAULT_SIZE_LIMIT: usize = 200;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(4);

/// Whether a directory has an attribute of this name; letter case matters.
pub(crate) fn is_attribute(name: &str) -> bool {
    ATTRIBUTES.iter().any(|attribute| attribute.name == name)
}

/// Reads all directories.
pub(crate) fn read<'a>(elements: &[&Element<'a>], reading: &mut Reading<'a>) -> Vec<DirectoryConfig> {
    let mut directories = Vec::new();
    let mut lines = BTreeMap::new();
    for element in elements {
        let mut attributes = Attributes::new(element, reading);
        attributes.only(ATTRIBUTES);
        let Some(directory) = directory(&mut attributes) else {
            continue;
        };
        let span = place(element, "domain");
        let line = reading.problems.line(span.start);
        if let Some(first) = lines.insert(directory.domain.clone(), line) {
            let message = "two directories have the same domain";
            let problem = reading.problems.error(&code::DUPLICATE, span, message, "expected another domain");
            problem.note(format!(
                "note: the other is in line {first}; several servers of one go into its `url`"
            ));
        }
        directories.push(directory);
    }
    directories
}

/// None after a fault, which has been reported; all attributes are looked at first.
fn directory(attributes: &mut Attributes<'_, '_>) -> Option<DirectoryConfig> {
    let domain = attributes.required("domain", &DOMAIN);
    let servers = attributes.required("url", &URL);
    let tls = attributes.optional("tls", &TLS);
    let insecure = attributes.optional("insecure", &FLAG);
    let ca_file = attributes.optional("caFile", &CA_FILE);
    let bind_dn = attributes.required("bindDn", &BIND_DN);
    let password_file = attributes.file("passwordFile", &PASSWORD_FILE);
    let base = attributes.required("base", &BASE);
    let scope = attributes.optional("scope", &SCOPE);
    let schema = attributes.optional("schema", &SCHEMA);
    let filter = attributes.optional("filter", &FILTER);
    let map = attributes.optional("attributes", &MAP);
    let connections = attributes.optional("connections", &CONNECTIONS);
    let size_limit = attributes.optional("sizeLimit", &SIZE_LIMIT);
    let timeout = attributes.optional("timeoutSecs", &TIMEOUT);
    if let Some(Some(file)) = ca_file.as_ref().map(Option::as_ref) {
        file.iter().for_each(|file| attributes.check_file("caFile", file));
    }
    let (tls, schema) = (tls?.unwrap_or(DirectoryTls::StartTls), schema?.unwrap_or(Schema::ActiveDirectory));
    if let (Some(servers), Some(insecure)) = (&servers, insecure) {
        encrypted(servers, tls, insecure.unwrap_or(false), attributes);
    }
    Some(DirectoryConfig {
        domain: domain?,
        servers: servers?,
        tls,
        ca_file: ca_file?.flatten(),
        bind_dn: bind_dn?,
        password_file: password_file?,
        base: base?,
        scope: scope?.unwrap_or(DirectoryScope::Subtree),
        filter: filter?.unwrap_or_else(|| schema.filter().to_owned()),
        attributes: schema.attributes(map?.unwrap_or_default()),
        connections: connections?.unwrap_or(DEFAULT_CONNECTIONS),
        size_limit: size_limit?.unwrap_or(DEFAULT_SIZE_LIMIT),
        timeout: timeout?.unwrap_or(DEFAULT_TIMEOUT),
        referred: attributes.referred(),
    })
}

/// Passwords leave this computer only in TLS, unless an admin has said twice that they may.
fn encrypted(
    servers: &[DirectoryServer],
    tls: DirectoryTls,
    insecure: bool,
    attributes: &mut Attributes<'_, '_>,
) {
    let bare = tls == DirectoryTls::None && servers.iter().any(|server| !server.ldaps && !server.is_here());
    if bare && !insecure {
        let message = "`tls=\"none\"` would send the password over the network as it is";
        let problem =
            attributes.error(&code::CONFLICT, "tls", message, "expected ldaps:// in `url`, or `starttls`");
        problem.note("note: `insecure=\"true\"` allows it all the same".to_owned());
    } else if bare {
        let message = "the password and people's data go over the network without TLS";
        attributes.warning(&code::UNWISE, "insecure", message, "expected ldaps:// in `url`, or `starttls`");
    }
}
