use std::{io, sync::Arc};

use rustls::{CertificateError, Error, OtherError};

use super::{Names, name::LEAST_RSA};

/// Why a peer's certificate was refused, with the names that it bears; they are claims that nothing proves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate of {names} is refused: {reason}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Whose certificate it says it is.
    pub names: Names,
}

/// What is wrong with a peer's certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is not X.509, or has something in it that cannot be understood.
    #[error("it cannot be read")]
    Unreadable,
    /// No authority of the file has signed it.
    #[error("no authority in caFile has signed it")]
    UnknownIssuer,
    /// Its time, or that of a certificate above it, is over.
    #[error("it has expired")]
    Expired,
    /// Its time, or that of a certificate above it, is to come.
    #[error("its time has not begun yet")]
    NotYetValid,
    /// It is not made for a server (outbound), or for neither a server nor a client (inbound).
    #[error("it is made for another purpose (extended key usage)")]
    Purpose,
    /// It bears neither the name that was dialled nor one that is allowed.
    #[error("none of its names is {wanted}")]
    Name {
        /// Which names would have done, in words.
        wanted: String,
    },
    /// Its name is a common name, of which nobody can tell whether an authority above it may sign for it.
    #[error(
        "it bears a common name alone, and an authority above it may sign for some names only: \
         have it made with a subjectAltName"
    )]
    Constrained,
    /// Its own key is so short that others can find it out.
    #[error("its RSA key has {bits} bits; expected {LEAST_RSA} or more")]
    ShortKey {
        /// How long it is.
        bits: usize,
    },
    /// Anything else that the library says.
    #[error("{0}")]
    Other(String),
}

impl Reason {
    /// What an administrator can do about it, for the log.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::UnknownIssuer => {
                "add the authority that signed that certificate to caFile; if it is not one of yours, find out who \
                 answers in the server's place"
            }
            Self::Expired => {
                "have that certificate renewed on the server, or set this computer's clock; the relay tries again by \
                 itself"
            }
            Self::NotYetValid => {
                "set this computer's clock, or that of the authority, and wait; the relay tries again by itself"
            }
            Self::Purpose => "have that certificate made for servers: server authentication",
            Self::Name { .. } => {
                "add a name of that certificate to allowedPeers if the server is one of the pool; if not, mend \
                 `pool` or `host`, or DNS"
            }
            Self::Constrained => "have that certificate made with a subjectAltName",
            Self::ShortKey { .. } | Self::Unreadable | Self::Other(_) => {
                "have that certificate made anew on the server"
            }
        }
    }
}

impl Refusal {
    /// The refusal that ended a handshake of ours; None when it ended otherwise.
    pub fn of(error: &io::Error) -> Option<Self> {
        Self::in_error(error.get_ref()?.downcast_ref::<Error>()?)
    }

    /// What is wrong as a rule, for who set the relay up.
    pub(crate) fn likely(&self) -> &'static str {
        match self.reason {
            Reason::UnknownIssuer => {
                "`caFile` holds another authority than the one that signed the Front End's certificate"
            }
            Reason::Name { .. } => {
                "another server answers there, or `pool` is mistyped, or `allowedPeers` lacks a name of that certificate"
            }
            Reason::Expired | Reason::NotYetValid => {
                "the Front End's certificate is to be renewed, or this computer's clock is wrong"
            }
            _ => "the Front End's certificate is to be made anew; the relay does not accept one like that",
        }
    }

    /// The same of the library's own error.
    pub(super) fn in_error(error: &Error) -> Option<Self> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => {
                inner.downcast_ref::<Self>().cloned()
            }
            _ => None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { reason: error.into(), names: Names::default() }
    }
}

impl From<Error> for Reason {
    fn from(error: Error) -> Self {
        use CertificateError as C;
        let Error::InvalidCertificate(error) = error else {
            return Self::Other(error.to_string());
        };
        match error {
            C::BadEncoding | C::UnhandledCriticalExtension => Self::Unreadable,
            C::UnknownIssuer | C::BadSignature => Self::UnknownIssuer,
            C::Expired | C::ExpiredContext { .. } => Self::Expired,
            C::NotValidYet | C::NotValidYetContext { .. } => Self::NotYetValid,
            C::InvalidPurpose | C::InvalidPurposeContext { .. } => Self::Purpose,
            error => Self::Other(error.to_string()),
        }
    }
}
