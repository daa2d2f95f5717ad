//! From the configuration file to the settings of each crate.

use std::path::{Path, PathBuf};

use trunkline_config::{Config, Database, Diagnostic, XmppTls};
use trunkline_core::Settings;
use trunkline_http::HttpSettings;
use trunkline_xmpp::{Tls, XmppSettings};

use crate::{exit::Failure, place::Place, print};

/// The file that is read when it lies in the working directory and none is named.
const HERE: &str = "GoodConnectServer.exe.config";
/// The environment variable that names the file.
const VARIABLE: &str = "TRUNKLINE_CONFIG";

/// A configuration, and where it came from.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) warnings: Vec<Diagnostic>,
    /// `None`: built-in defaults.
    pub(crate) file: Option<PathBuf>,
}

/// Reads the file that `--config` names, else TRUNKLINE_CONFIG, else the one in the working directory, else none.
/// All problems come at once.
pub(crate) fn load(named: Option<&Path>) -> Result<Loaded, Failure> {
    let Some(file) = find(named) else {
        return Ok(Loaded { config: Config::default(), warnings: Vec::new(), file: None });
    };
    match trunkline_config::load(&file) {
        Ok((config, warnings)) => Ok(Loaded { config, warnings, file: Some(file) }),
        Err(problems) => {
            eprintln!("{problems}");
            Err(Failure::told())
        }
    }
}

fn find(named: Option<&Path>) -> Option<PathBuf> {
    let variable = || std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let here = || Some(PathBuf::from(HERE)).filter(|file| file.exists());
    named.map(Path::to_owned).or_else(variable).or_else(here)
}

/// `trunkline check-config`: every problem on standard error, or the word that all is well.
pub(crate) fn check(named: Option<&Path>, json: bool) -> Result<(), Failure> {
    let Loaded { warnings, file, .. } = load(named)?;
    let _ = json;
    for warning in &warnings {
        eprintln!("{warning}\n");
    }
    let file = file.map_or_else(|| "the built-in defaults".to_owned(), |file| file.display().to_string());
    print::text(&format!("{file}: no errors\n"))
}

/// Where things lie.
pub(crate) fn place(config: &Config) -> Result<Place, Failure> {
    let Database::Sqlite(database) = &config.db_connection else {
        return Err(Failure::failed(
            "DB_CONNECTION names a PostgreSQL database, which this version does not use yet",
        )
        .advise("DB_CONNECTION=sqlite:trunkline.db"));
    };
    let domains = config.backends.iter().map(|backend| (backend.domain().to_owned(), "xmpp".to_owned()));
    Ok(Place {
        data_dir: config.data_dir.clone(),
        database: database.clone(),
        master_key: config.master_key_file.clone(),
        domains: domains.collect(),
    })
}

/// What the relay's core needs.
pub(crate) fn relay(_config: &Config) -> Settings {
    Settings::default()
}

/// What the listeners need.
pub(crate) fn http(config: &Config) -> HttpSettings {
    HttpSettings {
        https_bind: config.https_bind,
        http_bind: config.http_bind,
        admin_bind: config.admin_bind,
        tls_files: config.tls_certificate_file.clone().zip(config.tls_private_key_file.clone()),
        data_dir: config.data_dir.clone(),
        trusted_proxies: config.trusted_proxies.clone(),
        allowed_origins: config.allowed_origins.clone(),
        allow_websockets: config.allow_websockets,
        sockets_per_address: usize::try_from(config.sockets_per_address).unwrap_or(usize::MAX),
        frame_max_bytes: config.frame_max_bytes,
        drain: config.drain,
        admin_token: config.admin_token.clone(),
    }
}

/// What an XMPP backend needs.
pub(crate) fn xmpp(backend: &trunkline_config::XmppBackend) -> XmppSettings {
    XmppSettings {
        domain: backend.domain.clone(),
        host: backend.host.clone(),
        port: backend.port,
        tls: match backend.tls {
            XmppTls::StartTls => Tls::StartTls,
            XmppTls::Direct => Tls::Direct,
        },
        ca_file: backend.ca_file.clone(),
        server_name: backend.server_name.clone(),
        login_rate: backend.login_rate,
    }
}
