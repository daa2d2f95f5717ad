use std::{collections::BTreeMap, fmt, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use secrecy::SecretString;

use crate::{
    backend::BackendConfig,
    directory::DirectoryConfig,
    key::Key,
    kind::{
        Bind, Choice, Count, DataPath, DatabaseAddress, FLAG, FilePath, Kind, LogLevel, Networks,
        OptionalFilePath, Origins, Period, PeriodOrForever, Token,
        Unit::{Days, Hours, Milliseconds, Seconds},
        join,
    },
    lookup::Reference,
    settings::Settings,
    value::{Alike, Database, LogFormat},
};

/// Makes, from one table, the struct, its reader, its `Debug` and the list of keys.
macro_rules! keys {
    ($($section:literal { $(
        $(#[$mark:ident])* $KEY:ident => $field:ident: $Value:ty = $kind:expr,
        $default:literal, $example:literal, $meaning:literal;
    )+ })+) => {
        /// The configuration, parsed: every value is in its range, and all of them fit together.
        ///
        /// [`Config::default`] holds the defaults. `Debug` shows neither secrets nor what came by `env:` or
        /// `file:`.
        #[derive(Clone)]
        pub struct Config {
            $($(#[doc = $meaning] pub $field: $Value,)+)+
            /// The IM systems beside the local one, in the file's order; no two have the same domain.
            pub backends: Vec<BackendConfig>,
            /// Where accounts find people, in the file's order; no two have the same domain.
            pub directories: Vec<DirectoryConfig>,
            referred: BTreeMap<&'static str, Reference>,
        }

        /// Every key, in the order of the reference.
        pub const KEYS: &[Key] = &[$($(Key {
            name: stringify!($KEY),
            section: $section,
            default: $default,
            example: $example,
            meaning: $meaning,
            secret: has!(secret $($mark)*),
            live: has!(live $($mark)*),
            expected: || $kind.expected(),
        },)+)+];

        impl Config {
            pub(crate) fn read(settings: &mut Settings<'_, '_>) -> Self {
                let mut config = Self {
                    $($($field: settings.read(stringify!($KEY), &$kind, $default),)+)+
                    backends: Vec::new(),
                    directories: Vec::new(),
                    referred: BTreeMap::new(),
                };
                config.referred = settings.take_references();
                config.join_data_dir();
                config
            }
        }

        impl Config {
            /// The keys whose values differ.
            pub fn differences(&self, other: &Self) -> Differences {
                let mut differences = Differences::default();
                $($(if !self.$field.alike(&other.$field) {
                    let live = has!(live $($mark)*);
                    let place = if live { &mut differences.live } else { &mut differences.restart };
                    place.push(stringify!($KEY));
                })+)+
                let (live, restart) = crate::backend::differences(&self.backends, &other.backends);
                differences.live.extend(live.then_some("backends"));
                differences.restart.extend(restart.then_some("backends"));
                if self.directories != other.directories {
                    differences.restart.push("directories");
                }
                differences
            }
        }

        impl Config {
            /// The value of a key for people, as the program understands it; nothing of a secret or of what came by
            /// `env:` or `file:`. `None` when there is no such key, or it is a secret.
            pub fn shown(&self, key: &str) -> Option<String> {
                let hidden = self.referred.contains_key(key);
                $($(if key == stringify!($KEY) {
                    let secret = has!(secret $($mark)*);
                    return (!hidden && !secret).then(|| in_words(&format!("{:?}", self.$field)));
                })+)+
                None
            }

            /// Each key with its value in words, in the order of the reference, then the backends and directories; it shows no more than
            /// `Debug` does.
            pub fn listing(&self) -> String {
                let mut text = String::new();
                $($(
                    let value = match self.referred.get(stringify!($KEY)) {
                        Some(reference) => format!("<{reference}>"),
                        None => in_words(&format!("{:?}", self.$field)),
                    };
                    text += &format!("{} = {value}\n", stringify!($KEY));
                )+)+
                for backend in &self.backends {
                    text += &format!("\n<backend> of {}: {backend:#?}\n", backend.domain());
                }
                for directory in &self.directories {
                    text += &format!("\n<directory> of {}: {directory:#?}\n", directory.domain);
                }
                text
            }
        }

        impl fmt::Debug for Config {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut shown = f.debug_struct("Config");
                $($(match self.referred.get(stringify!($KEY)) {
                    Some(reference) => shown.field(stringify!($field), &format_args!("<{reference}>")),
                    None => shown.field(stringify!($field), &self.$field),
                };)+)+
                shown.field("backends", &self.backends).field("directories", &self.directories).finish()
            }
        }
    };
}

/// What `Debug` says, without what is Rust's own about it.
fn in_words(debug: &str) -> String {
    let value = debug.strip_prefix("Some(").and_then(|value| value.strip_suffix(')')).unwrap_or(debug);
    if value == "None" { String::new() } else { value.trim_matches('"').to_owned() }
}

/// Whether a mark is among those of a key.
macro_rules! has {
    ($wanted:ident) => {
        false
    };
    (secret secret $($rest:ident)*) => {
        true
    };
    (live live $($rest:ident)*) => {
        true
    };
    ($wanted:ident $other:ident $($rest:ident)*) => {
        has!($wanted $($rest)*)
    };
}

/// How two configurations differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// Keys that a running server takes over, in the order of the reference.
    pub live: Vec<&'static str>,
    /// Keys that it reads only when it starts, and `backends` for the IM systems.
    pub restart: Vec<&'static str>,
}

const FORMAT: Choice<LogFormat> = Choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]);

