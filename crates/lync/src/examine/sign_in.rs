use std::time::Duration;

use trunkline_core::port::{Step, Trouble};
use trunkline_model::Address;
use trunkline_sip::{
    failure::Failure,
    registration::{Event, Registration},
    transaction::Outcome,
};

use super::{Examination, ask::Asker};
use crate::{
    account::{endpoint, server},
    random,
};

impl Examination<'_> {
    /// Signs in as an endpoint of its own, which no line has, and out again.
    pub(super) async fn sign_in(
        &self,
        asker: &mut Asker,
        account: &Address,
        steps: &mut Vec<Step>,
    ) -> Option<()> {
        let (call_id, tag) = (format!("{:032x}", random()), format!("{:016x}", random() >> 64));
        let made = endpoint(&self.place, account, "doctor").ok();
        let made = made.and_then(|endpoint| Registration::new(endpoint, &call_id, &tag).ok());
        let Some(mut registration) = made else {
            let why = format!("{account} is not an address that SIP can hold");
            steps.push(Step::not_tried("sign-in", why));
            return None;
        };
        let request = registration.due(Duration::ZERO)?;
        let response = match asker.ask(request).await {
            Ok(response) => response,
            Err(seen) => {
                steps.push(Step::bad("sign-in", no_answer(account, seen)));
                return None;
            }
        };
        let server = response.text("Server").map(|server| format!(" ({server})")).unwrap_or_default();
        let step = match registration.ended(Duration::ZERO, &Outcome::of(response), 0) {
            Event::Registered(registered) => {
                if let Some(request) = registration.leave() {
                    // What is not said now, the server notices when the time that it granted is over.
                    let _ = asker.ask(request).await;
                }
                let seconds = registered.expires;
                Step::good(
                    "sign-in",
                    format!("{account} signs in without a password, for {seconds} s{server}"),
                )
            }
            Event::Redirected { uri, .. } => {
                self.redirected(account, uri.host(), server_is_known(self, &uri))
            }
            Event::Refused { status, failure, words } => {
                Step::bad("sign-in", refused(account, status, failure, words.as_deref()))
            }
            Event::Wait { failure: Some(failure), .. } => {
                Step::bad("sign-in", no_answer(account, failure.meaning.to_owned()))
            }
            _ => Step::bad("sign-in", no_answer(account, "an answer that grants nothing".to_owned())),
        };
        let failed = step.failed();
        steps.push(step);
        (!failed).then_some(())
    }

    fn redirected(&self, account: &Address, host: &str, is_known: bool) -> Step {
        let seen = format!("the pool sends {account} to {host} (301), the account's home");
        if is_known {
            return Step::good("sign-in", format!("{seen}; lines go there by themselves"));
        }
        Step::bad(
            "sign-in",
            Trouble {
                expected: format!("{account} signs in at {}", self.settings.pool.name),
                seen,
                likely: "the account is homed on another pool".into(),
                attempt: format!("add {host} to allowedPeers, or name that pool in `pool`"),
            },
        )
    }
}

fn server_is_known(examination: &Examination<'_>, uri: &trunkline_sip::Uri) -> bool {
    server(&examination.place, uri).is_some()
}

fn no_answer(account: &Address, seen: String) -> Trouble {
    Trouble {
        expected: format!("{account} signs in"),
        seen,
        likely: "the pool is being serviced or has lost its database".into(),
        attempt: "Get-CsWindowsService on the Front End".into(),
    }
}

fn refused(account: &Address, status: u16, failure: &Failure, words: Option<&str>) -> Trouble {
    let words = words.map(|words| format!(" (\"{words}\")")).unwrap_or_default();
    let (likely, attempt) = match status {
        401 | 407 => (
            "the pool does not trust this connection: the relay's certificate does not bear the name of a trusted \
             application computer, or the topology was not published",
            "Get-CsTrustedApplicationComputer; Enable-CsTopology".to_owned(),
        ),
        403 => (
            "the account is disabled or its policy forbids it, or the application may not speak for it",
            format!("Get-CsUser {account}"),
        ),
        404 => ("the account is not enabled for the pool, or is mistyped", format!("Get-CsUser {account}")),
        _ => ("the pool does not want this account", format!("Get-CsUser {account}")),
    };
    Trouble {
        expected: format!("{account} signs in without a password"),
        seen: format!("{status}: {}{words}", failure.meaning),
        likely: likely.into(),
        attempt,
    }
}
