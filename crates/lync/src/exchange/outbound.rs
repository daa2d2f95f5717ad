//! What goes out, and how it ends.

use std::time::Duration;

use bytes::Bytes;
use tracing::debug;
use trunkline_sip::{
    Request, Response,
    transaction::{
        Capacity, ClientId, ConnectionId, Expired, NotSent, Outcome, Patience, Reply, ServerId, Unknown, Way,
    },
};

use super::{Exchange, LineId};
use crate::{Connection, account::Purpose, connection::SendError, random};

impl Exchange {
    /// Sends an account's request over its connection. What cannot be written was not sent.
    pub(super) fn send(&mut self, line: LineId, purpose: Purpose, mut request: Request, patience: Patience) {
        self.hop.stamp(&mut request, random());
        let written = self.connection(line).ok_or(NotSent::ConnectionLost).and_then(|connection| {
            // Before the first byte, since there is no way back after it.
            if self.transactions.len().0 >= Capacity::default().client {
                return Err(NotSent::TooLate);
            }
            connection.try_send(request.to_bytes()).map_err(|error| match error {
                SendError::Closed => NotSent::ConnectionLost,
                SendError::Full | SendError::TooLarge => NotSent::TooLate,
            })?;
            Ok(connection)
        });
        let begun = written.map(|connection| {
            let now = self.now();
            let id = self.transactions.send(now, ConnectionId(connection.id()), request, patience);
            id.inspect(|id| self.transactions.submitted(now, *id))
        });
        match begun {
            Ok(Ok(id)) => {
                self.owners.insert(id, (line, purpose));
            }
            Ok(Err(error)) => {
                debug!(%error, "a request whose end nobody will hear");
                self.stillborn.push_back((line, purpose, Outcome::Unknown(Unknown::NoAnswer)));
            }
            Err(reason) => self.stillborn.push_back((line, purpose, Outcome::NotSent(reason))),
        }
    }

    /// Answers a peer's request, if it still waits.
    pub(super) fn answer(&mut self, id: ServerId, response: Response) {
        if let Ok(reply) = self.transactions.respond(self.now(), id, response) {
            self.reply(&reply);
        }
    }

    pub(super) fn reply(&self, reply: &Reply) {
        let connection = match &reply.way {
            Way::Connection(id) => self.connections.get(&id.0).cloned(),
            Way::Host { host, .. } => self.pool.find(host),
        };
        match connection {
            Some(connection) => write(&connection, reply.response.to_bytes()),
            None => debug!("an answer has no way back to who asked"),
        }
    }

    /// Tells the account whose request it was.
    pub(super) fn ended(&mut self, id: ClientId, outcome: &Outcome) {
        if let Some((line, purpose)) = self.owners.remove(&id) {
            self.give_up_silence(line, outcome);
            self.work(line, |account, now, acts| account.ended(now, purpose, outcome, acts));
        }
    }

    pub(super) fn expire_transactions(&mut self, now: Duration) {
        for expired in self.transactions.expire(now) {
            match expired {
                Expired::Ended { id, outcome } => self.ended(id, &outcome),
                Expired::Cancelled { connection, cancel, .. } => {
                    if let Some(connection) = self.connections.get(&connection.0) {
                        write(connection, cancel.to_bytes());
                    }
                }
                Expired::Unheard(unheard) => {
                    unheard.reply.iter().for_each(|reply| self.reply(reply));
                }
            }
        }
    }

    /// A server that said nothing at all while a request waited in vain hangs: another connection may lead to one that
    /// does not.
    fn give_up_silence(&self, line: LineId, outcome: &Outcome) {
        let Outcome::Unknown(Unknown::NoAnswer) = outcome else { return };
        let Some(connection) = self.connection(line) else { return };
        let heard = self.heard.get(&connection.id()).copied().unwrap_or_default();
        if self.now().saturating_sub(heard) >= super::SILENCE {
            debug!(connection = connection.id(), "closed, because the server says nothing");
            connection.close();
        }
    }
}

/// Writes what is not waited for. A peer that takes nothing is cut off by the connection itself.
pub(super) fn write(connection: &Connection, bytes: Bytes) {
    if let Err(error) = connection.try_send(bytes) {
        debug!(connection = connection.id(), %error, "not written");
    }
}
