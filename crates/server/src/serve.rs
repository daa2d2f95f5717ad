//! `trunkline serve`.

use std::{
    io::{self, IsTerminal},
    path::Path,
    process,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};
use trunkline_config::LogFormat;
use trunkline_http::Stop;

use crate::{
    admin::{Command, ListenersView, Reply, own_uid},
    ask,
    assembly::Assembly,
    configuration::{self, Loaded},
    exit::Failure,
    print,
    reload::Origin,
    shutdown, systemd, telemetry,
};

/// Runs the relay until it is told to stop.
pub(crate) async fn serve(named: Option<&Path>, json: bool) -> Result<(), Failure> {
    let loaded = configuration::load(named)?;
    for warning in &loaded.warnings {
        eprintln!("{warning}\n");
    }
    let log_level = telemetry::start(&loaded.config.log_level, loaded.config.log_format)?;
    let settings = loaded.file.as_ref().map(|file| file.display().to_string());
    info!(version = env!("CARGO_PKG_VERSION"), settings, pid = process::id(), "starting");
    let open_files = allow_open_files();
    let stop = shutdown::on_signal()?;
    let origin = Origin { named: named.map(Path::to_path_buf), log_level: Some(log_level) };
    let assembly = Assembly::start(&loaded.config, origin, &stop).await?;
    announce(&assembly, &stop, open_files)?;
    if json {
        print::json(assembly.listeners())?;
    } else if io::stdout().is_terminal() && loaded.config.log_format == LogFormat::Text {
        // The log says the same, to programs too.
        print::courtesy(&greeting(assembly.listeners(), &loaded));
        hint(&assembly).await;
    }
    assembly.run(stop).await?;
    info!("stopped");
    Ok(())
}

/// Tells the log and systemd that phones may come, and hears SIGHUP from now on.
fn announce(assembly: &Assembly, stop: &Stop, open_files: Option<u64>) -> Result<(), Failure> {
    let listeners = assembly.listeners();
    let status = status(listeners);
    assembly.reloader().on_signal(status.clone())?;
    info!(https = listeners.https, http = listeners.http, admin = listeners.admin, open_files, "listening");
    assembly.reloader().warn_of_certificates();
    systemd::ready(&status);
    systemd::feed_watchdog();
    tell_of_the_end(assembly, stop);
    Ok(())
}

/// Tells systemd when the drain begins, with the time that it takes by then.
fn tell_of_the_end(assembly: &Assembly, stop: &Stop) {
    let (drain, reloader) = (stop.drain.clone(), assembly.reloader().clone());
    tokio::spawn(async move {
        drain.cancelled().await;
        systemd::stopping(reloader.drain());
    });
}

/// What `systemctl status` shows.
fn status(listeners: &ListenersView) -> String {
    let doors = [("https", &listeners.https), ("http", &listeners.http), ("health", &listeners.admin)];
    let doors = doors.iter().filter_map(|(name, at)| at.as_ref().map(|at| format!("{name} on {at}")));
    format!("serving phones: {}", doors.collect::<Vec<_>>().join(", "))
}

/// Raises the limit of open files to what the system allows, and gives it: every socket is an open file, and the usual
/// 1024 is for programs that still use `select`.
fn allow_open_files() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            warn!(%error, "the limit of open files cannot be raised");
            limit.current
        }
    }
}

fn greeting(listeners: &ListenersView, loaded: &Loaded) -> String {
    let file = loaded.file.as_ref();
    let file = file.map_or_else(|| "built-in defaults".to_owned(), |file| file.display().to_string());
    format!(
        "Trunkline {} is up\n{}  {:<12}{}\n  {:<12}{}\n",
        env!("CARGO_PKG_VERSION"),
        ask::listeners(listeners),
        "data",
        loaded.config.data_dir.display(),
        "settings",
        file
    )
}

/// On an empty database, the first thing to do.
async fn hint(assembly: &Assembly) {
    let accounts = assembly.executor().execute(Command::AccountList { after: None }, own_uid()).await;
    if matches!(accounts, Reply::Accounts { accounts, .. } if accounts.is_empty()) {
        print::courtesy(
            "There are no accounts yet. Add one: trunkline account add sip:alice@example.test --name \"Alice\"\n",
        );
    }
}
