//! `trunkline doctor`: everything that must work, step by step, and for the first step of each part that fails what was
//! expected, what was seen, the likely cause, and what to try.

mod backend;
mod computer;
mod database;
mod listener;
mod report;

use std::path::{Path, PathBuf};

use trunkline_config::{Config, System, locate};
use trunkline_core::port::{Step, Trouble};
use trunkline_model::Address;

use self::report::Report;
use crate::{
    admin::{Channel, RunningView},
    configuration,
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
                    format!("{name} has {} warnings; the first: {}", warnings.len(), first.message()),
                    format!("trunkline check-config {name}"),
                ),
            };
            report.part("config", vec![step])?;
            Ok(Some(config))
        }
        Err(problems) => {
            let first = problems.iter().next().map(|problem| problem.message().to_owned());
            report.part("config", vec![Step::bad("file", unreadable(file, first.unwrap_or_default()))])?;
            Ok(None)
        }
    }
}

fn unreadable(file: &Path, first: String) -> Trouble {
    Trouble {
        expected: format!("a configuration without errors in {}", file.display()),
        seen: first,
        likely: "a slip in a key's name or value".into(),
        attempt: format!("trunkline check-config {}", file.display()),
    }
}

async fn examine(config: &Config, account: Option<&Address>, report: &mut Report) -> Result<(), Failure> {
    report.part("clock", computer::clock())?;
    report.part("disk", computer::disk(&config.data_dir))?;
    let files = config.tls_certificate_file.clone().zip(config.tls_private_key_file.clone());
    report.part("certificate", listener::certificate(files.as_ref(), &config.data_dir))?;
    let place = configuration::place(config)?;
    let (steps, patient) = database::examine(&place).await;
    report.part("database", steps)?;
    let doors = match &patient.running {
        Some(running) => listener::listeners(running, files.as_ref(), &config.data_dir).await,
        None => listener::ports(config),
    };
    report.part("listeners", doors)?;
    for declared in &config.backends {
        let steps = backend::examine(declared, account, &patient).await;
        report.part(&format!("backend {}", declared.domain()), steps)?;
    }
    patient.close().await;
    Ok(())
}

/// The relay under examination, as far as it can be asked.
pub(crate) struct Patient {
    /// `None`: there is no database, or it cannot be opened.
    channel: Option<Channel>,
    /// What a running server says of itself.
    running: Option<RunningView>,
}

impl Patient {
    async fn close(self) {
        if let Some(channel) = self.channel {
            channel.close().await;
        }
    }
}

/// The pair of files that phones are served with.
type CertificateFiles = (PathBuf, PathBuf);
