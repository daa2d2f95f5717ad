//! What the relay remembers of strangers: who guesses, how often, and what of it was written into the log.

mod failure;
mod notice;
mod pace;
mod table;

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use trunkline_model::DeviceId;

pub(crate) use self::failure::{Attempt, Failures};
pub use self::notice::Refusal;
use self::{
    notice::Notices,
    pace::Pace,
    table::{Record, Table},
};
use crate::{metric::Metrics, rate};

/// A source has so many times the wrong IM passwords of one account: many people sit behind one address.
const ACCOUNTS_A_SOURCE: u32 = 5;

/// What is counted of strangers, each in a table of bounded size.
#[derive(Debug)]
pub(crate) struct Strangers {
    /// Wrong access keys of each network.
    pub(crate) activations: Failures<IpAddr>,
    /// Wrong IM passwords of each network.
    passwords: Failures<IpAddr>,
    /// How fast those who show wrong tokens may show others.
    tokens: Pace<Suspect>,
    /// How fast requests come in POSTs without a session.
    posts: Mutex<Table<IpAddr, Posts>>,
    notices: Notices,
    metrics: Metrics,
}

/// Who shows a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Suspect {
    /// Somebody without a session, known by the [`network`] that he comes from.
    Network(IpAddr),
    /// Somebody with a session.
    Device(DeviceId),
}

impl Suspect {
    pub(crate) fn at(source: IpAddr) -> Self {
        Self::Network(network(source))
    }
}

impl Strangers {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            activations: Failures::default(),
            passwords: Failures::default(),
            tokens: Pace::default(),
            posts: Mutex::default(),
            notices: Notices::default(),
            metrics,
        }
    }

    /// Waits until a source may try an IM password, of which an account has `limit` wrong ones an hour; an error says
    /// for how long it may not.
    pub(crate) async fn passwords_of(
        &self,
        source: IpAddr,
        limit: u32,
    ) -> Result<Attempt<'_, IpAddr>, Duration> {
        self.passwords.begin(network(source), limit.saturating_mul(ACCOUNTS_A_SOURCE)).await
    }

    /// Forgets the wrong access keys and IM passwords of a source; false when there were none.
    pub(crate) fn forgive(&self, source: IpAddr) -> bool {
        let source = network(source);
        [&self.activations, &self.passwords].map(|failures| failures.forget(&source)).contains(&true)
    }

    /// Waits until the suspect may have another token looked up; false when that would take longer than `patience`.
    pub(crate) async fn may_show_token(&self, who: Suspect, patience: Duration) -> bool {
        match self.tokens.reserve(who, Instant::now(), patience) {
            Some(wait) => {
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
                true
            }
            None => false,
        }
    }

    /// How long a source must wait before it may POST another request without a session.
    pub(crate) fn post_wait(
        &self,
        source: IpAddr,
        pace: rate::Pace,
        now: tokio::time::Instant,
    ) -> Option<Duration> {
        self.with_posts(source, now, |rate| rate.wait(pace, now))
    }

    /// A request came in a POST without a session.
    pub(crate) fn posted(&self, source: IpAddr, pace: rate::Pace, now: tokio::time::Instant) {
        self.with_posts(source, now, |rate| rate.take(pace, now));
    }

    fn with_posts<T>(
        &self,
        source: IpAddr,
        now: tokio::time::Instant,
        work: impl FnOnce(&mut rate::Rate) -> T,
    ) -> T {
        let mut posts = self.posts.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, Posts(rate)) = posts.record(&network(source), now.into_std());
        work(rate)
    }

    /// The suspect's token was wrong.
    pub(crate) fn wrong_token(&self, who: Suspect) {
        self.tokens.fail(who, Instant::now());
    }

    /// Counts that somebody was refused, and writes it into the audit log unless the same was written a moment ago.
    /// `account` is whose it is, or is said to be.
    pub(crate) fn refused(&self, refusal: Refusal, source: Option<IpAddr>, account: &str) {
        self.metrics.refused(refusal.word());
        let Some(unlogged) = self.notices.admit(refusal, source.map(network), account, Instant::now()) else {
            return;
        };
        let (reason, account) = (refusal.word(), Some(account).filter(|account| !account.is_empty()));
        let source = source.map(|source| source.to_canonical()).map(tracing::field::display);
        tracing::warn!(target: "audit", reason, source, account, unlogged, "{}", refusal.sentence());
    }
}

/// The requests of one source.
#[derive(Debug)]
struct Posts(rate::Rate);

impl Default for Posts {
    fn default() -> Self {
        Self(rate::Rate::new(tokio::time::Instant::now()))
    }
}

impl Record for Posts {
    fn is_over(&self, now: Instant) -> bool {
        self.0.is_full(now.into())
    }
}

/// What counts as one source: an IPv4 address, or the /64 of an IPv6 address, of which anybody has 2^64.
pub(crate) fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            segments[4..].fill(0);
            IpAddr::V6(segments.into())
        }
        four => four,
    }
}
