use std::{io, path::PathBuf};

use trunkline_tls::SetupError;

/// Why there can be no TLS, and so neither a listener nor a connection.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file's content is not what it should be.
    #[error("{}: {problem}", path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// What was wrong and what was expected.
        problem: String,
    },
    /// The private key belongs to another certificate.
    #[error("{} is not the key of the first certificate in {}; that file must begin with the relay's own \
             certificate", key.display(), certificate.display())]
    Mismatch {
        /// The certificate chain's file.
        certificate: PathBuf,
        /// The private key's file.
        key: PathBuf,
    },
    /// No authority is named, so nobody could be trusted.
    #[error("{}: there is no certificate of an authority in it, so nobody could be trusted", path.display())]
    NoAuthority {
        /// The file that should name them.
        path: PathBuf,
    },
    /// Nobody may connect.
    #[error("no server is allowed to connect; expected the names of the pool and its Front Ends")]
    NobodyAllowed,
    /// Old TLS is asked for, which needs another build of the program.
    #[error("legacyTls: {0}")]
    NotBuilt(SetupError),
}
