use std::{fmt, path::PathBuf, time::Duration};

use crate::filter;

/// How to reach the directory of a domain, and what its people look like there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectorySettings {
    /// The domain whose accounts search in it.
    pub domain: String,
    /// Servers of the same content, the first to be asked first; at least one.
    pub servers: Vec<DirectoryServer>,
    /// Who signs in: a DN, or what else the server takes for a name (Active Directory: `DOMAIN\user`, `user@domain`).
    pub bind_dn: String,
    /// The file that holds the password of it; read at every sign-in, so that a new one needs no restart.
    pub password_file: PathBuf,
    /// Where the people are (RFC 4514).
    pub base: String,
    /// How far below it.
    pub scope: Scope,
    /// Who is found at all: a filter (RFC 4515) in which `{search}` stands for what is searched for.
    pub filter: String,
    /// Which attribute holds what.
    pub attributes: Attributes,
    /// PEM file with the authorities to trust, read at every connection; `None` trusts those of the operating system.
    pub ca_file: Option<PathBuf>,
    /// How many searches are under way at once, each on a connection of its own.
    pub connections: usize,
    /// Most entries that one search asks for.
    pub size_limit: usize,
    /// How long a search may take, connecting included.
    pub patience: Duration,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryServer {
    /// A DNS name or an IPv4 address; its certificate must bear it.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// How it is spoken to.
    pub encryption: Encryption,
}

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte, `ldaps://`.
    Tls,
    /// TLS by the extended operation StartTLS (RFC 4511 4.14) before anything else is said.
    StartTls,
    /// None: the password goes over the wire as it is.
    Plain,
}

impl fmt::Display for DirectoryServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encryption == Encryption::Tls { "ldaps" } else { "ldap" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// How far below the base people are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// At any depth.
    Subtree,
    /// Directly below.
    OneLevel,
}

/// Which attributes hold what; of several, the first that an entry has counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The address on the IM system. A value with `sip:` before it counts as it is, one without any scheme only in the
    /// directory's domain, and one with another scheme not at all.
    pub address: Vec<String>,
    /// The name to show.
    pub name: Vec<String>,
    /// First names.
    pub first_name: Vec<String>,
    /// Family names.
    pub last_name: Vec<String>,
    /// E-mail address.
    pub email: Vec<String>,
    /// Job title.
    pub title: Vec<String>,
    /// Desk phone.
    pub work_phone: Vec<String>,
    /// Mobile phone.
    pub mobile_phone: Vec<String>,
    /// Department.
    pub department: Vec<String>,
    /// Company.
    pub company: Vec<String>,
    /// Office or room.
    pub office: Vec<String>,
    /// JPEG or PNG; none where people have no photos.
    pub photo: Vec<String>,
}

impl Attributes {
    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        [
            &self.address,
            &self.name,
            &self.first_name,
            &self.last_name,
            &self.email,
            &self.title,
            &self.work_phone,
            &self.mobile_phone,
            &self.department,
            &self.company,
            &self.office,
            &self.photo,
        ]
        .into_iter()
        .flatten()
    }
}

/// Why a directory cannot be made from its settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// No server is named.
    #[error("it names no server")]
    NoServer,
    /// Nobody could be found.
    #[error("no attribute is named that holds people's addresses")]
    NoAddress,
    /// The filter is none, or there is no place in it for what is searched for.
    #[error(
        "the filter is not one that LDAP knows (RFC 4515), or lacks the word {{search}} where a condition may stand"
    )]
    Filter,
    /// What is to be the name of an attribute is none.
    #[error("{0:?} is not the name of an attribute")]
    Attribute(String),
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
}

impl DirectorySettings {
    pub(crate) fn check(&self) -> Result<(), SetupError> {
        if self.servers.is_empty() {
            return Err(SetupError::NoServer);
        }
        if self.attributes.address.is_empty() {
            return Err(SetupError::NoAddress);
        }
        let is_name = |name: &&String| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if let Some(bad) = self.attributes.all().find(|name| !is_name(name)) {
            return Err(SetupError::Attribute(bad.clone()));
        }
        let has_place = self.filter.matches(filter::PLACE).count() == 1;
        let example = filter::whole(&self.filter, "(cn=a*)");
        if !has_place || ldap3::parse_filter(example).is_err() {
            return Err(SetupError::Filter);
        }
        Ok(())
    }
}
