//! The process that holds the data folder: found by its socket and its lock, so that no trouble of the database hides it.

use trunkline_core::port::{Step, Trouble};

use crate::{
    admin::{
        Channel, Command, ComparedView, DifferenceView, ReadinessView, Reply, StatusView, server_answers,
    },
    exit::Failure,
    place::Place,
};

/// Who holds the data folder.
pub(super) enum Holder {
    /// A server, which says this of itself.
    Server(Box<StatusView>),
    /// Nobody: what must be known is found out here.
    Nobody,
    /// Somebody who cannot be asked, or who may be there.
    Unknown,
}

/// The steps, and what they found.
pub(super) async fn examine(place: &Place) -> (Vec<Step>, Holder) {
    match server_answers(place).await {
        Err(failure) => (vec![Step::bad("process", hangs(&failure))], Holder::Unknown),
        Ok(true) => ask(place).await,
        Ok(false) => match place.locked() {
            Some(who) => {
                let failure = Failure::unreachable(format!("its admin socket does not answer; {who}"));
                (vec![Step::bad("process", hangs(&failure))], Holder::Unknown)
            }
            None => (vec![absent(place)], Holder::Nobody),
        },
    }
}

fn absent(place: &Place) -> Step {
    let seen = format!("the server does not run on {}", place.data_dir.display());
    Step::doubtful("process", seen, "systemctl start trunkline, or: trunkline serve")
}

async fn ask(place: &Place) -> (Vec<Step>, Holder) {
    let channel = Channel::Server(place.clone());
    let status = match channel.ask(Command::Status).await {
        Ok(Reply::Status { status }) => status,
        Ok(_) => return (vec![other_version()], Holder::Unknown),
        Err(failure) => return (vec![Step::bad("process", hangs(&failure))], Holder::Unknown),
    };
    let Some(server) = &status.server else { return (vec![other_version()], Holder::Unknown) };
    let mut steps = vec![Step::good("process", format!("runs as process {}", server.pid))];
    if status.version != env!("CARGO_PKG_VERSION") {
        steps.push(other_version());
    }
    steps.extend(server.readiness.as_ref().map(|readiness| ready(readiness, &status)));
    match channel.ask(Command::Compare).await {
        Ok(Reply::Compared { compared }) => steps.extend(settings(&compared)),
        Ok(_) => steps.push(other_version()),
        Err(failure) => steps.push(Step::not_tried("settings", failure.words().to_owned())),
    }
    (steps, Holder::Server(status))
}

fn other_version() -> Step {
    Step::doubtful(
        "version",
        "the running server is of another version than this command",
        "restart the server, so that it runs this version",
    )
}

fn ready(readiness: &ReadinessView, status: &StatusView) -> Step {
    match readiness.status.as_str() {
        "ready" => Step::good("ready", "phones are let in"),
        "stopping" => Step::doubtful(
            "ready",
            "the server is stopping, and takes no new phones",
            "wait for its end (DRAIN_SECS); then: systemctl start trunkline",
        ),
        _ => Step::bad(
            "ready",
            Trouble {
                expected: "/health/ready to answer 200".into(),
                seen: format!("not ready: {}", readiness.problems.join("; ")),
                likely: if status.database_problem.is_some() {
                    "the database is away or damaged; the steps below tell more".into()
                } else {
                    "what it says; the steps below tell more".into()
                },
                attempt: status
                    .database_advice
                    .clone()
                    .unwrap_or_else(|| "journalctl -u trunkline -o cat | tail".to_owned()),
            },
        ),
    }
}

/// How the file differs from what runs.
fn settings(compared: &ComparedView) -> Vec<Step> {
    let ComparedView { file, reload, restart, problems } = compared;
    let file = file.as_deref().unwrap_or("the built-in defaults");
    if let Some(first) = problems.first() {
        let seen = format!("the server goes on as before, for it could not use what there is: {first}");
        return vec![Step::doubtful("settings", seen, "trunkline check-config")];
    }
    if reload.is_empty() && restart.is_empty() {
        return vec![Step::good("settings", format!("those of {file}"))];
    }
    let mut steps: Vec<_> = restart
        .iter()
        .map(|one| Step::doubtful("settings", differs(one), "restart: systemctl restart trunkline"))
        .collect();
    if !reload.is_empty() {
        let seen = format!("{}: {file} has other values than the server", reload.join(", "));
        steps.push(Step::doubtful("settings", seen, "trunkline reload"));
    }
    steps
}

fn differs(DifferenceView { key, file, server }: &DifferenceView) -> String {
    match (file, server) {
        (Some(file), Some(server)) => {
            let [file, server] = [file, server].map(|value| if value.is_empty() { "nothing" } else { value });
            format!("{key}: the file says {file}, the server has {server}")
        }
        _ => format!("{key}: the file says something else than the server has"),
    }
}

fn hangs(failure: &Failure) -> Trouble {
    Trouble {
        expected: "an answer of the server that has the data folder open".into(),
        seen: failure.words().to_owned(),
        likely: failure.likely().unwrap_or("the server hangs, or another command is at work").into(),
        attempt: failure.advice().unwrap_or("systemctl status trunkline").to_owned(),
    }
}
