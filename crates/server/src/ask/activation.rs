use super::{minute, odd, once};
use crate::{
    admin::{Command, KeyView, Reply},
    cli::ActivationCommand,
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline activation …`.
pub(crate) async fn activation(place: Place, command: ActivationCommand) -> Result<(), Failure> {
    let ActivationCommand::Issue { address, expires, output } = command;
    let command = Command::ActivationIssue { address, expires_secs: expires.0.as_secs() };
    match once(place, command).await? {
        Reply::Key { key } if output.json => print::json(&key),
        Reply::Key { key } => show(&key),
        _ => Err(odd()),
    }
}

fn show(key: &KeyView) -> Result<(), Failure> {
    print::text(&format!(
        "Access key for {}\n\n    {}\n\nGood for one phone until {} UTC. Letter case and hyphens do not matter.\n",
        key.address,
        key.access_key,
        minute(&key.expires_at)
    ))
}
