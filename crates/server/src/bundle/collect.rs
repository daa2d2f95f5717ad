//! Where the files of a bundle come from. What cannot be had is said in its place.

use std::{
    fmt::Write as _,
    fs,
    io::{Read, Seek, SeekFrom},
    net::SocketAddr,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use trunkline_config::{Config, System, locate};

use super::Item;
use crate::{
    admin::{Channel, Command as AdminCommand, Reply, server_answers},
    configuration, doctor,
    exit::Failure,
};

/// The end of a log is what matters.
const LOG_BYTES: u64 = 2 * 1024 * 1024;
const LOG_LINES: &str = "20000";
const METRICS_BYTES: u64 = 4 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

/// Everything, not yet redacted.
pub(super) async fn collect(named: Option<&Path>, log: Option<&Path>) -> Result<Vec<Item>, Failure> {
    let config = locate(named, &System).map_or_else(|| Ok(Config::default()), |file| read(&file));
    let mut items = vec![
        Item { name: "computer.txt", content: computer(), meaning: "program, system, memory, limits" },
        Item {
            name: "config.txt",
            content: config.as_ref().map_or_else(Clone::clone, |config| config.listing()),
            meaning: "the settings in force, without secrets",
        },
        Item {
            name: "doctor.json",
            content: format!("{:#}\n", doctor::findings(named).await?),
            meaning: "what trunkline doctor finds",
        },
    ];
    if let Ok(config) = &config {
        let (files, metrics) = (files(&config.data_dir), metrics(config).await);
        items.push(Item { name: "files.txt", content: files, meaning: "names, sizes and modes in DATA_DIR" });
        items.push(Item {
            name: "metrics.txt",
            content: metrics,
            meaning: "the metrics of the running server",
        });
    }
    items.push(Item { name: "log.txt", content: log_end(log), meaning: "the end of the log" });
    Ok(items)
}

/// The configuration; else what is wrong with it.
pub(super) fn read(file: &Path) -> Result<Config, String> {
    // The messages quote the file with everything masked that may be a secret.
    trunkline_config::load(file).map(|(config, _)| config).map_err(|problems| format!("{problems}\n"))
}

fn computer() -> String {
    let mut text = format!(
        "trunkline {}\n{} {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    for (name, path) in [
        ("kernel", "/proc/version"),
        ("system", "/etc/os-release"),
        ("memory", "/proc/meminfo"),
        ("load", "/proc/loadavg"),
        ("limits", "/proc/self/limits"),
        ("tcp", "/proc/net/sockstat"),
    ] {
        let found = fs::read_to_string(path).unwrap_or_else(|error| format!("{error}\n"));
        // A String takes everything.
        let _ = write!(text, "\n# {name} ({path})\n{found}");
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    text + &format!("\n# cores\n{cores}\n")
}

/// One level deep: everything that matters lies there.
fn files(data_dir: &Path) -> String {
    let mut rows: Vec<String> = Vec::new();
    for folder in [data_dir.to_owned(), data_dir.join("tls")] {
        match fs::read_dir(&folder) {
            Ok(entries) => rows.extend(entries.flatten().filter_map(|entry| {
                let found = entry.metadata().ok()?;
                let mode = found.permissions().mode() & 0o7777;
                Some(format!(
                    "{}\t{mode:04o}\tuid {}\t{} bytes",
                    entry.path().display(),
                    found.uid(),
                    found.len()
                ))
            })),
            Err(error) => rows.push(format!("{}: {error}", folder.display())),
        }
    }
    rows.sort();
    rows.join("\n") + "\n"
}

async fn metrics(config: &Config) -> String {
    let Some(at) = admin_address(config).await else {
        return "no server runs, or its ADMIN_BIND is off\n".to_owned();
    };
    if !at.ip().to_canonical().is_loopback() {
        return "ADMIN_BIND is not on loopback; fetch /metrics from where it is watched\n".to_owned();
    }
    match timeout(PATIENCE, fetch(at, config)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => format!("http://{at}/metrics: {error}\n"),
        Err(_) => format!("http://{at}/metrics does not answer\n"),
    }
}

/// Where the running server says that it is.
async fn admin_address(config: &Config) -> Option<SocketAddr> {
    let place = configuration::place(config).ok()?;
    if !server_answers(&place).await.ok()? {
        return None;
    }
    let Ok(Reply::Status { status }) = Channel::open(place).await.ok()?.ask(AdminCommand::Status).await
    else {
        return None;
    };
    status.server?.listeners.admin?.parse().ok()
}

/// HTTP/1.0, so that the answer ends with the connection and is not chunked.
async fn fetch(at: SocketAddr, config: &Config) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(at).await?;
    let token = config.admin_token.as_ref();
    let bearer = token.map(|token| format!("Authorization: Bearer {}\r\n", token.expose_secret()));
    let request = format!("GET /metrics HTTP/1.0\r\nHost: {at}\r\n{}\r\n", bearer.unwrap_or_default());
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(METRICS_BYTES).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    Ok(answer.split_once("\r\n\r\n").map_or_else(|| answer.to_string(), |(_, body)| body.to_owned()))
}

fn log_end(file: Option<&Path>) -> String {
    match file {
        Some(file) => tail(file).unwrap_or_else(|error| format!("{}: {error}\n", file.display())),
        None => journal(),
    }
}

fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // The first line is likely cut.
    Ok(if length > LOG_BYTES {
        text.split_once('\n').map_or(text.clone(), |(_, rest)| rest.to_owned())
    } else {
        text
    })
}

fn journal() -> String {
    let asked = Command::new("journalctl")
        .args(["--unit=trunkline", "--lines", LOG_LINES, "--no-pager", "--output=cat", "--quiet"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match asked {
        Ok(answer) if answer.status.success() && !answer.stdout.is_empty() => {
            String::from_utf8_lossy(&answer.stdout).into_owned()
        }
        _ => "systemd's journal holds nothing of the unit trunkline; name a file: --log FILE\n".to_owned(),
    }
}
