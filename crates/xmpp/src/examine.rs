//! The way to an XMPP server, step by step, over the same code as a line's; for `trunkline doctor`.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use secrecy::SecretString;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout},
};
use tokio_rustls::client::TlsStream;
use tokio_xmpp::{jid::BareJid, parsers::stream_features::StreamFeatures};
use trunkline_core::port::{Step, Trouble};
use x509_parser::parse_x509_certificate;

use crate::{
    connect::{Stream, begin, encrypt, reach},
    fault::LoginFault,
    login::sign_in,
    settings::{Tls, XmppSettings},
    tls::TlsSetup,
};

/// For each step.
const PATIENCE: Duration = Duration::from_secs(10);
/// A certificate that ends sooner than this is worth a word.
const SOON_DAYS: i64 = 14;
const STEPS: [&str; 6] = ["dns", "tcp", "tls", "certificate", "stream", "sign-in"];
/// Those that this program can use, the best first.
const MECHANISMS: [&str; 3] = ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"];

/// Takes every step until one fails; those behind it are named as not tried.
pub(crate) async fn examine(
    settings: &XmppSettings,
    tls: &TlsSetup,
    credential: Option<(BareJid, &SecretString)>,
) -> Vec<Step> {
    let mut walk = Walk { settings, steps: Vec::new() };
    walk.all(tls, credential).await;
    let rest: Vec<_> =
        STEPS.iter().filter(|name| walk.steps.iter().all(|step| step.name != **name)).collect();
    walk.steps.extend(rest.into_iter().map(|name| Step::not_tried(*name, "an earlier step failed")));
    walk.steps
}

