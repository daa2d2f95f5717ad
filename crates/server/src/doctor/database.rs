//! The database: whoever has it open is asked.

use trunkline_core::port::{Step, Trouble};
use trunkline_store::migration_plan;

use super::Patient;
use crate::{
    admin::{Channel, Command, Reply, StatusView, server_answers},
    exit::Failure,
    place::Place,
};

/// The steps, and the way to ask more.
pub(super) async fn examine(place: &Place) -> (Vec<Step>, Patient) {
    let nobody = |step| (vec![step], Patient { channel: None, running: None });
    let answers = match server_answers(place).await {
        Ok(answers) => answers,
        Err(failure) => return nobody(Step::bad("server", hangs(&failure))),
    };
    match place.holds_data().await {
        Ok(true) => {}
        Ok(false) if answers => {}
        Ok(false) => {
            let why = "there is no database yet; `trunkline serve` makes it";
            return nobody(Step::not_tried("open", why));
        }
        Err(failure) => return nobody(Step::bad("reach", closed(place, &failure))),
    }
    if !answers && let Some(step) = outdated(place).await {
        return nobody(step);
    }
    let channel = match Channel::open(place.clone()).await {
        Ok(channel) => channel,
        Err(failure) => return nobody(Step::bad("open", closed(place, &failure))),
    };
    match channel.ask(Command::Status).await {
        Ok(Reply::Status { status }) => {
            let steps = told(&status);
            (steps, Patient { channel: Some(channel), running: status.server })
        }
        Ok(_) => {
            let step = Step::doubtful(
                "server",
                "the running server is of another version than this command",
                "restart the server, so that it runs this version",
            );
            (vec![step], Patient { channel: Some(channel), running: None })
        }
        Err(failure) => (
            vec![Step::bad("read", closed(place, &failure))],
            Patient { channel: Some(channel), running: None },
        ),
    }
}

/// A database that opening would change is not opened: nobody expects a change of a look.
async fn outdated(place: &Place) -> Option<Step> {
    let plan = match migration_plan(&place.database).await {
        Ok(plan) => plan,
        Err(error) => return Some(Step::bad("schema", closed(place, &place.store_trouble(&error)))),
    };
    let found = plan.found.filter(|_| !plan.steps.is_empty())?;
    Some(Step::doubtful(
        "schema",
        format!("the schema is {found}, this program's is {}; the database was not opened", plan.known),
        "trunkline migrate --dry-run, or start the server: it brings the schema up to date",
    ))
}

fn told(status: &StatusView) -> Vec<Step> {
    let server = match &status.server {
        Some(server) => Step::good("server", format!("runs as process {}", server.pid)),
        None => Step::not_tried("server", "it does not run; the database was opened by this command"),
    };
    let counts = status.counts.iter().flatten().map(|(what, count)| format!("{what} {count}"));
    let outbox = status.counts.as_ref().and_then(|counts| counts.get("outbox")).copied().unwrap_or_default();
    let mut steps = vec![server, Step::good("read", counts.collect::<Vec<_>>().join(", "))];
    if outbox > 0 {
        steps.push(Step::doubtful(
            "outbox",
            format!("{outbox} messages wait for an IM system"),
            "look at the backends below; they go out by themselves once their lines are up",
        ));
    }
    steps
}

fn hangs(failure: &Failure) -> Trouble {
    Trouble {
        expected: "an answer of the server that has the data folder open".into(),
        seen: failure.words().to_owned(),
        likely: "the server hangs, or belongs to another user".into(),
        attempt: "systemctl status trunkline".into(),
    }
}

fn closed(place: &Place, failure: &Failure) -> Trouble {
    Trouble {
        expected: format!("{} to open and to be read", place.held()),
        seen: failure.words().to_owned(),
        likely: "DB_CONNECTION or MASTER_KEY_FILE names something else than before, or the files belong to another \
                 user"
            .into(),
        attempt: failure.advice().unwrap_or("trunkline status").to_owned(),
    }
}
