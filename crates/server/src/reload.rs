//! Reading the configuration again while the server runs: on SIGHUP and by `trunkline reload`.

#[cfg(test)]
mod tests;

use std::{path::PathBuf, sync::Arc};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Mutex,
    task,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use trunkline_config::{BackendConfig, Config, Diagnostics, Differences, System, locate};
use trunkline_core::Relay;
use trunkline_http::{Certificate, Change, Control, Health};
use trunkline_lync::{LyncBackend, tls::Tls};

use crate::{
    admin::{CertificateView, ComparedView, DifferenceView, Refusal, RefusalKind, ReloadView},
    assembly::BackendError,
    configuration,
    exit::Failure,
    systemd,
    telemetry::LogLevel,
};

/// Takes a changed configuration over; cheap to clone.
#[derive(Clone)]
pub(crate) struct Reloader(Arc<Inner>);

struct Inner {
    origin: Origin,
    /// What the server was started with: keys that need a restart go by it.
    started: Config,
    /// What was taken over last. Held while a reload is under way.
    applied: Mutex<Config>,
    relay: Relay,
    doors: Control,
    /// The backends whose certificates are read again.
    pools: Vec<Arc<LyncBackend>>,
    /// Cancelled when the server begins to stop.
    drain: CancellationToken,
}

/// Where a server's settings come from, and where its log level goes.
#[derive(Clone)]
pub(crate) struct Origin {
    /// What `--config` says.
    pub(crate) named: Option<PathBuf>,
    /// `None`: somebody else's log, which is left alone.
    pub(crate) log_level: Option<LogLevel>,
}

/// A configuration that was found good as a whole.
struct Found {
    file: Option<PathBuf>,
    config: Config,
    warnings: Vec<String>,
    change: Change,
    /// Of each pool, in their order.
    certificates: Vec<Tls>,
}

impl Reloader {
    /// For a server that was started with `config` and stops with `drain`.
    pub(crate) fn new(
        origin: Origin,
        config: &Config,
        relay: Relay,
        doors: Control,
        drain: CancellationToken,
    ) -> Self {
        let (started, applied) = (config.clone(), Mutex::new(config.clone()));
        Self(Arc::new(Inner { origin, started, applied, relay, doors, pools: Vec::new(), drain }))
    }

