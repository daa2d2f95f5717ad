use std::{fmt::Write, net::SocketAddr};

use super::{odd, once};
use crate::{
    admin::{
        BackendView, CertificateView, Command, ListenersView, Reply, RunningView, StatusView, server_answers,
    },
    exit::Failure,
    place::Place,
    print,
};

/// `trunkline status`: works without a server, and makes nothing that is not there. Exit code 4 when none runs.
pub(crate) async fn status(place: Place, json: bool) -> Result<(), Failure> {
    let status = if server_answers(&place).await? || place.holds_data().await? {
        match once(place, Command::Status).await? {
            Reply::Status { status } => *status,
            _ => return Err(odd()),
        }
    } else {
        StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: place.data_dir.display().to_string(),
            ..StatusView::default()
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

fn told(status: &StatusView) -> String {
    let mut text = match &status.server {
        Some(server) => running(status, server),
        None => "Trunkline is not running. Start it: trunkline serve\n".to_owned(),
    };
    let stored = match (status.database_bytes, &status.counts) {
        (Some(bytes), Some(counts)) => {
            let counts: Vec<_> = counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
            let engine = status.engine.as_deref().unwrap_or("database");
            format!("{engine}, {}, {}", size(bytes), counts.join(", "))
        }
        _ => "no database yet".to_owned(),
    };
    text += &line("data", &status.data_dir);
    text += &line("database", &stored);
    text
}

fn running(status: &StatusView, server: &RunningView) -> String {
    let mut text = format!(
        "Trunkline {} is running: process {}, up {}\n",
        status.version,
        server.pid,
        length(server.uptime_secs)
    );
    text += &listeners(&server.listeners);
    text += &line("sessions", &format!("{}; open sockets: {}", server.sessions, server.sockets));
    text.extend(server.backends.iter().map(|backend| line("backend", &lines(backend))));
    text
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
fn scheme(at: &str) -> &'static str {
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

/// Bytes in the unit that fits.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
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
    use super::{length, size};

    #[test]
    fn lengths_and_sizes_read_well() {
        assert_eq!(
            [0, 59, 60, 3_661, 90_000, 86_400].map(length),
            ["0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "1 d"].map(str::to_owned)
        );
        assert_eq!([0, 1_536, 5 << 20].map(size), ["0.0 KiB", "1.5 KiB", "5.0 MiB"].map(str::to_owned));
    }
}
