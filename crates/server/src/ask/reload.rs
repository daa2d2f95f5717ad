use std::path::Path;

use super::{odd, once};
use crate::{
    admin::{Command, ReloadView, Reply, ask_in, server_answers},
    configuration,
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline reload`: what the running server made of its configuration, which may be wrong here already.
pub(crate) async fn reload(
    place: Result<Place, Failure>,
    named: Option<&Path>,
    json: bool,
) -> Result<(), Failure> {
    let place = match place {
        Ok(place) => place,
        Err(failure) => return refused(failure, named).await,
    };
    if !server_answers(&place).await? {
        let words = format!("no server runs on {}", place.data_dir.display());
        return Err(
            Failure::unreachable(words).advise("trunkline serve, which reads the configuration anyway")
        );
    }
    match once(place, Command::Reload).await? {
        Reply::Reloaded { reloaded } if json => print::json(&reloaded),
        Reply::Reloaded { reloaded } => print::text(&told(&reloaded)),
        _ => Err(odd()),
    }
}

/// The server is told all the same: its log is where a change that waits is looked for. It reads its file itself, and comes
/// to the same end, unless it reads another one.
async fn refused(failure: Failure, named: Option<&Path>) -> Result<(), Failure> {
    let asked = match configuration::data_dir(named) {
        Some(data_dir) => ask_in(&data_dir, Command::Reload).await,
        None => None,
    };
    match asked {
        Some(Reply::Reloaded { reloaded }) => {
            let file = reloaded.file.as_deref().unwrap_or("the built-in defaults");
            eprintln!("the server reads another file, and has reloaded it: {file}");
        }
        Some(_) => eprintln!("nothing was changed: the server goes on as before"),
        None => {
            eprintln!("nothing was changed, and no server was found there: one that runs goes on as before")
        }
    }
    Err(failure)
}

fn told(view: &ReloadView) -> String {
    let ReloadView { file, applied, restart, certificate, warnings } = view;
    let mut text: String = warnings.iter().map(|warning| format!("{warning}\n\n")).collect();
    text += &format!("reloaded {}\n", file.as_deref().unwrap_or("the built-in defaults"));
    let mut line = |name: &str, value: &str| text += &format!("  {name:<14}{value}\n");
    match applied.is_empty() && !certificate {
        true if restart.is_empty() => line("changed", "nothing"),
        true => {}
        false if applied.is_empty() => {}
        false => line("in force", &applied.join(", ")),
    }
    if *certificate {
        line("certificate", "another one, for every connection from now on");
    }
    if !restart.is_empty() {
        line("needs restart", &restart.join(", "));
    }
    text
}
