//! From the configuration file to the settings of each crate.

use std::path::{Path, PathBuf};

use trunkline_config::{
    Config, Database, Diagnostic, DirectoryConfig, DirectoryField, DirectoryScope, DirectoryTls, LyncAccept,
    LyncDecline, Severity, System, XmppTls, locate,
};
use trunkline_core::Settings;
use trunkline_directory::{Attributes, DirectoryServer, DirectorySettings, Encryption, Scope};
use trunkline_http::{Certificate, HttpSettings};
use trunkline_lync::{
    Accept, Decline, LyncSettings,
    address::Target,
    tls::{Strength, TlsSettings},
};
use trunkline_xmpp::{Tls, XmppSettings};

use crate::{assembly, exit::Failure, place::Place, print};

/// A configuration, and where it came from.
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) warnings: Vec<Diagnostic>,
    /// `None`: built-in defaults.
    pub(crate) file: Option<PathBuf>,
}

/// Reads the file that `--config` names, else TRUNKLINE_CONFIG, else the one in the working directory, else none.
/// All problems come at once, on standard error.
pub(crate) fn load(named: Option<&Path>) -> Result<Loaded, Failure> {
    let Some(file) = locate(named, &System) else {
        return Ok(Loaded { config: Config::default(), warnings: Vec::new(), file: None });
    };
    match trunkline_config::load(&file) {
        Ok((config, warnings)) => Ok(Loaded { config, warnings, file: Some(file) }),
        Err(problems) => {
            if is_closed(&file) {
                let words = format!("this user may not read the configuration {}", file.display());
                return Err(Failure::failed(words).advise("the same with sudo"));
            }
            eprintln!("{problems}");
            Err(Failure::told())
        }
    }
}

/// The data folder of a file that is otherwise wrong; `None` when it cannot be read at all.
pub(crate) fn data_dir(named: Option<&Path>) -> Option<PathBuf> {
    trunkline_config::data_dir(&locate(named, &System)?)
}

/// Whether a file is there that this user may not read.
pub(crate) fn is_closed(file: &Path) -> bool {
    std::fs::File::open(file).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
}

/// `trunkline check-config`: every problem on standard output, or the word that all is well.
pub(crate) fn check(named: Option<&Path>, json: bool) -> Result<(), Failure> {
    let Some(file) = locate(named, &System) else {
        return if json {
            print::json(&report(None, &[], &[]))
        } else {
            print::text("no file: the built-in defaults hold\n")
        };
    };
    let (problems, misfits): (Vec<Diagnostic>, _) = match trunkline_config::load(&file) {
        Ok((config, warnings)) => (warnings, misfits(&config)),
        Err(problems) => (problems.iter().cloned().collect(), Vec::new()),
    };
    let severities = problems.iter().map(Diagnostic::severity).chain(misfits.iter().map(|misfit| misfit.0));
    let errors = severities.filter(|severity| *severity == Severity::Error).count();
    if json {
        print::json(&report(Some(&file), &problems, &misfits))?;
    } else {
        print::text(&told(&file, &problems, &misfits, errors))?;
    }
    if errors > 0 { Err(Failure::told()) } else { Ok(()) }
}

/// What is wrong with what a configuration names.
type Misfit = (Severity, String);

/// What the files that the configuration names hold, where a starting server would refuse it or warn of it.
fn misfits(config: &Config) -> Vec<Misfit> {
    let files = config.tls_certificate_file.clone().zip(config.tls_private_key_file.clone());
    let certificate = files.as_ref().map(|files| Certificate::load(Some(files), &config.data_dir));
    let certificate = match certificate {
        Some(Err(error)) => Some((Severity::Error, error.to_string())),
        Some(Ok(Some(read))) => worry(&read, config),
        Some(Ok(None)) | None => None,
    };
    let backends = config.backends.iter().filter_map(|declared| assembly::backend(declared).err());
    let faulty = backends.map(|error| error.to_string());
    let directories = config.directories.iter().filter_map(|declared| assembly::directory(declared).err());
    let address = database(config).err().map(|failure| failure.words().to_owned());
    let faulty = address.into_iter().chain(faulty).chain(directories.map(|error| error.to_string()));
    certificate.into_iter().chain(faulty.map(|words| (Severity::Error, words))).collect()
}

fn worry(certificate: &Certificate, config: &Config) -> Option<Misfit> {
    let words = certificate.worry(jiff::Timestamp::now().as_second())?;
    let file = config.tls_certificate_file.as_ref().map(|file| file.display().to_string());
    Some((Severity::Warning, format!("{}: {words}", file.unwrap_or_default())))
}

fn word(severity: Severity) -> &'static str {
    if severity == Severity::Error { "error" } else { "warning" }
}

fn told(file: &Path, problems: &[Diagnostic], misfits: &[Misfit], errors: usize) -> String {
    let problems = problems.iter().map(|problem| format!("{problem}\n\n"));
    let misfits = misfits.iter().map(|(severity, words)| format!("{}: {words}\n\n", word(*severity)));
    let all: String = problems.chain(misfits).collect();
    let file = file.display();
    match errors {
        0 => format!("{all}{file}: no errors\n"),
        1 => format!("{all}error: {file} has 1 error\n"),
        errors => format!("{all}error: {file} has {errors} errors\n"),
    }
}

