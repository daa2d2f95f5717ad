//! Servers that sign nobody in, and are left for others of their pool.

use std::{collections::BTreeSet, time::Duration};

use trunkline_sip::transaction::Outcome;

use super::{Exchange, LineId};
use crate::{Connection, address::Target};

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
    /// Takes how a REGISTER ended. Where several accounts are turned away, or all that there are, everybody goes to another
    /// address of the server's name, if it has one; what the first one asked to wait for is kept.
    pub(super) fn seek_refuge(
        &mut self,
        line: LineId,
        server: &Target,
        connection: &Connection,
        outcome: &Outcome,
    ) {
        let refusal = match outcome {
            // Signing out works to the last.
            Outcome::Accepted(_) if self.accounts.get(&line).is_some_and(|account| account.is_leaving()) => {
                return;
            }
            Outcome::Accepted(_) => return drop(self.away.remove(&connection.id())),
            Outcome::Refused(refusal) if matches!(refusal.status, 503 | 504) => refusal,
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
        let all = self.accounts.values().filter(|account| account.target() == server).take(ENOUGH).count();
        if count >= all && self.pool.leave(server, connection, rest) {
            self.away.remove(&connection.id());
        }
    }
}
