//! The connections that accounts sign in over, one for each server.

use std::time::Duration;

use tokio::time::Instant;
use trunkline_sip::transaction::ConnectionId;

use super::{Command, Exchange, LineId};
use crate::{Connection, address::Target, connection::CloseReason, pool::DialError};

/// How long to wait when nothing says when to try again.
const PAUSE: Duration = Duration::from_secs(5);

/// What there is between the relay and a server.
pub(super) enum Link {
    Dialling,
    Up(Connection),
    /// Dialled again then.
    Down {
        until: Duration,
    },
}

impl Exchange {
    /// Sees to it that an account has a connection to its target, now or later.
    pub(super) fn want_link(&mut self, line: LineId) {
        let Some(account) = self.accounts.get(&line) else { return };
        match self.links.get(account.target()) {
            Some(Link::Up(_)) => self.work(line, |account, now, acts| account.linked(now, acts)),
            Some(Link::Dialling | Link::Down { .. }) => {}
            None => self.dial(account.target().clone()),
        }
    }

    /// The connection that an account's requests go over.
    pub(super) fn connection(&self, line: LineId) -> Option<Connection> {
        match self.links.get(self.accounts.get(&line)?.target())? {
            Link::Up(connection) => Some(connection.clone()),
            Link::Dialling | Link::Down { .. } => None,
        }
    }

    pub(super) fn dialled(&mut self, target: &Target, result: Result<Connection, DialError>) {
        match result {
            Ok(connection) if connection.is_open() => {
                self.links.insert(target.clone(), Link::Up(connection));
                for line in self.lines_at(target) {
                    self.work(line, |account, now, acts| account.linked(now, acts));
                }
            }
            Ok(_) => self.down(target, self.now() + PAUSE, "the connection to the pool ended at once"),
            Err(error) => {
                let until = error.retry_at().map_or(self.now() + PAUSE, |at| self.since_start(at));
                self.down(target, until, &format!("no connection to {}: {error}", target.name));
            }
        }
    }

    /// A connection is no more: what was under way on it ends, and its accounts sign in anew over another.
    pub(super) fn closed(&mut self, connection: &Connection, reason: &CloseReason) {
        self.connections.remove(&connection.id());
        self.heard.remove(&connection.id());
        let rest = self.rest_after(connection, reason);
        let lost = self.transactions.lost(self.now(), ConnectionId(connection.id()));
        for (id, outcome) in lost.ended {
            self.ended(id, outcome);
        }
        let is_this = |link: &Link| matches!(link, Link::Up(known) if known == connection);
        let targets: Vec<_> =
            self.links.iter().filter(|(_, link)| is_this(link)).map(|(target, _)| target.clone()).collect();
        for target in targets {
            if *reason != CloseReason::Left {
                self.lines_at(&target).iter().for_each(|line| {
                    if let Some(account) = self.accounts.get_mut(line) {
                        account.forget_rest();
                    }
                });
            }
            let words = format!("the connection to {} ended: {reason}", target.name);
            self.down(&target, self.now() + rest, &words);
        }
    }

    /// When a server is to be dialled again.
    pub(super) fn next_dial(&self) -> Option<Duration> {
        let until = |link: &Link| if let Link::Down { until } = link { Some(*until) } else { None };
        self.links.values().filter_map(until).min()
    }

    /// Dials the servers whose time has come, and forgets those that nobody wants.
    pub(super) fn redial(&mut self, now: Duration) {
        let is_due = |link: &Link| matches!(link, Link::Down { until } if *until <= now);
        let due: Vec<_> =
            self.links.iter().filter(|(_, link)| is_due(link)).map(|(target, _)| target.clone()).collect();
        for target in due {
            self.links.remove(&target);
            if self.accounts.values().any(|account| account.target() == &target) {
                self.dial(target);
            }
        }
    }

    fn down(&mut self, target: &Target, until: Duration, reason: &str) {
        self.links.insert(target.clone(), Link::Down { until });
        for line in self.lines_at(target) {
            self.work(line, |account, now, acts| account.unlinked(now, reason, acts));
        }
    }

    fn dial(&mut self, target: Target) {
        self.links.insert(target.clone(), Link::Dialling);
        let (pool, own) = (self.pool.clone(), self.own.clone());
        tokio::spawn(async move {
            let result = pool.get(&target).await;
            // Without a receiver everything has ended.
            let _ = own.send(Command::Dialled(target, result)).await;
        });
    }

    fn lines_at(&self, target: &Target) -> Vec<LineId> {
        let mut lines: Vec<_> = self
            .accounts
            .iter()
            .filter(|(_, account)| account.target() == target)
            .map(|(line, _)| *line)
            .collect();
        lines.sort_unstable();
        lines
    }

    fn since_start(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.start)
    }
}