fn report(file: Option<&Path>, problems: &[Diagnostic], misfits: &[Misfit]) -> serde_json::Value {
    let problems = problems.iter().map(|problem| {
        serde_json::json!({
            "severity": word(problem.severity()),
            "code": problem.code(),
            "line": problem.position().map(|(line, _)| line),
            "column": problem.position().map(|(_, column)| column),
            "message": problem.message(),
            "hints": problem.hints().collect::<Vec<_>>(),
        })
    });
    let misfits = misfits.iter().map(|(severity, words)| {
        let severity = word(*severity);
        serde_json::json!({ "severity": severity, "code": null, "line": null, "column": null, "message": words, "hints": [] })
    });
    let problems: Vec<_> = problems.chain(misfits).collect();
    serde_json::json!({ "file": file.map(|file| file.display().to_string()), "problems": problems })
}

/// Where the data lie; connects to nothing.
fn database(config: &Config) -> Result<trunkline_store::Database, Failure> {
    match &config.db_connection {
        Database::Sqlite(file) => Ok(trunkline_store::Database::Sqlite(file.clone())),
        Database::Postgres(url) => trunkline_store::PostgresUrl::parse(url)
            .map(trunkline_store::Database::Postgres)
            .map_err(|error| Failure::failed(format!("DB_CONNECTION: {error}"))),
    }
}

/// Where things lie.
pub(crate) fn place(config: &Config) -> Result<Place, Failure> {
    let database = database(config)?;
    let domains =
        config.backends.iter().map(|backend| (backend.domain().to_owned(), backend.kind().to_owned()));
    Ok(Place {
        data_dir: config.data_dir.clone(),
        database,
        master_key: config.master_key_file.clone(),
        domains: domains.collect(),
    })
}

/// What the relay's core needs.
pub(crate) fn relay(config: &Config) -> Settings {
    Settings {
        session_timeout: config.session_timeout,
        send_outcome_wait: config.send_outcome_wait,
        line_wait: config.line_wait,
        request_rate: config.request_rate,
        request_burst: config.request_burst,
        retention: config.message_retention,
        undelivered: config.undelivered,
        device_expiry: config.device_expiry,
        line_keep: config.line_keep,
        max_message_chars: config.max_message_chars,
        activation_failures_per_hour: config.activation_failures_per_hour,
        im_password_failures_per_hour: config.im_password_failures_per_hour,
    }
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
        poll_hold: config.poll_hold,
        drain: config.drain,
        lagging: config.lagging,
        lagging_bytes_per_sec: config.lagging_bytes_per_sec,
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

/// What a Lync backend needs.
pub(crate) fn lync(backend: &trunkline_config::LyncBackend) -> LyncSettings {
    LyncSettings {
        domain: backend.domain.clone(),
        pool: Target { name: backend.pool.clone(), host: backend.host.clone(), port: backend.port },
        local_fqdn: backend.local_fqdn.clone(),
        listen: backend.listen,
        tls: TlsSettings {
            certificate: backend.certificate_file.clone(),
            private_key: backend.private_key_file.clone(),
            authorities: backend.ca_file.clone(),
            peers: backend.allowed_peers.iter().collect(),
            strength: if backend.legacy_tls { Strength::Legacy } else { Strength::Usual },
        },
        gruu: backend.gruu.clone(),
        accept: match backend.accept {
            LyncAccept::OnlyEndpoint => Accept::OnlyEndpoint,
            LyncAccept::User => Accept::User,
            LyncAccept::Always => Accept::Always,
        },
        decline: match backend.decline_with {
            LyncDecline::TemporarilyUnavailable => Decline::Here,
            LyncDecline::Decline => Decline::Everywhere,
        },
        login_rate: backend.login_rate,
    }
}

/// What a directory needs.
pub(crate) fn directory(declared: &DirectoryConfig) -> DirectorySettings {
    DirectorySettings {
        domain: declared.domain.clone(),
        servers: declared.servers.iter().map(|server| directory_server(server, declared.tls)).collect(),
        bind_dn: declared.bind_dn.clone(),
        password_file: declared.password_file.clone(),
        base: declared.base.clone(),
        scope: match declared.scope {
            DirectoryScope::Subtree => Scope::Subtree,
            DirectoryScope::OneLevel => Scope::OneLevel,
        },
        filter: declared.filter.clone(),
        attributes: attributes(declared),
        ca_file: declared.ca_file.clone(),
        connections: declared.connections,
        size_limit: declared.size_limit,
        patience: declared.timeout,
    }
}

fn directory_server(server: &trunkline_config::DirectoryServer, tls: DirectoryTls) -> DirectoryServer {
    let encryption = match (server.ldaps, tls) {
        (true, _) => Encryption::Tls,
        (false, DirectoryTls::StartTls) => Encryption::StartTls,
        (false, DirectoryTls::None) => Encryption::Plain,
    };
    DirectoryServer { host: server.host.clone(), port: server.port, encryption }
}

fn attributes(declared: &DirectoryConfig) -> Attributes {
    let of = |field: DirectoryField| {
        let found = declared.attributes.iter().find(|(other, _)| *other == field);
        found.map(|(_, names)| names.clone()).unwrap_or_default()
    };
    Attributes {
        address: of(DirectoryField::Address),
        name: of(DirectoryField::Name),
        first_name: of(DirectoryField::FirstName),
        last_name: of(DirectoryField::LastName),
        email: of(DirectoryField::Email),
        title: of(DirectoryField::Title),
        work_phone: of(DirectoryField::WorkPhone),
        mobile_phone: of(DirectoryField::MobilePhone),
        department: of(DirectoryField::Department),
        company: of(DirectoryField::Company),
        office: of(DirectoryField::Office),
        photo: of(DirectoryField::Photo),
    }
}
