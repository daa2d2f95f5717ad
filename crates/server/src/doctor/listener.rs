//! What phones meet: the certificate, and the doors of a running server.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use trunkline_client::{ConnectError, Handshake, RawSocket, Server, Trust, parse_fingerprint};
use trunkline_config::Config;
use trunkline_core::port::{Step, Trouble};
use trunkline_http::Certificate;

use super::CertificateFiles;
use crate::{admin::RunningView, ask};

/// How long the admin port may take: it looks at the database for up to five seconds.
const PATIENCE: Duration = Duration::from_secs(8);
/// Bytes of an answer's first line at most.
const FIRST_LINE: u64 = 200;

/// The certificate that the configuration names, or the self-made one.
pub(super) fn certificate(files: Option<&CertificateFiles>, data_dir: &Path) -> Vec<Step> {
    match Certificate::load(files, data_dir) {
        Ok(None) => vec![Step::not_tried("files", "none is configured; `trunkline serve` makes one for itself")],
        Ok(Some(certificate)) => read(&certificate, files),
        Err(error) => vec![
            Step::bad(
                "files",
                Trouble {
                    expected: "a certificate and its private key in PEM".into(),
                    seen: error.to_string(),
                    likely: "TLS_CERTIFICATE_FILE or TLS_PRIVATE_KEY_FILE names the wrong file, or one that this user \
                             may not read"
                        .into(),
                    attempt: files.map_or_else(
                        || format!("remove the folder {}, and start the server", data_dir.join("tls").display()),
                        |(certificate, _)| {
                            format!("openssl x509 -in {} -noout -subject -dates", certificate.display())
                        },
                    ),
                },
            ),
            Step::not_tried("dates", "an earlier step failed"),
        ],
    }
}

fn read(certificate: &Certificate, files: Option<&CertificateFiles>) -> Vec<Step> {
    let named = files.map_or("self-made".into(), |(file, _)| file.display().to_string());
    let names = certificate.names.join(", ");
    let first = if files.is_some() && certificate.self_signed {
        Step::doubtful(
            "files",
            format!("{named} is signed by nobody else"),
            "phones trust it only if they pin it",
        )
    } else if files.is_some() && certificate.chain < 2 {
        let seen = format!("{named} holds no intermediate certificate, which phones may miss");
        Step::doubtful("files", seen, "append the authority's chain to TLS_CERTIFICATE_FILE")
    } else {
        Step::good("files", format!("{named}; the key fits"))
    };
    vec![first, dates(certificate, "phones"), Step::good("names", names)]
}

/// Whether a certificate that `whom` are to trust holds today and for a while.
pub(super) fn dates(certificate: &Certificate, whom: &str) -> Step {
    let now = jiff::Timestamp::now().as_second();
    let day = |secs: i64| {
        jiff::Timestamp::from_second(secs).map(|at| at.strftime("%F").to_string()).unwrap_or_default()
    };
    let days = (certificate.not_after - now) / 86_400;
    let span = format!("it holds from {} to {}", day(certificate.not_before), day(certificate.not_after));
    if now < certificate.not_before || now > certificate.not_after {
        return Step::bad(
            "dates",
            Trouble {
                expected: "a certificate that holds today".into(),
                seen: span,
                likely: "nobody has renewed it, or the clock is wrong".into(),
                attempt: "have it renewed, then: trunkline reload".into(),
            },
        );
    }
    let holds = certificate.not_before..=certificate.not_after;
    if let Some(seen) = Certificate::worry_over(&holds, whom, now) {
        return Step::doubtful("dates", seen, "have it renewed, then: trunkline reload");
    }
    Step::good("dates", format!("it ends in {days} days"))
}

/// Whether a server that is to start will get its ports.
pub(super) fn ports(config: &Config) -> Vec<Step> {
    wanted(config)
        .map(|(name, at)| match TcpListener::bind(at) {
            Ok(_) => Step::good(name, format!("{at} is free")),
            Err(error) => Step::bad(
                name,
                Trouble {
                    expected: format!("{at} to be free for this server"),
                    seen: error.to_string(),
                    likely: "another program has the port, or this computer has no such address".into(),
                    attempt: format!("ss -ltnp sport = :{}; ip address", at.port()),
                },
            ),
        })
        .collect()
}

/// Who has the ports cannot be told from a port that is taken.
pub(super) fn not_tried(config: &Config) -> Vec<Step> {
    let why = "the server may have it, and cannot be asked";
    wanted(config).map(|(name, at)| Step::not_tried(name, format!("{at}: {why}"))).collect()
}

