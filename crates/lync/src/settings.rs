use std::net::SocketAddr;

use crate::{
    address::Target,
    chat::{Accept, Decline},
    listener::ListenError,
    tls::{Names, TlsError, TlsSettings},
};

/// How to reach one pool, and how it reaches the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LyncSettings {
    /// The domain of the accounts, lower-case.
    pub domain: String,
    /// The pool, as it is dialled.
    pub pool: Target,
    /// The name under which the topology knows the relay.
    pub local_fqdn: String,
    /// Where Front Ends connect to; its port is the trusted application's.
    pub listen: SocketAddr,
    /// Certificates, and who may connect.
    pub tls: TlsSettings,
    /// The trusted application's GRUU.
    pub gruu: Option<String>,
    /// When a conversation that a peer begins is accepted.
    pub accept: Accept,
    /// How an invitation that a person declines is answered.
    pub decline: Decline,
    /// Most REGISTERs a second over all accounts, at least 1.
    pub login_rate: u32,
}

/// Why a backend cannot be made of its settings, or cannot begin to work.
#[derive(Debug, thiserror::Error)]
pub enum LyncError {
    /// The certificates do not serve.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The servers would find another name than the one that they connect to.
    #[error("the certificate is that of {names}, and localFqdn is {local_fqdn}")]
    Name {
        /// What the certificate bears.
        names: Names,
        /// What it should bear.
        local_fqdn: String,
    },
    /// A name or number of the settings cannot stand in SIP.
    #[error("{what} cannot stand in a SIP address")]
    Unfit {
        /// Which.
        what: String,
    },
    /// Nothing can listen for Front Ends.
    #[error(transparent)]
    Listen(#[from] ListenError),
}