struct Walk<'a> {
    settings: &'a XmppSettings,
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// `None` as soon as a step fails.
    async fn all(&mut self, tls: &TlsSetup, credential: Option<(BareJid, &SecretString)>) -> Option<()> {
        self.dns().await?;
        let tcp = self.tcp().await?;
        let encrypted = self.tls(tls, tcp).await?;
        self.certificate(&encrypted);
        let (features, stream) = self.stream(encrypted).await?;
        self.sign_in(&features, stream, credential).await;
        Some(())
    }

    async fn dns(&mut self) -> Option<()> {
        let host = self.settings.host.as_str();
        let found = limited(async { lookup_host((host, self.settings.port)).await.map_err(unknown) }).await;
        let addresses: Vec<SocketAddr> =
            match found {
                Ok(found) => found.collect(),
                Err(seen) => {
                    return self.bad("dns", Trouble {
                    expected: format!("an address for the host {host}"),
                    seen,
                    likely: "the name is mistyped in `host`, or this computer asks another name server than \
                             the rest of the company"
                        .into(),
                    attempt: format!("getent ahosts {host}"),
                });
                }
            };
        let told: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
        self.good("dns", format!("{host} is {}", told.join(", ")))
    }

    async fn tcp(&mut self) -> Option<TcpStream> {
        let XmppSettings { host, port, .. } = self.settings;
        let began = Instant::now();
        match limited(reach(self.settings)).await {
            Ok(tcp) => {
                let peer = tcp.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
                self.good("tcp", format!("{peer} answers after {} ms", began.elapsed().as_millis()))?;
                Some(tcp)
            }
            Err(seen) => self.bad(
                "tcp",
                Trouble {
                    expected: format!("a connection to {host}:{port}"),
                    seen,
                    likely: "a firewall stands between, the server does not run, or `port` is another one"
                        .into(),
                    attempt: format!("nc -vz {host} {port}"),
                },
            ),
        }
    }

    async fn tls(&mut self, tls: &TlsSetup, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        let XmppSettings { host, port, server_name, domain, .. } = self.settings;
        match limited(encrypt(self.settings, tls, tcp)).await {
            Ok(encrypted) => {
                let (_, session) = encrypted.get_ref();
                let version = session
                    .protocol_version()
                    .map_or_else(String::new, |version| format!("{version:?}").replace("TLSv1_", "TLS 1."));
                self.good("tls", format!("{version}, made out for {server_name} and trusted"))?;
                Some(encrypted)
            }
            Err(seen) => {
                let start = match self.settings.tls {
                    Tls::StartTls => format!(" -starttls xmpp -xmpphost {domain}"),
                    Tls::Direct => String::new(),
                };
                self.bad("tls", Trouble {
                    expected: format!("TLS with a certificate for {server_name} that is trusted here"),
                    seen,
                    likely: "`serverName` is not what the certificate bears, `caFile` is not the authority that \
                             signed it, or `tls` is the other way"
                        .into(),
                    attempt: format!("openssl s_client -connect {host}:{port}{start} -showcerts </dev/null"),
                })
            }
        }
    }

    /// How long the certificate still holds; it was trusted a moment ago.
    fn certificate(&mut self, encrypted: &TlsStream<TcpStream>) {
        let (_, session) = encrypted.get_ref();
        let end = session.peer_certificates().and_then(|chain| chain.first()).and_then(|certificate| {
            let (_, parsed) = parse_x509_certificate(certificate).ok()?;
            Some(parsed.validity().not_after.timestamp())
        });
        let Some(end) = end else {
            self.steps.push(Step::not_tried("certificate", "its dates cannot be read"));
            return;
        };
        let days = (end - now()) / 86_400;
        let seen = format!("it ends in {days} days");
        self.steps.push(if days < SOON_DAYS {
            Step::doubtful(
                "certificate",
                seen,
                "have the server's certificate renewed before phones are cut off",
            )
        } else {
            Step::good("certificate", seen)
        });
    }

    async fn stream(&mut self, encrypted: TlsStream<TcpStream>) -> Option<(StreamFeatures, Stream)> {
        let (features, stream) = match limited(begin(self.settings, encrypted)).await {
            Ok(begun) => begun,
            Err(seen) => {
                return self.bad(
                    "stream",
                    Trouble {
                        expected: format!("an XMPP stream for the domain {}", self.settings.domain),
                        seen,
                        likely: "the server does not serve this `domain`".into(),
                        attempt: "look into the server's own log for this connection".into(),
                    },
                );
            }
        };
        let offered: Vec<&str> = features.sasl_mechanisms.iter().map(String::as_str).collect();
        if !MECHANISMS.iter().any(|mechanism| offered.contains(mechanism)) {
            return self.bad(
                "stream",
                Trouble {
                    expected: format!("one of the sign-in mechanisms {}", MECHANISMS.join(", ")),
                    seen: format!("the server offers {}", offered.join(", ")),
                    likely: "passwords are switched off on the server".into(),
                    attempt: "allow SCRAM-SHA-256, or PLAIN over TLS, in the server's settings".into(),
                },
            );
        }
        self.good("stream", format!("the server takes {}", offered.join(", ")))?;
        Some((features, stream))
    }

    async fn sign_in(
        &mut self,
        features: &StreamFeatures,
        mut stream: Stream,
        credential: Option<(BareJid, &SecretString)>,
    ) {
        let Some((own, password)) = credential else {
            let why = "no account was named that has a password here: --as ADDRESS";
            self.steps.push(Step::not_tried("sign-in", why));
            return;
        };
        let user = own.node().map(|node| node.as_str()).unwrap_or_default();
        let signed = timeout(PATIENCE, sign_in(&mut stream, features, user, password)).await;
        // A server that does not take the goodbye notices the closed connection.
        let _ = timeout(PATIENCE, stream.shutdown()).await;
        let fault = match signed {
            Ok(Ok(())) => {
                self.steps.push(Step::good("sign-in", format!("{own} signs in")));
                return;
            }
            Ok(Err(fault)) => fault,
            Err(_) => LoginFault::Passing(silence()),
        };
        let (likely, attempt) = match &fault {
            LoginFault::Password => (
                "the password was changed on the server since the phone gave it",
                "let the person sign in on the phone again, which asks for the password",
            ),
            LoginFault::Refused(_) => {
                ("the server has locked or disabled the account", "look at the account on the server")
            }
            LoginFault::Untrusted(_) | LoginFault::Passing(_) => {
                ("the server is not well", "look into the server's own log for this account")
            }
        };
        let trouble = Trouble {
            expected: format!("{own} to be signed in with the password that the phone gave"),
            seen: seen(fault),
            likely: likely.into(),
            attempt: attempt.into(),
        };
        self.steps.push(Step::bad("sign-in", trouble));
    }

    fn good(&mut self, name: &'static str, seen: String) -> Option<()> {
        self.steps.push(Step::good(name, seen));
        Some(())
    }

    fn bad<T>(&mut self, name: &'static str, trouble: Trouble) -> Option<T> {
        self.steps.push(Step::bad(name, trouble));
        None
    }
}

/// Bounds one step in time and puts its failure into words.
async fn limited<T>(step: impl Future<Output = Result<T, LoginFault>>) -> Result<T, String> {
    match timeout(PATIENCE, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(fault)) => Err(seen(fault)),
        Err(_) => Err(silence()),
    }
}

fn silence() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

fn seen(fault: LoginFault) -> String {
    match fault {
        LoginFault::Password => "the server refused the password".into(),
        LoginFault::Refused(reason) | LoginFault::Untrusted(reason) | LoginFault::Passing(reason) => reason,
    }
}

fn unknown(error: io::Error) -> LoginFault {
    LoginFault::Passing(error.to_string())
}

/// Unix seconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
