//! A few connections to the first server that can be used.

use std::{
    future::Future,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ldap3::Ldap;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use trunkline_core::port::DirectoryError;

use crate::{
    SetupError,
    connection::{Answer, Request, ask, bind, encrypt, password, reach},
    fault::Fault,
    settings::{DirectoryServer, DirectorySettings},
    trust::Trust,
};

/// Firewalls and servers forget idle connections; younger ones are used again.
const FRESH: Duration = Duration::from_secs(60);
/// How long a server is left alone after it failed: at first, and at the most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long a password that was refused is not tried again, so that it does not lock the account.
const REFUSED_PAUSE: Duration = Duration::from_secs(300);

/// The connections, and what is known of the servers.
pub(crate) struct Pool {
    settings: DirectorySettings,
    trust: Trust,
    turns: Semaphore,
    idle: Mutex<Vec<Idle>>,
    health: Mutex<Vec<Health>>,
    refused: Mutex<Option<Refused>>,
}

/// A connection that nobody uses now.
struct Idle {
    ldap: Ldap,
    server: usize,
    since: Instant,
}

/// How a server fared.
#[derive(Default, Clone)]
struct Health {
    failures: u32,
    /// Not asked before.
    until: Option<Instant>,
    last: String,
}

/// A password that was refused.
struct Refused {
    password: SecretString,
    since: Instant,
    reason: String,
}

impl Pool {
    pub(crate) fn new(settings: DirectorySettings) -> Result<Self, SetupError> {
        Ok(Self {
            trust: Trust::new(&settings)?,
            turns: Semaphore::new(settings.connections.max(1)),
            idle: Mutex::default(),
            health: Mutex::new(vec![Health::default(); settings.servers.len()]),
            refused: Mutex::default(),
            settings,
        })
    }

    pub(crate) fn settings(&self) -> &DirectorySettings {
        &self.settings
    }

    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Asks the first server that can be used. A connection whose asker gave up is closed with it.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Answer, DirectoryError> {
        let deadline = Instant::now() + self.settings.patience;
        let turn = timeout_at(deadline, self.turns.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(DirectoryError::Busy) };
        while let Some(idle) = self.take() {
            match self.ask_on(idle.ldap, idle.server, request, deadline).await {
                // It ended while it was idle: the next, or a new one.
                Err(Fault::Lost(_)) => {}
                answer => return answer.map_err(|fault| self.error(fault)),
            }
        }
        let (ldap, server) = self.connect(deadline).await.map_err(|fault| self.error(fault))?;
        self.ask_on(ldap, server, request, deadline).await.map_err(|fault| self.error(fault))
    }

    async fn ask_on(
        &self,
        mut ldap: Ldap,
        server: usize,
        request: &Request,
        deadline: Instant,
    ) -> Result<Answer, Fault> {
        let answer = timeout_at(deadline, ask(&mut ldap, request)).await;
        match answer.unwrap_or_else(|_| Err(Fault::Server(SILENCE.into()))) {
            Ok(answer) => {
                self.idle().push(Idle { ldap, server, since: Instant::now() });
                Ok(answer)
            }
            Err(fault @ Fault::Server(_)) => {
                self.failed(server, fault.words());
                Err(fault)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The connection that was used last, when it still lives.
    fn take(&self) -> Option<Idle> {
        let mut idle = self.idle();
        idle.retain_mut(|one| one.since.elapsed() < FRESH && !one.ldap.is_closed());
        idle.pop()
    }

    /// Signs in to the first server that lets the relay in.
    async fn connect(&self, deadline: Instant) -> Result<(Ldap, usize), Fault> {
        let password = self.password().await?;
        let mut reasons = Vec::new();
        let all = self.settings.servers.len();
        for (at, server) in self.settings.servers.iter().enumerate() {
            let reason = match self.pausing(at) {
                Some(reason) => reason,
                None => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    // A server that is silent leaves time for those behind it.
                    let share = u32::try_from(all - at).unwrap_or(1) + u32::from(all - at == 1);
                    match self.sign_in(server, &password, Instant::now() + left / share).await {
                        Ok(ldap) => {
                            self.health()[at] = Health::default();
                            return Ok((ldap, at));
                        }
                        Err(Fault::SignIn(reason)) => return Err(self.refuse(password, reason)),
                        Err(fault) => {
                            self.failed(at, fault.words());
                            fault.words().to_owned()
                        }
                    }
                }
            };
            reasons.push(format!("{server}: {reason}"));
        }
        Err(Fault::Server(reasons.join("; ")))
    }

    async fn sign_in(
        &self,
        server: &DirectoryServer,
        password: &SecretString,
        deadline: Instant,
    ) -> Result<Ldap, Fault> {
        let signing = async {
            let tcp = reach(server).await?;
            let mut ldap = encrypt(server, self.trust.config(), tcp).await?;
            bind(&mut ldap, &self.settings.bind_dn, password).await?;
            Ok(ldap)
        };
        within(deadline, signing).await
    }

    /// The password, unless it was refused a short while ago.
    async fn password(&self) -> Result<SecretString, Fault> {
        let password = password(&self.settings.password_file).await?;
        let refused = self.refused();
        match refused.as_ref() {
            Some(refused)
                if refused.since.elapsed() < REFUSED_PAUSE
                    && refused.password.expose_secret() == password.expose_secret() =>
            {
                Err(Fault::SignIn(refused.reason.clone()))
            }
            _ => Ok(password),
        }
    }

    fn refuse(&self, password: SecretString, reason: String) -> Fault {
        *self.refused() = Some(Refused { password, since: Instant::now(), reason: reason.clone() });
        Fault::SignIn(reason)
    }

    /// Why a server is not to be asked now.
    fn pausing(&self, server: usize) -> Option<String> {
        let health = self.health();
        let health = &health[server];
        health.until.filter(|until| Instant::now() < *until).map(|_| health.last.clone())
    }

    fn failed(&self, server: usize, reason: &str) {
        let mut health = self.health();
        let health = &mut health[server];
        let pause = FIRST_PAUSE.saturating_mul(1 << health.failures.min(10)).min(LONGEST_PAUSE);
        health.failures += 1;
        health.until = Some(Instant::now() + pause + jitter(pause));
        health.last = reason.to_owned();
    }

    fn error(&self, fault: Fault) -> DirectoryError {
        match fault {
            Fault::Server(words) if words == SILENCE => DirectoryError::Late(self.settings.patience),
            Fault::Server(words) | Fault::Lost(words) => DirectoryError::Unreachable(words),
            Fault::SignIn(words) => DirectoryError::SignInRefused(words),
            Fault::Refused(words) => DirectoryError::Refused(words),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, Vec<Health>> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refused(&self) -> MutexGuard<'_, Option<Refused>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SILENCE: &str = "no answer in time";

/// Bounds a step in time.
pub(crate) async fn within<T>(
    deadline: Instant,
    step: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    timeout_at(deadline, step).await.unwrap_or_else(|_| Err(Fault::Server(SILENCE.into())))
}

/// Up to a quarter more, so that relays do not come back all at once.
fn jitter(pause: Duration) -> Duration {
    let quarter = u64::try_from(pause.as_millis() / 4).unwrap_or(0).max(1);
    Duration::from_millis(RandomState::new().build_hasher().finish() % quarter)
}
