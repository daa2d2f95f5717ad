//! `trunkline doctor`: everything that must work, step by step, and for the first step of each part that fails what was
//! expected, what was seen, the likely cause, and what to try.

mod backend;
mod computer;
mod database;
mod listener;
mod report;
mod server;

use std::path::{Path, PathBuf};

use trunkline_config::{Config, System, locate};
use trunkline_core::port::{Step, Trouble};
use trunkline_model::Address;

use self::{report::Report, server::Holder};
use crate::{
    admin::{Channel, RunningView},
    assembly, configuration,
    exit::Failure,
};

/// What may be asked of the doctor.
pub(crate) struct Questions {
    /// Whose sign-in to its IM system is to be tried.
    pub(crate) account: Option<Address>,
    /// For programs.
    pub(crate) json: bool,
}

/// Examines everything and tells it; nothing is made that is not there.
pub(crate) async fn doctor(named: Option<&Path>, questions: Questions) -> Result<(), Failure> {
    let mut report = Report::new(!questions.json);
    all(named, questions.account.as_ref(), &mut report).await?;
    report.end()
}

/// The same as JSON, without a word on the terminal.
pub(crate) async fn findings(named: Option<&Path>) -> Result<serde_json::Value, Failure> {
    let mut report = Report::new(false);
    all(named, None, &mut report).await?;
    report.json()
}

async fn all(named: Option<&Path>, account: Option<&Address>, report: &mut Report) -> Result<(), Failure> {
    let file = locate(named, &System);
    match read(file.as_deref(), report)? {
        Some(config) => examine(&config, account, report).await,
        None => Ok(()),
    }
}

fn read(file: Option<&Path>, report: &mut Report) -> Result<Option<Config>, Failure> {
    let Some(file) = file else {
        report.part("config", vec![Step::good("file", "none: the built-in defaults hold")])?;
        return Ok(Some(Config::default()));
    };
    match trunkline_config::load(file) {
        Ok((config, warnings)) => {
            let name = file.display();
            let step = match warnings.first() {
                None => Step::good("file", format!("{name}, without a warning")),
                Some(first) => Step::doubtful(
                    "file",
                    format!(
                        "{name} has {}; the first: {}",
                        counted(warnings.len(), "warning"),
                        first.message()
                    ),
                    format!("trunkline check-config {name}"),
                ),
            };
            report.part("config", vec![step])?;
            Ok(Some(config))
        }
        Err(problems) => {
            let first = problems.iter().next().map(|problem| problem.message().to_owned());
            let steps = vec![
                Step::bad("file", unreadable(file, first.unwrap_or_default())),
                Step::not_tried("the rest", "everything else goes by the configuration"),
            ];
            report.part("config", steps)?;
            Ok(None)
        }
    }
}

/// `1 warning`, `2 warnings`
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn unreadable(file: &Path, first: String) -> Trouble {
    if configuration::is_closed(file) {
        return Trouble {
            expected: format!("a configuration in {} that this user may read", file.display()),
            seen: first,
            likely: "the command runs as another user than the server".into(),
            attempt: "the same with sudo".into(),
        };
    }
    Trouble {
        expected: format!("a configuration without errors in {}", file.display()),
        seen: first,
        likely: "a slip in a key's name or value".into(),
        attempt: format!("trunkline check-config {}", file.display()),
    }
}

async fn examine(config: &Config, account: Option<&Address>, report: &mut Report) -> Result<(), Failure> {
    report.part("clock", computer::clock())?;
    let disk = computer::disk(&config.data_dir);
    let closed = disk.iter().any(|step| step.name == "folder" && step.failed());
    report.part("disk", disk)?;
    let files = config.tls_certificate_file.clone().zip(config.tls_private_key_file.clone());
    let certificate = match &files {
        None if closed => vec![forbidden("files")],
        files => listener::certificate(files.as_ref(), &config.data_dir),
    };
    report.part("certificate", certificate)?;
    let patient = patient(config, closed, account.is_some(), report).await?;
    let doors = match &patient.holder {
        Holder::Server(status) => {
            listener::listeners(status.server.as_ref(), files.as_ref(), &config.data_dir).await
        }
        Holder::Nobody => listener::ports(config),
        Holder::Unknown => listener::not_tried(config),
    };
    report.part("listeners", doors)?;
    for declared in &config.backends {
        let steps = backend::examine(declared, account, &patient).await;
        report.part(&format!("backend {}", declared.domain()), steps)?;
    }
    if let Some(stray) = account.filter(|one| config.backends.iter().all(|b| b.domain() != one.domain())) {
        report.part(&format!("backend {}", stray.domain()), vec![backend::none(stray)])?;
    }
    for declared in &config.directories {
        let steps = match assembly::directory(declared) {
            Ok(directory) => directory.examine().await,
            Err(fault) => vec![backend::unusable(fault.to_string())],
        };
        report.part(&format!("directory {}", declared.domain), steps)?;
    }
    patient.close().await;
    Ok(())
}

/// The server and the database. Where this user may not look, one step has said so.
async fn patient(
    config: &Config,
    closed: bool,
    secrets: bool,
    report: &mut Report,
) -> Result<Patient, Failure> {
    if closed {
        report.part("server", vec![forbidden("process")])?;
        report.part("database", vec![forbidden("open")])?;
        return Ok(Patient { channel: None, holder: Holder::Unknown });
    }
    let place = configuration::place(config)?;
    let (steps, holder) = server::examine(&place).await;
    report.part("server", steps)?;
    report.server(match &holder {
        Holder::Server(_) => Some(true),
        Holder::Nobody => Some(false),
        Holder::Unknown => None,
    });
    let (steps, channel) = database::examine(&place, &holder, secrets).await;
    report.part("database", steps)?;
    Ok(Patient { channel, holder })
}

fn forbidden(name: &'static str) -> Step {
    Step::not_tried(name, "this user may not look into the data folder, see `folder` above")
}

/// The relay under examination, as far as it can be asked.
pub(crate) struct Patient {
    /// `None`: there is no database, or it cannot be opened.
    channel: Option<Channel>,
    holder: Holder,
}

impl Patient {
    /// What a running server says of itself.
    fn running(&self) -> Option<&RunningView> {
        match &self.holder {
            Holder::Server(status) => status.server.as_ref(),
            Holder::Nobody | Holder::Unknown => None,
        }
    }

    async fn close(self) {
        if let Some(channel) = self.channel {
            channel.close().await;
        }
    }
}

/// The pair of files that phones are served with.
type CertificateFiles = (PathBuf, PathBuf);
