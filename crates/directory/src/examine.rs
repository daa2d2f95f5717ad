//! The way to a directory, step by step, over the same code as a search's; for `trunkline doctor`.

use std::time::Duration;

use ldap3::Ldap;
use tokio::{
    net::{TcpStream, lookup_host},
    time::Instant,
};
use trunkline_core::port::{Step, Trouble};

use crate::{
    connection::{Request, ask, bind, encrypt, password, reach},
    entry::Reader,
    fault::Fault,
    filter::anybody,
    pool::{Pool, within},
    settings::{DirectoryServer, Encryption},
};

/// For each step.
const PATIENCE: Duration = Duration::from_secs(10);
const STEPS: [&str; 5] = ["dns", "tcp", "tls", "bind", "search"];
/// So many entries are looked at for one that is a person.
const LOOKED_AT: usize = 20;

/// Takes every step at every server until one fails there; those behind it are named as not tried.
pub(crate) async fn examine(pool: &Pool) -> Vec<Step> {
    let servers = &pool.settings().servers;
    let mut steps = Vec::new();
    for server in servers {
        let mut walk = Walk { pool, server, several: servers.len() > 1, steps: Vec::new() };
        walk.all().await;
        let rest = STEPS.iter().skip(walk.steps.len());
        let rest: Vec<_> =
            rest.map(|name| Step::not_tried(walk.name(name), "an earlier step failed")).collect();
        steps.extend(walk.steps.into_iter().chain(rest));
    }
    steps
}

struct Walk<'a> {
    pool: &'a Pool,
    server: &'a DirectoryServer,
    several: bool,
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// `None` as soon as a step fails.
    async fn all(&mut self) -> Option<()> {
        self.dns().await?;
        let tcp = self.tcp().await?;
        let mut ldap = self.tls(tcp).await?;
        self.bind(&mut ldap).await?;
        self.search(&mut ldap).await
    }

    async fn dns(&mut self) -> Option<()> {
        let host = &self.server.host;
        let lookup = async {
            let found = lookup_host((host.as_str(), self.server.port)).await;
            found.map(Iterator::collect).map_err(|error| Fault::Server(error.to_string()))
        };
        let addresses: Vec<_> = match limited(lookup).await {
            Ok(addresses) => addresses,
            Err(fault) => {
                return self.bad("dns", Trouble {
                    expected: format!("an address for the host {host}"),
                    seen: fault.words().to_owned(),
                    likely: "the name is mistyped in `url`, or this computer asks another name server than the domain's"
                        .into(),
                    attempt: format!("getent ahosts {host}"),
                });
            }
        };
        let told: Vec<String> =
            addresses.iter().map(|address: &std::net::SocketAddr| address.ip().to_string()).collect();
        self.good("dns", format!("{host} is {}", told.join(", ")))
    }

    async fn tcp(&mut self) -> Option<TcpStream> {
        let DirectoryServer { host, port, .. } = self.server;
        let began = Instant::now();
        match limited(reach(self.server)).await {
            Ok(tcp) => {
                let peer = tcp.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
                self.good("tcp", format!("{peer} answers after {} ms", began.elapsed().as_millis()))?;
                Some(tcp)
            }
            Err(fault) => self.bad("tcp", Trouble {
                expected: format!("a connection to {host}:{port}"),
                seen: fault.words().to_owned(),
                likely: "a firewall stands between, the server does not run, or the port in `url` is another one"
                    .into(),
                attempt: format!("nc -vz {host} {port}"),
            }),
        }
    }

    async fn tls(&mut self, tcp: TcpStream) -> Option<Ldap> {
        let DirectoryServer { host, port, encryption } = self.server;
        match limited(encrypt(self.server, self.pool.trust().config(), tcp)).await {
            Ok(ldap) => {
                let step = match encryption {
                    Encryption::Plain => Step::doubtful(
                        self.name("tls"),
                        "none: the password and people's data go over the wire as they are",
                        "write ldaps:// in `url`, or take `tls=\"none\"` away",
                    ),
                    _ => Step::good(
                        self.name("tls"),
                        format!("the certificate is made out for {host} and trusted"),
                    ),
                };
                self.steps.push(step);
                Some(ldap)
            }
            Err(fault) => {
                let start = if *encryption == Encryption::StartTls { " -starttls ldap" } else { "" };
                self.bad("tls", Trouble {
                    expected: format!("TLS with a certificate for {host} that is trusted here"),
                    seen: fault.words().to_owned(),
                    likely: "`url` does not name the server as its certificate does, or `caFile` is not the authority that signed it"
                        .into(),
                    attempt: format!("openssl s_client -connect {host}:{port}{start} -showcerts </dev/null"),
                })
            }
        }
    }

    async fn bind(&mut self, ldap: &mut Ldap) -> Option<()> {
        let settings = self.pool.settings();
        let signing = async {
            let password = password(&settings.password_file).await?;
            bind(ldap, &settings.bind_dn, &password).await
        };
        match limited(signing).await {
            Ok(()) => self.good("bind", format!("{} signs in", settings.bind_dn)),
            Err(fault) => self.bad(
                "bind",
                Trouble {
                    expected: format!(
                        "{} to be signed in with the password in `passwordFile`",
                        settings.bind_dn
                    ),
                    seen: fault.words().to_owned(),
                    likely: "the password was changed in the directory, or `bindDn` is mistyped".into(),
                    attempt: format!(
                        "ldapwhoami -x -H {}{} -D '{}' -y {}",
                        self.server,
                        if self.server.encryption == Encryption::StartTls { " -ZZ" } else { "" },
                        settings.bind_dn,
                        settings.password_file.display()
                    ),
                },
            ),
        }
    }

    async fn search(&mut self, ldap: &mut Ldap) -> Option<()> {
        let settings = self.pool.settings();
        let filter = anybody(settings);
        let request = Request::new(settings, &filter, LOOKED_AT, false);
        let began = Instant::now();
        let found = limited(ask(ldap, &request)).await;
        let seen = match found {
            Ok(answer) => {
                let reader = Reader::new(settings);
                if answer.entries.iter().any(|entry| reader.contact(entry).is_some()) {
                    let millis = began.elapsed().as_millis();
                    return self
                        .good("search", format!("a person with an address is found after {millis} ms"));
                }
                format!("{} entries, none of them a person with an address", answer.entries.len())
            }
            Err(fault) => fault.words().to_owned(),
        };
        self.bad("search", Trouble {
            expected: format!("at least one person with an address below {}", settings.base),
            seen,
            likely: "`base` is not where the people are, `filter` leaves them out, or `bindDn` may not see them".into(),
            attempt: format!(
                "ldapsearch -x -H {}{} -D '{}' -y {} -b '{}' -z 5 '{filter}'",
                self.server,
                if self.server.encryption == Encryption::StartTls { " -ZZ" } else { "" },
                settings.bind_dn,
                settings.password_file.display(),
                settings.base,
            ),
        })
    }

    fn name(&self, step: &'static str) -> String {
        if self.several { format!("{step} {}", self.server.host) } else { step.to_owned() }
    }

    fn good(&mut self, name: &'static str, seen: String) -> Option<()> {
        self.steps.push(Step::good(self.name(name), seen));
        Some(())
    }

    fn bad<T>(&mut self, name: &'static str, trouble: Trouble) -> Option<T> {
        self.steps.push(Step::bad(self.name(name), trouble));
        None
    }
}

async fn limited<T>(step: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    within(Instant::now() + PATIENCE, step).await
}
