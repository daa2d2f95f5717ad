//! `trunkline serve`.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

use crate::{
    admin::{Command, ListenersView, Reply, own_uid},
    ask,
    assembly::Assembly,
    configuration::Loaded,
    exit::Failure,
    print, shutdown, telemetry,
};

/// Runs the relay until it is told to stop.
pub(crate) async fn serve(loaded: Loaded, json: bool) -> Result<(), Failure> {
    let Loaded { config, warnings, file } = loaded;
    for warning in &warnings {
        eprintln!("{warning}\n");
    }
    telemetry::start(&config.log_level, config.log_format)?;
    let open_files = allow_open_files();
    let shutdown = shutdown::on_signal()?;
    let assembly = Assembly::start(&config).await?;
    let listeners = assembly.listeners();
    info!(https = listeners.https, http = listeners.http, admin = listeners.admin, open_files, "listening");
    if json {
        print::json(listeners)?;
    } else {
        print::courtesy(&greeting(listeners, file.as_deref(), &config.data_dir));
        hint(&assembly).await;
    }
    assembly.run(shutdown).await;
    Ok(())
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

fn greeting(listeners: &ListenersView, file: Option<&std::path::Path>, data_dir: &std::path::Path) -> String {
    let file = file.map_or_else(|| "built-in defaults".to_owned(), |file| file.display().to_string());
    format!(
        "Trunkline {} is up\n{}  {:<12}{}\n  {:<12}{}\n",
        env!("CARGO_PKG_VERSION"),
        ask::listeners(listeners),
        "data",
        data_dir.display(),
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