fn wanted(config: &Config) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let doors = [("https", config.https_bind), ("http", config.http_bind), ("admin", config.admin_bind)];
    doors.into_iter().filter_map(|(name, at)| Some((name, at?)))
}

/// Opens a phone's socket at each door, as a phone would, and asks the admin port.
pub(super) async fn listeners(
    running: Option<&RunningView>,
    files: Option<&CertificateFiles>,
    data_dir: &Path,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(running) = running else { return steps };
    let found = Certificate::load(files, data_dir).ok().flatten();
    let pin = found.and_then(|certificate| parse_fingerprint(&certificate.fingerprint).ok());
    if let Some(at) = running.listeners.https.as_deref() {
        steps.push(match pin {
            Some(pin) => knock("https", at, &Trust::Fingerprint(pin)).await,
            None => Step::not_tried("https", "the certificate cannot be read"),
        });
    }
    if let Some(at) = running.listeners.http.as_deref() {
        steps.push(knock("http", at, &Trust::System).await);
    }
    if let Some(at) = running.listeners.admin.as_deref() {
        steps.push(health(at).await);
    }
    steps
}

/// Whether the admin port answers; what it says of readiness, the server has said already. Without its token it refuses,
/// which is an answer.
async fn health(at: &str) -> Step {
    let scheme = ask::scheme(at);
    let Some(url) = url(scheme, at) else { return Step::not_tried("admin", format!("{at} is no address")) };
    if scheme == "https" {
        return Step::not_tried(
            "admin",
            format!("{url} speaks TLS, with a token that this command does not use"),
        );
    }
    let page = format!("{url}/health/ready");
    match timeout(PATIENCE, get(at, "/health/ready")).await.unwrap_or_else(|late| Err(late.into())) {
        Ok(status) => Step::good("admin", format!("{page} answers with status {status}")),
        Err(error) => Step::bad(
            "admin",
            Trouble {
                expected: format!("an answer of {page}"),
                seen: error.to_string(),
                likely: "the server is too busy, or a rule of this computer's firewall".into(),
                attempt: format!("curl -v {page}"),
            },
        ),
    }
}

/// The status with which a plain port of this computer answers.
async fn get(at: &str, path: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect(at).await?;
    let words = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(words.as_bytes()).await?;
    let mut first = String::new();
    BufReader::new(stream.take(FIRST_LINE)).read_line(&mut first).await?;
    let status = first.split(' ').nth(1).and_then(|word| word.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP: {first:?}")))
}

async fn knock(scheme: &'static str, at: &str, trust: &Trust) -> Step {
    let Some(url) = url(scheme, at) else { return Step::not_tried(scheme, format!("{at} is no address")) };
    let opened = match Server::new(&url, trust) {
        Ok(server) => RawSocket::connect(&server, &Handshake::new("doctor")).await,
        Err(error) => return Step::not_tried(scheme, error.to_string()),
    };
    match opened {
        Ok(_) => Step::good(scheme, format!("a phone's socket opens at {url}")),
        // Switched off by an admin, or refused because too many are open from here: it answers.
        Err(ConnectError::Upgrade(status)) => {
            Step::good(scheme, format!("{url} answers with status {status}"))
        }
        Err(error) => Step::bad(scheme, unanswered(&url, &error)),
    }
}

fn unanswered(url: &str, error: &ConnectError) -> Trouble {
    let (likely, attempt) = match error {
        ConnectError::Tls { .. } => (
            "the server still serves the certificate that it started with, and the file is another one now",
            "trunkline reload".to_owned(),
        ),
        _ => ("a rule of this computer's firewall", format!("curl -vk {url}/GaslampService/ws")),
    };
    Trouble {
        expected: format!("a phone's socket at {url}"),
        seen: error.to_string(),
        likely: likely.into(),
        attempt,
    }
}

/// An address that everybody may use is knocked at from this computer.
fn url(scheme: &str, at: &str) -> Option<String> {
    let at: SocketAddr = at.parse().ok()?;
    let host = match at {
        SocketAddr::V4(four) if four.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(six) if six.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(four) => four.ip().to_string(),
        SocketAddr::V6(six) => format!("[{}]", six.ip()),
    };
    Some(format!("{scheme}://{host}:{}", at.port()))
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn doors_are_knocked_at_from_here() {
        assert_eq!(url("https", "0.0.0.0:8082").as_deref(), Some("https://127.0.0.1:8082"));
        assert_eq!(url("http", "[::]:8080").as_deref(), Some("http://[::1]:8080"));
        assert_eq!(url("http", "10.1.2.3:80").as_deref(), Some("http://10.1.2.3:80"));
        assert_eq!(url("http", "nowhere"), None);
    }
}