keys! {
    "Listeners" {
        HTTPS_BIND => https_bind: Option<SocketAddr> = Bind, "0.0.0.0:8082", "10.1.2.3:8082",
            "Where phones connect over TLS.";
        HTTP_BIND => http_bind: Option<SocketAddr> = Bind, "127.0.0.1:8080", "10.1.2.3:8080",
            "Where phones connect through a proxy that ends TLS. An address other than loopback needs \
            `TRUSTED_PROXIES`.";
        ADMIN_BIND => admin_bind: Option<SocketAddr> = Bind, "127.0.0.1:8443", "10.1.2.3:8443",
            "Where health and metrics are served: plain HTTP on a loopback address, TLS on any other. An \
            address other than loopback needs `TLS_CERTIFICATE_FILE`, `TLS_PRIVATE_KEY_FILE` and \
            `ADMIN_TOKEN`.";
        #[secret] #[live] ADMIN_TOKEN => admin_token: Option<SecretString> = Token, "", "env:TRUNKLINE_ADMIN_TOKEN",
            "The bearer token that requests to `ADMIN_BIND` must show. Empty: none is asked for, which \
            only loopback may do.";
        #[live] TRUSTED_PROXIES => trusted_proxies: Vec<IpNet> = Networks, "", "10.1.0.0/16, 127.0.0.1",
            "The proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Empty: nobody's.";
        #[live] ALLOWED_ORIGINS => allowed_origins: Vec<String> = Origins, "", "https://chat.corp.test",
            "The web origins whose pages may connect. Empty: requests with an `Origin` are refused; apps \
            send none.";
        #[live] ALLOW_WEBSOCKETS => allow_websockets: bool = FLAG, "true", "false",
            "Whether phones may connect over WebSocket.";
        #[live] SOCKETS_PER_ADDRESS => sockets_per_address: u32 = Count(1..=1_000_000, "sockets"), "256", "1024",
            "How many sockets one client address may hold at a time. Trusted proxies are exempt; their \
            clients are not.";
    }
    "TLS" {
        #[live] TLS_CERTIFICATE_FILE => tls_certificate_file: Option<PathBuf> = OptionalFilePath,
            "", "tls/fullchain.pem",
            "The certificate chain in PEM, the server's own certificate first. Empty: a self-signed \
            certificate is made once in `DATA_DIR`, and its SHA-256 fingerprint is printed.";
        #[live] TLS_PRIVATE_KEY_FILE => tls_private_key_file: Option<PathBuf> = OptionalFilePath,
            "", "tls/privkey.pem",
            "The private key of that certificate in PEM.";
    }
    "Data" {
        DATA_DIR => data_dir: PathBuf = FilePath, "./data", "/var/lib/trunkline",
            "The folder of everything that Trunkline keeps. A relative path starts at the folder of this \
            file; the default starts at the working directory.";
        #[secret] DB_CONNECTION => db_connection: Database = DatabaseAddress,
            "sqlite:trunkline.db", "env:TRUNKLINE_DB",
            "The database: `sqlite:FILE`, of which a relative name starts at `DATA_DIR`, or \
            `postgres://USER:PASSWORD@HOST:PORT/DATABASE` (PostgreSQL 15 or newer, UTF8). Special characters of the \
            password are written as `%XX`. Options as libpq has them may follow after `?`, joined by `&amp;`: \
            `sslmode=verify-full` with `sslrootcert=FILE` for a server across the network, `host=/var/run/postgresql` \
            for a Unix socket, `user=`, `port=`.";
        MASTER_KEY_FILE => master_key_file: PathBuf = DataPath, "master.key", "/etc/trunkline/master.key",
            "The key under which IM passwords are encrypted in the database; made with mode 0600 when it \
            is not there. A relative path starts at `DATA_DIR`. Back it up apart from the database.";
        #[live] MESSAGE_RETENTION_DAYS => message_retention: Option<Duration> = PeriodOrForever(1..=36_500, Days),
            "30", "0",
            "How long messages are kept.";
        #[live] UNDELIVERED_DAYS => undelivered: Duration = Period(1..=36_500, Days), "180", "365",
            "How long a message is kept that no device of its recipient has received. Not shorter than \
            `MESSAGE_RETENTION_DAYS`.";
    }
    "Sessions and devices" {
        #[live] SESSION_TIMEOUT_SECS => session_timeout: Duration = Period(1..=2_592_000, Seconds), "86400", "3600",
            "How long a session outlives its last request.";
        #[live] DEVICE_EXPIRY_DAYS => device_expiry: Duration = Period(1..=36_500, Days), "90", "30",
            "How long a device may stay away before it has to be activated again.";
        #[live] ACTIVATION_FAILURES_PER_HOUR => activation_failures_per_hour: u32 = Count(1..=100_000, "failures"),
            "10", "100",
            "How many wrong access keys one client address may try in an hour.";
        #[live] IM_PASSWORD_FAILURES_PER_HOUR => im_password_failures_per_hour: u32 = Count(1..=100_000, "failures"),
            "10", "5",
            "How many wrong IM passwords of one account are passed on to its IM system in an hour, and five \
            times as many from one client address. A password that is known to be right is always taken.";
        #[live] DRAIN_SECS => drain: Duration = Period(0..=3600, Seconds), "10", "60",
            "How long a stopping server waits for its sockets to close. It ends at once when none is open.";
    }
    "Messages and requests" {
        #[live] SEND_OUTCOME_WAIT_MS => send_outcome_wait: Duration = Period(0..=60_000, Milliseconds),
            "3000", "1000",
            "How long the answer to a sender waits for the IM system's verdict. The message is stored \
            before; later news come as an event.";
        #[live] MAX_MESSAGE_CHARS => max_message_chars: usize = Count(1..=100_000, "characters"), "8000", "2000",
            "The longest message text.";
        #[live] FRAME_MAX_BYTES => frame_max_bytes: usize = Count(4096..=1_048_576, "bytes"), "65536", "131072",
            "The largest request. Four bytes for each of `MAX_MESSAGE_CHARS`, and 1024 more, should fit.";
        #[live] REQUEST_RATE => request_rate: u32 = Count(1..=1_000_000, "requests"), "500", "100",
            "How many requests a second a session may send in the long run. A faster one is read more \
            slowly.";
        #[live] REQUEST_BURST => request_burst: u32 = Count(1..=1_000_000, "requests"), "1000", "2000",
            "How many requests a session may send at once. Not less than `REQUEST_RATE`.";
        #[live] POLL_HOLD_SECS => poll_hold: Duration = Period(1..=3600, Seconds), "55", "25",
            "How long a phone without a WebSocket waits for an answer when there is nothing for it. Shorter than \
            any proxy in between gives up on a silent request, which many do after 60 s.";
        #[live] LAGGING_SECS => lagging: Duration = Period(1..=3600, Seconds), "20", "60",
            "How long a phone may take less than `LAGGING_BYTES_PER_SEC` of what waits for it. Then its \
            socket is closed with 4010; nothing is lost, it reads on when it connects again.";
        #[live] LAGGING_BYTES_PER_SEC => lagging_bytes_per_sec: u32 = Count(1..=1_000_000, "bytes a second"),
            "2048", "512",
            "What even a phone on a weak link takes, while something waits for it.";
        ENABLE_PERSISTENT_CHAT => enable_persistent_chat: bool = FLAG, "false", "true",
            "Whether there are rooms that outlive a conversation (group discussions).";
    }
    "Lines to IM systems" {
        #[live] LINE_WAIT_MS => line_wait: Duration = Period(0..=60_000, Milliseconds), "5000", "2000",
            "How long signing in waits for the IM system before it goes on without.";
        #[live] LINE_KEEP_HOURS => line_keep: Duration = Period(0..=87_600, Hours), "720", "72",
            "How long a person stays signed in to the IM system after the last session has ended, so that \
            a sleeping phone still rings.";
        XMPP_LOGIN_RATE => xmpp_login_rate: u32 = Count(1..=10_000, "logins"), "50", "10",
            "How many accounts a second sign in to one XMPP server, unless its `loginRate` says otherwise.";
    }
    "Logging" {
        #[live] LOG_LEVEL => log_level: String = LogLevel, "info", "info,trunkline_xmpp=debug",
            "How much is logged on stderr.";
        LOG_FORMAT => log_format: LogFormat = FORMAT, "text", "json",
            "The form of a log line.";
    }
}

impl Config {
    /// Joins what stands in `DATA_DIR` to it.
    fn join_data_dir(&mut self) {
        self.master_key_file = join(&self.data_dir, &self.master_key_file);
        if let Database::Sqlite(file) = &mut self.db_connection {
            *file = join(&self.data_dir, file);
        }
    }
}

impl Default for Config {
    /// What holds without a file; relative paths start at the working directory.
    fn default() -> Self {
        Settings::of_defaults(Self::read)
    }
}
