use super::{odd, once};
use crate::{
    admin::{Command, ReloadView, Reply, server_answers},
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline reload`: what the running server made of its configuration.
pub(crate) async fn reload(place: Place, json: bool) -> Result<(), Failure> {
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
