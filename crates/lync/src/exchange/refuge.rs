//! Servers that sign nobody in, and are left for others of their pool.

use std::{collections::BTreeMap, time::Duration};

use trunkline_sip::{
    Method,
    failure::judge,
    transaction::{Outcome, Refusal},
};

use super::{Exchange, LineId, link::Link};
use crate::{Connection, address::Target, connection::CloseReason};

/// Accounts that a server turns away, and takes none in between, before it is left while others are signed in there: one
/// alone may have its own trouble.
const ENOUGH: usize = 3;
/// How long it counts that an account was turned away.
const REMEMBERED: Duration = Duration::from_secs(60);
/// What a server cannot reach the next one with: it is that one's trouble.
const NEXT_ONES: [u32; 2] = [1006, 1007];
/// How long a server is not gone back to that does not say when to.
const REST: Duration = Duration::from_secs(60);
/// The longest that an address of the pool is not gone back to.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest that nobody goes back to a server that the pool sent them to: there may be no other for them, and what one
/// account was told binds that account alone.
const LONGEST_FOR_ALL: Duration = Duration::from_secs(3 * 60);

/// Who was turned away over a connection, and when, since it took somebody in.
#[derive(Debug, Default)]
pub(super) struct Away {
    lines: BTreeMap<LineId, Duration>,
    rest: Duration,
}

impl Away {
    fn turn(&mut self, now: Duration, line: LineId, rest: Duration) {
        self.lines.retain(|_, at| *at + REMEMBERED > now);
        if self.lines.is_empty() {
            self.rest = Duration::ZERO;
        }
        self.lines.insert(line, now);
        self.rest = self.rest.max(rest.min(LONGEST));
    }
}

impl Exchange {
    /// Takes how a REGISTER ended. A server that turns more accounts away than it has, or has none, is left for another
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
        let now = self.now();
        let away = self.away.entry(connection.id()).or_default();
        away.turn(now, line, asked);
        let rest = away.rest;
        if !self.is_of_no_use(server, connection) {
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
        away.filter(|_| !is_pools).map(|away| away.rest.min(LONGEST_FOR_ALL)).unwrap_or_default()
    }

    fn is_leaving(&self, line: LineId) -> bool {
        self.accounts.get(&line).is_some_and(|account| account.is_leaving())
    }

    /// Whether a server turned more accounts away than it has, those not counted that it no longer renews.
    fn is_of_no_use(&self, server: &Target, connection: &Connection) -> bool {
        let (now, away) = (self.now(), self.away.get(&connection.id()));
        let is_away = |line: &LineId| away.is_some_and(|away| away.lines.contains_key(line));
        let there = self.accounts.iter().filter(|(_, account)| account.target() == server);
        let well = there.filter(|(line, account)| !is_away(line) && account.is_registered(now)).count();
        let count = away.map_or(0, |away| away.lines.len());
        well == 0 || (count >= ENOUGH && count > well)
    }
}

/// Whether it is the server's own trouble, which another of its pool need not have.
fn is_its_own(refusal: &Refusal) -> bool {
    let failure = judge(&Method::REGISTER, refusal.status, &refusal.response);
    let is_next_ones = failure.ids.iter().any(|id| NEXT_ONES.contains(id));
    failure.text == Some("service_unavailable") && !failure.alarm && !is_next_ones
}

#[cfg(test)]
mod tests {
    use trunkline_sip::{Request, Response, Uri, name};

    use super::*;

    #[test]
    fn a_server_that_cannot_reach_the_next_one_is_not_in_trouble_itself() {
        let uri: Uri = "sip:contoso.test".parse().unwrap();
        let request = Request::build(Method::REGISTER, uri).done();
        let refusal = |status, why: Option<u32>| {
            let response = Response::build(&request, status);
            let response = match why {
                Some(id) => response.header(name::MS_DIAGNOSTICS, format!("{id};reason=\"x\"")),
                None => response,
            };
            Refusal { status, diagnostics: Vec::new(), response: response.done() }
        };
        assert!(is_its_own(&refusal(503, None)) && is_its_own(&refusal(500, Some(4000))));
        for (status, id) in [(503, 1006), (503, 1007), (504, 1006), (504, 1007), (504, 1010)] {
            assert!(!is_its_own(&refusal(status, Some(id))), "{status} {id}");
        }
    }

    #[test]
    fn who_was_turned_away_long_ago_counts_no_more() {
        let (mut away, second) = (Away::default(), Duration::from_secs);
        away.turn(second(0), LineId(1), second(3600));
        away.turn(second(50), LineId(2), second(5));
        assert_eq!((away.lines.len(), away.rest), (2, second(3600)));
        away.turn(second(70), LineId(3), second(5));
        assert_eq!(away.lines.keys().copied().collect::<Vec<_>>(), [LineId(2), LineId(3)]);
        away.turn(second(200), LineId(3), second(5));
        assert_eq!((away.lines.len(), away.rest), (1, second(5)));
    }
}
