//! One IM system, from its name to a sign-in.

use std::path::Path;

use secrecy::SecretString;
use trunkline_config::BackendConfig;
use trunkline_core::{port::Step, stored_password};
use trunkline_http::Certificate;
use trunkline_model::Address;

use super::{Patient, listener};
use crate::{
    admin::{Channel, Command, Reply},
    assembly,
};

/// A running server examines the account's own way itself, because it holds the password; the rest is examined here.
pub(super) async fn examine(
    declared: &BackendConfig,
    account: Option<&Address>,
    patient: &Patient,
) -> Vec<Step> {
    let account = account.filter(|account| account.domain() == declared.domain());
    let mut steps: Vec<_> = dates(declared).into_iter().collect();
    steps.extend(match (account, &patient.channel) {
        (Some(account), Some(channel @ Channel::Server(_))) => by_server(channel, account).await,
        (account, _) => here(declared, account, patient).await,
    });
    steps.extend(lines(declared, patient));
    steps
}

/// Of the certificate that a Lync backend shows; files that cannot be used are told of by the other steps.
fn dates(declared: &BackendConfig) -> Option<Step> {
    let BackendConfig::Lync(lync) = declared else { return None };
    let files = (lync.certificate_file.clone(), lync.private_key_file.clone());
    let certificate = Certificate::load(Some(&files), Path::new("")).ok()??;
    Some(listener::dates(&certificate, "Front Ends"))
}

async fn by_server(channel: &Channel, account: &Address) -> Vec<Step> {
    match channel.ask(Command::Examine { address: account.clone() }).await {
        Ok(Reply::Examined { steps }) => steps,
        Ok(_) => {
            vec![Step::not_tried("sign-in", "the running server is of another version than this command")]
        }
        Err(failure) => vec![Step::not_tried("sign-in", failure.words().to_owned())],
    }
}

async fn here(declared: &BackendConfig, account: Option<&Address>, patient: &Patient) -> Vec<Step> {
    let backend = match assembly::backend(declared) {
        Ok(backend) => backend,
        Err(error) => return vec![Step::not_tried("settings", error.to_string())],
    };
    let password = match account {
        Some(account) => kept(account, patient).await,
        None => None,
    };
    backend.examine(account, password.as_ref()).await
}

/// The password that a phone gave, when the database is open here.
async fn kept(account: &Address, patient: &Patient) -> Option<SecretString> {
    let Some(Channel::Here(executor)) = &patient.channel else { return None };
    let found = executor.store().account_by_address(account).await.ok()??;
    stored_password(executor.store(), found.id).await.ok()?
}

/// How the running server's lines stand.
fn lines(declared: &BackendConfig, patient: &Patient) -> Option<Step> {
    let running = patient.running()?;
    let view = running.backends.iter().find(|view| view.domain.as_deref() == Some(declared.domain()))?;
    let seen = format!(
        "{} lines: {} connected, {} connecting, {} refused",
        view.lines, view.connected, view.connecting, view.refused
    );
    Some(match (view.connecting, view.refused) {
        (0, 0) => Step::good("lines", seen),
        (0, _) => Step::doubtful("lines", seen, "the refused ones wait for their people to sign in anew"),
        _ => Step::doubtful("lines", seen, "trunkline status; the server's log says for each line why"),
    })
}
