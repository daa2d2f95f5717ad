//! One IM system, from its name to a sign-in.

use std::path::Path;

use secrecy::SecretString;
use trunkline_config::BackendConfig;
use trunkline_core::{
    port::{Step, Trouble},
    stored_password,
};
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
        (Some(account), Some(channel @ Channel::Server(_))) => match by_server(channel, account).await {
            Ok(steps) => steps,
            Err(step) => without_account(here(declared, None, patient).await, step),
        },
        (account, _) => here(declared, account, patient).await,
    });
    steps.extend(lines(declared, patient));
    steps
}

/// Of an account whose domain has no backend.
pub(super) fn none(account: &Address) -> Step {
    Step::doubtful(
        "sign-in",
        format!("{account} lives on the relay itself: no backend in the configuration has its domain"),
        "if that is not meant, compare the domain with those of <backends>",
    )
}

/// Of the certificate that a Lync backend shows; files that cannot be used are told of by the other steps.
fn dates(declared: &BackendConfig) -> Option<Step> {
    let BackendConfig::Lync(lync) = declared else { return None };
    let files = (lync.certificate_file.clone(), lync.private_key_file.clone());
    let certificate = Certificate::load(Some(&files), Path::new("")).ok()??;
    Some(listener::dates(&certificate, "Front Ends"))
}

async fn by_server(channel: &Channel, account: &Address) -> Result<Vec<Step>, Step> {
    match channel.ask(Command::Examine { address: account.clone() }).await {
        Ok(Reply::Examined { steps }) => Ok(steps),
        Ok(_) => {
            Err(Step::not_tried("sign-in", "the running server is of another version than this command"))
        }
        Err(failure) => Err(Step::bad(
            "sign-in",
            Trouble {
                expected: format!("the running server signs {account} in"),
                seen: failure.words().to_owned(),
                likely: "the account was not added yet, or is mistyped; else the server's log says more"
                    .into(),
                attempt: "trunkline account list".into(),
            },
        )),
    }
}

/// The account's step says why it was not taken; the others were.
fn without_account(mut steps: Vec<Step>, sign_in: Step) -> Vec<Step> {
    match steps.iter_mut().find(|step| step.name == sign_in.name) {
        Some(step) => *step = sign_in,
        None => steps.push(sign_in),
    }
    steps
}

async fn here(declared: &BackendConfig, account: Option<&Address>, patient: &Patient) -> Vec<Step> {
    let backend = match assembly::backend(declared) {
        Ok(backend) => backend,
        Err(error) => return vec![unusable(error.to_string())],
    };
    let password = match account {
        Some(account) => kept(account, patient).await,
        None => None,
    };
    backend.examine(account, password.as_ref()).await
}

/// A server does not start with such a backend or directory.
pub(super) fn unusable(seen: String) -> Step {
    Step::bad(
        "settings",
        Trouble {
            expected: "an entry and files with which the server starts".into(),
            seen,
            likely: "an attribute is wrong, or one of the files that it names".into(),
            attempt: "mend it until `trunkline check-config` is content".into(),
        },
    )
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
