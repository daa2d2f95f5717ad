use std::{fmt::Write, net::SocketAddr};

use trunkline_store::{Database, Glance, glance};

use super::odd;
use crate::{
    admin::{
        BackendView, CertificateView, Channel, Command, ListenersView, ReadinessView, Reply, RunningView,
        StatusView, counts_by_name, of_files, server_answers, silent,
    },
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline status`: works without a server, and makes nothing that is not there. Exit code 4 when none runs, whatever
/// else can be seen or not.
pub(crate) async fn status(place: Place, json: bool) -> Result<(), Failure> {
    let status = if server_answers(&place).await? {
        ask(Channel::Server(place)).await?
    } else {
        match at_rest(&place).await {
            Ok(status) => status,
            // Somebody has it open and does not answer: nobody knows whether that is a server.
            Err(failure) if failure.is_unreachable() => return Err(failure),
            Err(failure) => StatusView {
                database_problem: Some(failure.words().to_owned()),
                database_advice: failure.advice().map(str::to_owned),
                ..nothing(&place)
            },
        }
    };
    if json {
        print::json(&status)?
    } else {
        print::text(&told(&status))?
    }
    // All that there is to say has been said.
    if status.running { Ok(()) } else { Err(Failure::unreachable(String::new())) }
}

/// What can be seen while no server answers.
async fn at_rest(place: &Place) -> Result<StatusView, Failure> {
    // Root opens nothing there, and so would not meet the lock.
    if place.leave_to_its_owner().is_err()
        && let Some(who) = place.locked()
    {
        return Err(silent(place, &who));
    }
    if let Some(emptied) = place.emptied() {
        return Err(emptied);
    }
    if !place.holds_data().await? {
        return Ok(nothing(place));
    }
    match Channel::to_server(place).await? {
        Some(server) => ask(server).await,
        None => look(place).await,
    }
}

/// What a look at the database tells; opening it would change it.
pub(crate) async fn look(place: &Place) -> Result<StatusView, Failure> {
    place.leave_to_its_owner()?;
    let seen = glance(&place.database).await.map_err(|error| place.store_trouble(&error))?;
    let Some(Glance { schema, known, key, engine, size, counts }) = seen else { return Ok(nothing(place)) };
    place.check_key(key)?;
    let bytes = match &place.database {
        Database::Sqlite(file) => of_files(file),
        Database::Postgres(_) => size,
    };
    let outdated = (schema < known).then(|| {
        format!(
            "its schema is {schema}, this program's is {known}: it was not opened, for that would change it"
        )
    });
    Ok(StatusView {
        engine: Some(engine),
        database_bytes: Some(bytes),
        counts: counts.as_ref().map(counts_by_name),
        database_advice: outdated.as_ref().map(|_| OUTDATED.to_owned()),
        database_problem: outdated,
        ..nothing(place)
    })
}

/// What to do about an earlier schema.
pub(crate) const OUTDATED: &str =
    "trunkline migrate --dry-run, or start the server: it brings the schema up to date";

async fn ask(channel: Channel) -> Result<StatusView, Failure> {
    let reply = channel.ask(Command::Status).await;
    channel.close().await;
    match reply? {
        Reply::Status { status } => Ok(*status),
        _ => Err(odd()),
    }
}

fn nothing(place: &Place) -> StatusView {
    StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: place.data_dir.display().to_string(),
        ..StatusView::default()
    }
}

fn told(status: &StatusView) -> String {
    let mut text = match &status.server {
        Some(server) => running(status, server),
        None => {
            "Trunkline is not running. Start it: systemctl start trunkline, or trunkline serve\n".to_owned()
        }
    };
    text += &line("data", &status.data_dir);
    text += &line("database", &stored(status));
    if let Some(advice) = &status.database_advice {
        text += &line("", &format!("try: {advice}"));
    }
    text
}

fn stored(status: &StatusView) -> String {
    if let Some(problem) = &status.database_problem {
        return format!("not read: {problem}");
    }
    let (Some(bytes), Some(counts)) = (status.database_bytes, &status.counts) else {
        return "no database yet".to_owned();
    };
    let counts: Vec<_> = counts.iter().map(|(what, count)| counted(what, *count)).collect();
    let engine = status.engine.as_deref().unwrap_or("database");
    format!("{engine}, {}, {}", print::size(bytes), counts.join(", "))
}

/// `accounts 3`; of devices it says which.
pub(crate) fn counted(what: &str, count: u64) -> String {
    match what {
        "devices" => format!("devices {count} (without revoked ones)"),
        _ => format!("{what} {count}"),
    }
}

fn running(status: &StatusView, server: &RunningView) -> String {
    let stopping = server.readiness.as_ref().is_some_and(|readiness| readiness.status == "stopping");
    let mut text = format!(
        "Trunkline {} is {}: process {}, up {}\n",
        status.version,
        if stopping { "stopping" } else { "running" },
        server.pid,
        length(server.uptime_secs)
    );
    text.extend(server.readiness.as_ref().map(ready));
    text += &listeners(&server.listeners);
    text += &line("sessions", &format!("{}; open sockets: {}", server.sessions, server.sockets));
    text.extend(server.backends.iter().map(|backend| line("backend", &lines(backend))));
    text
}

/// `ready`, `not ready: WHY` or `stopping`.
fn ready(readiness: &ReadinessView) -> String {
    let why = readiness.problems.join("; ");
    let seen = match (readiness.status.as_str(), why.is_empty()) {
        ("ready", _) => "ready".to_owned(),
        ("stopping", _) => "stopping: it takes no new phones".to_owned(),
        (_, true) => "not ready".to_owned(),
        (_, false) => format!("not ready: {why}"),
    };
    line("state", &seen)
}

/// Where the server listens, a line each.
pub(crate) fn listeners(listeners: &ListenersView) -> String {
    let rows = [
        ("phones", listeners.https.as_ref().map(|at| format!("https://{at} (TLS)"))),
        ("phones", listeners.http.as_ref().map(|at| format!("http://{at} (plain, for a TLS proxy)"))),
        (
            "health",
            listeners.admin.as_ref().map(|at| format!("{}://{at}/health/ready, /metrics", scheme(at))),
        ),
        ("certificate", listeners.certificate.as_ref().map(certificate)),
        ("warning", listeners.certificate.as_ref().and_then(|certificate| certificate.warning.clone())),
    ];
    rows.into_iter().filter_map(|(name, value)| value.map(|value| line(name, &value))).collect()
}

/// Whose it is, how long it holds, and by what phones may know it.
fn certificate(view: &CertificateView) -> String {
    let whose = if view.self_made { "self-made, " } else { "" };
    let until = view.not_after.split('T').next().unwrap_or_default();
    format!("{whose}until {until}, SHA-256 {}", view.fingerprint)
}

/// Health and metrics are plain on loopback, and nowhere else.
pub(crate) fn scheme(at: &str) -> &'static str {
    let loopback = at.parse().is_ok_and(|at: SocketAddr| at.ip().is_loopback());
    if loopback { "http" } else { "https" }
}

/// How a backend's lines stand: `xmpp corp.test: lines 4, connected 3, connecting 1`.
fn lines(backend: &BackendView) -> String {
    let parts =
        [(backend.connected, "connected"), (backend.connecting, "connecting"), (backend.refused, "refused")];
    let name = [Some(backend.kind.as_str()), backend.domain.as_deref()];
    let mut text =
        format!("{}: lines {}", name.into_iter().flatten().collect::<Vec<_>>().join(" "), backend.lines);
    for (count, state) in parts.iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, ", {state} {count}");
    }
    text
}

fn line(name: &str, value: &str) -> String {
    format!("  {name:<12}{value}\n")
}

/// Seconds as days, hours, minutes: the two largest that are there.
fn length(secs: u64) -> String {
    let parts = [(secs / 86_400, "d"), (secs / 3_600 % 24, "h"), (secs / 60 % 60, "min"), (secs % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let mut text = String::new();
    for (count, unit) in parts.iter().skip(first).take(2).filter(|(count, _)| *count > 0) {
        let _ = write!(text, "{}{count} {unit}", if text.is_empty() { "" } else { " " });
    }
    if text.is_empty() { "0 s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn lengths_read_well() {
        assert_eq!(
            [0, 59, 60, 3_661, 90_000, 86_400].map(length),
            ["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "1 d"].map(str::to_owned)
        );
    }
}
