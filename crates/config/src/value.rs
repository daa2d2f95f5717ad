use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

/// Where the database is.
#[derive(Clone)]
pub enum Database {
    /// An SQLite file; a relative name has been joined to `DATA_DIR`.
    Sqlite(PathBuf),
    /// A `postgres://` URL, which may hold a password.
    Postgres(SecretString),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(file) => f.debug_tuple("Sqlite").field(file).finish(),
            Self::Postgres(_) => f.write_str("Postgres([REDACTED])"),
        }
    }
}

/// The form of log lines on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Whether two values are the same; secrets do not compare by `==`.
pub(crate) trait Alike {
    fn alike(&self, other: &Self) -> bool;
}

macro_rules! alike_when_equal {
    ($($Value:ty),+) => {
        $(impl Alike for $Value {
            fn alike(&self, other: &Self) -> bool {
                self == other
            }
        })+
    };
}

alike_when_equal!(
    bool,
    u32,
    usize,
    String,
    Duration,
    Option<Duration>,
    Option<SocketAddr>,
    PathBuf,
    Option<PathBuf>,
    Vec<IpNet>,
    Vec<String>,
    LogFormat
);

impl Alike for Option<SecretString> {
    fn alike(&self, other: &Self) -> bool {
        self.as_ref().map(ExposeSecret::expose_secret) == other.as_ref().map(ExposeSecret::expose_secret)
    }
}

impl Alike for Database {
    fn alike(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(two)) => one == two,
            (Self::Postgres(one), Self::Postgres(two)) => one.expose_secret() == two.expose_secret(),
            _ => false,
        }
    }
}
