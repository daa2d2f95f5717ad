//! The way to a pool and back, step by step, on a connection of its own; for `trunkline doctor`.

mod ask;
mod back;
mod sign_in;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use trunkline_core::port::{Step, Trouble};
use trunkline_model::Address;
use trunkline_tls::Stream;

use self::ask::Asker;
use crate::{
    account::Place,
    address::Target,
    listener::Counts,
    settings::LyncSettings,
    tls::{Credentials, Refusal, Tls, doubts_us, is_no_tls, trouble},
};

/// For each step.
const PATIENCE: Duration = Duration::from_secs(10);
/// The steps to the pool; those back are taken in any case.
const STEPS: [&str; 5] = ["dns", "tcp", "tls", "options", "sign-in"];

/// Why a server refuses the relay's certificate.
const NOT_ACCEPTED: &str = "the Front Ends do not trust the authority that signed the relay's certificate, or that \
                            certificate has expired or is not made for a server";

/// What is looked at.
pub(crate) struct Examination<'a> {
    pub(crate) settings: &'a LyncSettings,
    pub(crate) tls: Arc<Tls>,
    pub(crate) place: Place,
    /// Where this process listens and who came, if it does.
    pub(crate) listening: Option<(SocketAddr, Counts)>,
    /// Who is to sign in.
    pub(crate) account: Option<&'a Address>,
}

impl Examination<'_> {
    /// Takes every step towards the pool until one fails, names those behind it as not tried, and then looks at the way
    /// back.
    pub(crate) async fn run(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        self.there(&mut steps).await;
        let missing: Vec<_> =
            STEPS.iter().filter(|name| steps.iter().all(|step| step.name != **name)).copied().collect();
        steps.extend(missing.into_iter().map(|name| Step::not_tried(name, "an earlier step failed")));
        steps.push(self.listener().await);
        steps.push(self.dial_back().await);
        steps
    }

    /// `None` as soon as a step fails.
    async fn there(&self, steps: &mut Vec<Step>) -> Option<()> {
        let addresses = self.dns(steps).await?;
        let tcp = self.tcp(&addresses, steps).await?;
        let stream = self.tls(tcp, steps).await?;
        let mut asker = Asker::new(stream, &self.place);
        self.options(&mut asker, steps).await?;
        match self.account {
            Some(account) => self.sign_in(&mut asker, account, steps).await?,
            None => steps.push(Step::not_tried("sign-in", "no account was named: add --as ADDRESS")),
        }
        Some(())
    }

    async fn dns(&self, steps: &mut Vec<Step>) -> Option<Vec<SocketAddr>> {
        let pool = &self.settings.pool;
        let host = pool.host();
        let found = limited(pool.look_up()).await;
        match found {
            Ok(addresses) if !addresses.is_empty() => {
                let told: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
                steps.push(Step::good("dns", format!("{host} is {}", told.join(", "))));
                Some(addresses)
            }
            other => {
                let seen = other.err().map_or_else(|| "it has none".into(), |error| error.to_string());
                steps.push(Step::bad(
                    "dns",
                    Trouble {
                        expected: format!("an address for {host}"),
                        seen,
                        likely:
                            "the name is mistyped in `pool` or `host`, or this computer asks another name \
                                 server than the Front Ends"
                                .into(),
                        attempt: format!("getent ahosts {host}"),
                    },
                ));
                None
            }
        }
    }

    async fn tcp(&self, addresses: &[SocketAddr], steps: &mut Vec<Step>) -> Option<TcpStream> {
        let began = Instant::now();
        let mut seen = String::new();
        for address in addresses {
            match limited(TcpStream::connect(address)).await {
                Ok(tcp) => {
                    let words = format!("{address} answers after {} ms", began.elapsed().as_millis());
                    steps.push(Step::good("tcp", words));
                    return Some(tcp);
                }
                Err(error) => seen = format!("{address}: {error}"),
            }
        }
        let pool = &self.settings.pool;
        steps.push(Step::bad(
            "tcp",
            Trouble {
                expected: format!("a connection to {} port {}", pool.host(), pool.port),
                seen,
                likely:
                    "a firewall stands between, the Front End service does not run, or `port` is another one"
                        .into(),
                attempt: format!("nc -vz {} {}", first(pool), pool.port),
            },
        ));
        None
    }

    async fn tls(&self, tcp: TcpStream, steps: &mut Vec<Step>) -> Option<Stream<TcpStream>> {
        let pool = &self.settings.pool;
        let own = self.tls.own_names();
        let seen = match ServerName::try_from(pool.name.clone()) {
            Ok(name) => limited(self.tls.connector().connect(name, tcp)).await,
            Err(_) => Err(io::Error::other("it is not the name of a server")),
        };
        match seen {
            Ok(stream) => {
                let (version, theirs) = (stream.version(), Credentials::of(&stream, None).names());
                let words = format!(
                    "{version}; the server shows the certificate of {theirs}; {} was expected; the relay shows {own}",
                    pool.name
                );
                steps.push(Step::good("tls", words));
                Some(stream)
            }
            Err(error) => {
                steps.push(Step::bad("tls", self.tls_trouble(&error)));
                None
            }
        }
    }

    fn tls_trouble(&self, error: &io::Error) -> Trouble {
        let pool = &self.settings.pool;
        let refusal = Refusal::of(error);
        let seen = refusal.as_ref().map_or_else(|| trouble(error), ToString::to_string);
        let likely = match refusal {
            Some(refusal) => refusal.likely().to_owned(),
            None if is_no_tls(error) => {
                format!(
                    "something else than a Front End listens there: `port` is {}, and 5061 is usual",
                    pool.port
                )
            }
            None if doubts_us(error) => NOT_ACCEPTED.to_owned(),
            None => {
                "the server does not accept the relay's certificate, or speaks nothing newer than TLS 1.1; \
                     TLS 1.2 with ECDHE and AES-GCM is needed"
                    .to_owned()
            }
        };
        Trouble {
            expected: format!("TLS with a certificate of {}, signed by an authority in caFile", pool.name),
            seen,
            likely,
            attempt: format!("openssl s_client -connect {}:{} -showcerts </dev/null", first(pool), pool.port),
        }
    }
}

/// Waits for a step's share of the time.
async fn limited<T>(step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// One of the addresses to connect to: commands take no more.
fn first(pool: &Target) -> &str {
    pool.hosts().next().unwrap_or(&pool.name)
}