    /// Reads the certificates of these again too. Called before the first clone is made.
    pub(crate) fn with_pools(mut self, pools: Vec<Arc<LyncBackend>>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.pools = pools;
        }
        self
    }

    /// The certificate in force.
    pub(crate) fn certificate(&self) -> Option<CertificateView> {
        self.0.doors.certificate().as_ref().map(CertificateView::of)
    }

    /// Says in the log what is wrong with the dates of the certificates in force.
    pub(crate) fn warn_of_certificates(&self) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(CertificateView { warning: Some(words), fingerprint, .. }) = self.certificate() {
            warn!(reason = words, fingerprint, "the certificate needs renewal");
            all.push(words);
        }
        let now = jiff::Timestamp::now().as_second();
        for pool in &self.0.pools {
            let domain = pool.domain_name();
            if let Some(words) = Certificate::worry_over(pool.tls().current().holds(), "Front Ends", now) {
                warn!(reason = words, domain, "the certificate of a Lync backend needs renewal");
                all.push(format!("the Lync backend of {domain}: {words}"));
            }
        }
        all
    }

    /// Whether the server takes phones.
    pub(crate) async fn health(&self) -> Health {
        self.0.doors.health().await
    }

    /// What a reload and a restart would change; takes nothing over.
    pub(crate) async fn compare(&self) -> ComparedView {
        let applied = self.0.applied.lock().await.clone();
        let inner = Arc::clone(&self.0);
        let found = task::spawn_blocking(move || inner.find()).await;
        let found = found.unwrap_or_else(|error| Err(vec![format!("reading it broke: {error}")]));
        let Found { file, config, .. } = match found {
            Ok(found) => found,
            Err(problems) => return ComparedView { problems, ..ComparedView::default() },
        };
        let started = &self.0.started;
        let difference = |key: &'static str| DifferenceView {
            key: key.to_owned(),
            file: config.shown(key),
            server: started.shown(key),
        };
        ComparedView {
            file: file.map(|file| file.display().to_string()),
            reload: applied.differences(&config).live.into_iter().map(str::to_owned).collect(),
            restart: started.differences(&config).restart.into_iter().map(difference).collect(),
            problems: Vec::new(),
        }
    }

    /// Over how long sockets are closed when the server stops.
    pub(crate) fn drain(&self) -> std::time::Duration {
        self.0.doors.settings().drain
    }

    /// Reloads at every SIGHUP from now on; until then, and without this, the signal ends the process.
    pub(crate) fn on_signal(&self, status: String) -> Result<(), Failure> {
        let mut hangup = signal(SignalKind::hangup())?;
        let reloader = self.clone();
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                systemd::reloading();
                let refused = reloader.reload().await.err();
                let refused = refused.as_ref().map(Refusal::first_line);
                info!(target: "audit", action = "reload", signal = "SIGHUP", refused, "an administrator's change");
                systemd::ready(&status);
            }
        });
        Ok(())
    }

    /// Reads the file, and takes over what can be: all of it or, when anything is wrong or the server stops, nothing.
    pub(crate) async fn reload(&self) -> Result<ReloadView, Refusal> {
        self.refuse_while_stopping()?;
        let mut applied = self.0.applied.lock().await;
        let inner = Arc::clone(&self.0);
        let found = task::spawn_blocking(move || inner.find()).await;
        let found = found.unwrap_or_else(|error| Err(vec![format!("reading it broke: {error}")]));
        let Found { file, config, warnings, change, certificates } =
            found.map_err(|problems| refuse(&problems))?;
        self.refuse_while_stopping()?;
        let Differences { live, .. } = applied.differences(&config);
        let Differences { restart, .. } = self.0.started.differences(&config);
        // The one step that can fail comes first.
        if let Some(level) = &self.0.origin.log_level {
            level.set(&config.log_level).map_err(|words| refuse(&[words]))?;
        }
        self.0.relay.set(configuration::relay(&config));
        let mut certificate = self.0.doors.apply(change);
        for (pool, tls) in self.0.pools.iter().zip(certificates) {
            certificate |= pool.take_over(tls);
        }
        *applied = config;
        let names = |keys: Vec<&str>| keys.into_iter().map(str::to_owned).collect();
        let file = file.map(|file| file.display().to_string());
        let (applied, restart) = (names(live), names(restart));
        let mut view = ReloadView { file, applied, restart, certificate, warnings };
        note(&view);
        let worries = self.warn_of_certificates();
        view.warnings.extend(worries.into_iter().map(|words| format!("warning: {words}")));
        Ok(view)
    }

    fn refuse_while_stopping(&self) -> Result<(), Refusal> {
        if !self.0.drain.is_cancelled() {
            return Ok(());
        }
        warn!("the configuration was not reloaded: the server is stopping, and nothing has changed");
        let words = "the server is stopping and reads no configuration any more; nothing was changed. The next start reads it";
        Err(Refusal::new(RefusalKind::Invalid, words))
    }
}

impl Inner {
    /// Blocks on files.
    fn find(&self) -> Result<Found, Vec<String>> {
        let file = locate(self.origin.named.as_deref(), &System);
        let told = |problems: Diagnostics| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (config, warnings) = match &file {
            Some(file) => trunkline_config::load(file).map_err(told)?,
            None => (Config::default(), Vec::new()),
        };
        let change =
            self.doors.check(configuration::http(&config)).map_err(|error| vec![error.to_string()])?;
        let certificates = self.certificates(&config).map_err(|error| vec![error.to_string()])?;
        let warnings = warnings.iter().map(ToString::to_string).collect();
        Ok(Found { file, config, warnings, change, certificates })
    }

    /// What each pool would have; one that is not there any more keeps what it has, until the restart that ends it.
    fn certificates(&self, config: &Config) -> Result<Vec<Tls>, BackendError> {
        let settings = |pool: &LyncBackend| {
            config.backends.iter().find_map(|backend| match backend {
                BackendConfig::Lync(lync) if lync.domain == pool.domain_name() => {
                    Some(configuration::lync(lync).tls)
                }
                _ => None,
            })
        };
        let read = |pool: &Arc<LyncBackend>| {
            pool.read(settings(pool)).map_err(|error| BackendError::lync(pool.domain_name(), error))
        };
        self.pools.iter().map(read).collect()
    }
}

fn refuse(problems: &[String]) -> Refusal {
    let count = problems.len();
    for problem in problems {
        error!(problem, "a problem of the configuration");
    }
    error!(problems = count, "the configuration was not reloaded: nothing has changed");
    let words = format!("{}\n\nnothing was changed: the server goes on as before", problems.join("\n\n"));
    Refusal::new(RefusalKind::Invalid, words)
}

fn note(view: &ReloadView) {
    for warning in &view.warnings {
        warn!(warning, "the configuration has a weak spot");
    }
    let ReloadView { file, applied, restart, certificate, .. } = view;
    let file = file.as_deref().unwrap_or("built-in defaults");
    let (applied, restart) = (applied.join(" "), restart.join(" "));
    info!(
        file,
        applied,
        restart_needed_for = restart,
        new_certificate = certificate,
        "configuration reloaded"
    );
}
