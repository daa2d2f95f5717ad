//! Servers that sign nobody in, and are left for others of their pool.

use std::{collections::BTreeSet, time::Duration};

use trunkline_sip::{
    Method,
    failure::judge,
    transaction::{Outcome, Refusal},
};

use super::{Exchange, LineId, link::Link};
use crate::{Connection, address::Target, connection::CloseReason};

/// Accounts that a server turns away, and takes none in between, before it is left: one alone may have its own trouble.
const ENOUGH: usize = 3;
/// How long a server is not gone back to that does not say when to.
const REST: Duration = Duration::from_secs(60);
/// The longest that a server is not gone back to.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Who was turned away over a connection since it took somebody in.
#[derive(Debug, Default)]
pub(super) struct Away {
    lines: BTreeSet<LineId>,
    rest: Duration,
}

impl Exchange {
    /// Takes how a REGISTER ended. A server that turns several accounts away, or all, or has none, is left for another
    /// address of its name, if there is one, or for the pool that redirected to it; what it asked to wait for holds for its
    /// own address.
    pub(super) fn seek_refuge(
        &mut self,
        line: LineId,
        server: &Target,
        connection: &Connection,
        outcome: &Outcome,
    ) {
        let refusal = match outcome {
            // Signing out works to the last.
            Outcome::Accepted(_) if self.is_leaving(line) => return,
            Outcome::Accepted(_) => return drop(self.away.remove(&connection.id())),
            Outcome::Refused(refusal) if is_its_own(refusal) => refusal,
            _ => return,
        };
        let asked = refusal.response.retry_after().ok().flatten();
        let asked = asked.map_or(REST, |after| Duration::from_secs(after.seconds.into()));
        let away = self.away.entry(connection.id()).or_default();
        if away.lines.len() < ENOUGH {
            away.lines.insert(line);
        }
        away.rest = away.rest.max(asked.min(LONGEST));
        let (count, rest) = (away.lines.len(), away.rest);
        if !self.is_of_no_use(server, count) {
            return;
        }
        if *server == self.place.pool {
            self.pool.leave(server, connection, rest);
        } else {
            // It was the pool that sent them there, and it may know better by now.
            connection.close_for(CloseReason::Left);
        }
    }

    /// How long a server is not dialled again whose connection ended: another address of the pool's may be at once.
    pub(super) fn rest_after(&mut self, connection: &Connection, reason: &CloseReason) -> Duration {
        let away = self.away.remove(&connection.id()).filter(|_| *reason == CloseReason::Left);
        let is_pools =
            matches!(self.links.get(&self.place.pool), Some(Link::Up(known)) if known == connection);
        away.filter(|_| !is_pools).map(|away| away.rest).unwrap_or_default()
    }

    fn is_leaving(&self, line: LineId) -> bool {
        self.accounts.get(&line).is_some_and(|account| account.is_leaving())
    }

    /// Whether a server is that turned so many accounts away.
    fn is_of_no_use(&self, server: &Target, count: usize) -> bool {
        let there = || self.accounts.values().filter(|account| account.target() == server);
        let now = self.now();
        count >= there().take(ENOUGH).count() || !there().any(|account| account.is_registered(now))
    }
}

/// Whether it is the server's own trouble, which another of its pool need not have.
fn is_its_own(refusal: &Refusal) -> bool {
    let failure = judge(&Method::REGISTER, refusal.status, &refusal.response);
    failure.text == Some("service_unavailable") && !failure.alarm
}
