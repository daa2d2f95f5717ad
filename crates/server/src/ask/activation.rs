use std::net::IpAddr;

use trunkline_model::Address;

use super::{minute, odd, once};
use crate::{
    admin::{Channel, Command, KeyView, OpenKeyView, Reply},
    cli::ActivationCommand,
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline activation …`.
pub(crate) async fn activation(place: Place, command: ActivationCommand) -> Result<(), Failure> {
    match command {
        ActivationCommand::Issue { address, expires, output } => {
            let command = Command::ActivationIssue { address, expires_secs: expires.0.as_secs() };
            match once(place, command).await? {
                Reply::Key { key } if output.json => print::json(&key),
                Reply::Key { key } => show(&key),
                _ => Err(odd()),
            }
        }
        ActivationCommand::List { address, output } => {
            let keys = match address {
                Some(address) => keys(once(place, Command::ActivationShow { address }).await?)?,
                None => all(place).await?,
            };
            if output.json { print::json(&serde_json::json!({ "keys": keys })) } else { list(&keys) }
        }
        ActivationCommand::Revoke { address, id, output } => revoke(place, address, id, output.json).await,
        ActivationCommand::Unblock { source, output } => unblock(place, source, output.json).await,
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

/// The open keys of every account, page by page.
async fn all(place: Place) -> Result<Vec<OpenKeyView>, Failure> {
    let channel = Channel::open(place).await?;
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let Reply::OpenKeys { keys, next } = channel.ask(Command::ActivationList { after }).await? else {
            return Err(odd());
        };
        all.extend(keys);
        if next.is_none() {
            channel.close().await;
            return Ok(all);
        }
        after = next;
    }
}

fn keys(reply: Reply) -> Result<Vec<OpenKeyView>, Failure> {
    match reply {
        Reply::OpenKeys { keys, .. } => Ok(keys),
        _ => Err(odd()),
    }
}

fn list(keys: &[OpenKeyView]) -> Result<(), Failure> {
    if keys.is_empty() {
        eprintln!("No access key is open. Issue one: trunkline activation issue ADDRESS");
        return Ok(());
    }
    let row = |key: &OpenKeyView| {
        [key.id.clone(), key.address.to_string(), minute(&key.issued_at), minute(&key.expires_at)]
    };
    print::table(["KEY", "ADDRESS", "ISSUED", "GOOD UNTIL"], &keys.iter().map(row).collect::<Vec<_>>())
}

async fn revoke(place: Place, address: Address, id: Option<String>, json: bool) -> Result<(), Failure> {
    let command = Command::ActivationRevoke { address: address.clone(), id };
    let revoked = keys(once(place, command).await?)?;
    if json {
        return print::json(&serde_json::json!({ "keys": revoked }));
    }
    match revoked.len() {
        0 => print::text(&format!("{address} had no open access key.\n")),
        1 => print::text(&format!("One access key of {address} is void.\n")),
        many => print::text(&format!("{many} access keys of {address} are void.\n")),
    }
}

async fn unblock(place: Place, source: IpAddr, json: bool) -> Result<(), Failure> {
    let Reply::Done = once(place, Command::ActivationUnblock { source }).await? else { return Err(odd()) };
    if json {
        return print::json(&serde_json::json!({ "source": source }));
    }
    print::text(&format!("{source} may try again at once.\n"))
}
