use std::error::Error as _;

use ldap3::{LdapError, LdapResult};
use rustls::{CertificateError, Error};

/// Why something with one server did not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It cannot be reached, is not to be trusted, or has nothing to say now; another server may serve.
    Server(String),
    /// The connection broke; a new one may serve.
    Lost(String),
    /// It refuses the relay's sign-in; each attempt counts towards locking the account.
    SignIn(String),
    /// It refuses what was asked, as another server of the same content would.
    Refused(String),
}

impl Fault {
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Server(words) | Self::Lost(words) | Self::SignIn(words) | Self::Refused(words) => words,
        }
    }
}

/// What a server says of itself is not longer than this in messages, in characters.
const LONGEST: usize = 200;

/// Why TLS did not come about.
pub(crate) fn distrust(error: &LdapError, host: &str) -> Fault {
    if let LdapError::LdapResult { result } = error {
        return Fault::Server(format!("the server does not begin TLS: {}", told(result)));
    }
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    let inner = io.and_then(|io| io.get_ref()).and_then(|inner| inner.downcast_ref::<Error>());
    Fault::Server(match inner {
        Some(Error::InvalidCertificate(reason)) => {
            format!("the certificate is not to be trusted for {host}: {}", doubt(reason))
        }
        Some(Error::InvalidMessage(_)) => {
            "what answers there does not begin with TLS: it may be a port for ldap:// with StartTLS".into()
        }
        Some(error) => format!("TLS failed: {error}"),
        None => format!("TLS failed: {}", io.map_or_else(|| error.to_string(), ToString::to_string)),
    })
}

fn doubt(reason: &CertificateError) -> String {
    use CertificateError as C;
    match reason {
        C::UnknownIssuer => "no authority that is trusted here has signed it (see caFile)".into(),
        C::BadSignature => {
            "an authority of the same name as one that is trusted here has signed it (see caFile)".into()
        }
        C::Expired | C::ExpiredContext { .. } => "it has expired".into(),
        C::NotValidYet | C::NotValidYetContext { .. } => "its time has not begun yet".into(),
        C::NotValidForNameContext { presented, .. } => {
            // The library shows them as `DnsName("dc1.contoso.test")`.
            let names: Vec<&str> =
                presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
            format!("it is made out for other names, {}: name the server so in url", names.join(", "))
        }
        other => other.to_string(),
    }
}

/// A connection that failed while it was used.
pub(crate) fn lost(error: &LdapError) -> Fault {
    match error {
        LdapError::FilterParsing => Fault::Refused("the filter is not one that LDAP knows".into()),
        LdapError::Io { source } => Fault::Lost(format!("the connection broke: {source}")),
        _ => Fault::Lost("the server closed the connection".into()),
    }
}

/// The sign-in's answer.
pub(crate) fn signed_in(result: &LdapResult) -> Result<(), Fault> {
    match result.rc {
        0 => Ok(()),
        BUSY | UNAVAILABLE => Err(Fault::Server(told(result))),
        STRONGER_AUTH_REQUIRED | CONFIDENTIALITY_REQUIRED => {
            Err(Fault::SignIn("the server takes passwords only over TLS".into()))
        }
        INVALID_CREDENTIALS => Err(Fault::SignIn(why(&result.text).into())),
        _ => Err(Fault::SignIn(told(result))),
    }
}

/// Active Directory tells the reason in a number of Windows' (MS-ADTS 3.1.1.5.1; `data 52e`).
fn why(text: &str) -> &'static str {
    let code = text.split("data ").nth(1).and_then(|rest| rest.split([',', ' ']).next());
    match code {
        Some("525") => "there is no such account as bindDn",
        Some("530") => "the account of bindDn may not sign in at this hour",
        Some("531") => "the account of bindDn may not sign in from this computer",
        Some("532") => "the password of bindDn has expired",
        Some("533") => "the account of bindDn is disabled",
        Some("701") => "the account of bindDn has expired",
        Some("773") => "the password of bindDn must be changed first",
        Some("775") => "the account of bindDn is locked",
        _ => "bindDn or the password is wrong",
    }
}

/// How a search ended: whether the server had more to tell.
pub(crate) fn searched(result: &LdapResult) -> Result<bool, Fault> {
    match result.rc {
        0 => Ok(false),
        TIME_LIMIT | SIZE_LIMIT | ADMIN_LIMIT => Ok(true),
        BUSY | UNAVAILABLE => Err(Fault::Server(told(result))),
        NO_SUCH_OBJECT => {
            Err(Fault::Refused("there is no entry with the DN in base, or it may not be seen".into()))
        }
        INSUFFICIENT_ACCESS => Err(Fault::Refused("bindDn may not search there".into())),
        REFERRAL => Err(Fault::Refused("the server does not hold what is below base".into())),
        _ => Err(Fault::Refused(told(result))),
    }
}

const TIME_LIMIT: u32 = 3;
const SIZE_LIMIT: u32 = 4;
const STRONGER_AUTH_REQUIRED: u32 = 8;
const REFERRAL: u32 = 10;
const ADMIN_LIMIT: u32 = 11;
const CONFIDENTIALITY_REQUIRED: u32 = 13;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_CREDENTIALS: u32 = 49;
const INSUFFICIENT_ACCESS: u32 = 50;
const BUSY: u32 = 51;
const UNAVAILABLE: u32 = 52;

/// `it answered with code 53, "…"`
fn told(result: &LdapResult) -> String {
    let text: String = result.text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
    format!("it answered with code {}, {text:?}", result.rc)
}
