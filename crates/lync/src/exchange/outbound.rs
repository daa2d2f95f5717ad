//! What goes out, and how it ends.

use std::time::Duration;

use tracing::debug;
use trunkline_sip::{
    Method, Request, Response,
    transaction::{
        CancelStep, ClientId, ConnectionId, Expired, HOP, NotSent, Outcome, Patience, Reply, ServerId,
        Unknown, Way,
    },
};

use super::{Exchange, LineId, Owner};
use crate::{
    Connection,
    account::Purpose,
    address::Target,
    chat::SendId,
    connection::{CloseReason, SendError},
    random,
};

impl Exchange {
    /// Sends an account's request over its connection. What cannot be written was not sent.
    pub(super) fn send(&mut self, line: LineId, purpose: Purpose, mut request: Request, patience: Patience) {
        self.hop.stamp(&mut request, random());
        let written = self.connection(line).ok_or(NotSent::ConnectionLost).and_then(|connection| {
            // Before the first byte, since there is no way back after it.
            if !self.transactions.make_room(&request) {
                return Err(NotSent::TooLate);
            }
            connection.try_ask(request.to_bytes()).map_err(|error| match error {
                SendError::Closed => NotSent::ConnectionLost,
                SendError::Full | SendError::TooLarge => NotSent::TooLate,
            })?;
            Ok(connection)
        });
        let connection = match written {
            Ok(connection) => connection,
            Err(reason) => return self.stillborn.push_back((line, purpose, Outcome::NotSent(reason))),
        };
        let (now, is_invite) = (self.now(), *request.method() == Method::INVITE);
        match self.transactions.send(now, ConnectionId(connection.id()), request, patience) {
            Ok(id) => {
                // It has only just begun, so nothing can have ended it.
                let _ = self.transactions.submit(now, id);
                if let (Purpose::Chat(call), true) = (purpose, is_invite) {
                    self.calls.insert((line, call), id);
                }
                let server = self.server_asked(line, purpose);
                server.iter().for_each(|server| self.turns.asked(server));
                self.owners.insert(id, Owner { line, purpose, connection, server, is_heard: false });
            }
            Err(error) => {
                debug!(%error, "a request whose end nobody will hear");
                self.stillborn.push_back((line, purpose, Outcome::Unknown(Unknown::NoAnswer)));
            }
        }
    }

    /// The server that an account asks to sign it in.
    fn server_asked(&self, line: LineId, purpose: Purpose) -> Option<Target> {
        let account = self.accounts.get(&line).filter(|_| purpose == Purpose::Register)?;
        Some(account.target().clone())
    }

    /// Writes what is never answered.
    pub(super) fn write(&self, line: LineId, mut request: Request) {
        self.hop.stamp(&mut request, random());
        if let Some(connection) = self.connection(line) {
            connection.say(request.to_bytes());
        }
    }

    /// Gives an INVITE up.
    pub(super) fn cancel(&mut self, line: LineId, call: SendId) {
        let Some(id) = self.calls.get(&(line, call)).copied() else { return };
        match self.transactions.cancel(self.now(), id) {
            CancelStep::Write(cancel) => {
                if let Some(owner) = self.owners.get(&id) {
                    owner.connection.say(cancel.to_bytes());
                }
            }
            CancelStep::Withdrawn => self.ended(id, Outcome::NotSent(NotSent::Withdrawn)),
            CancelStep::Later | CancelStep::TooLate => {}
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
            Some(connection) => connection.say(reply.response.to_bytes()),
            None => debug!("an answer has no way back to who asked"),
        }
    }

    /// Tells the account whose request it was.
    pub(super) fn ended(&mut self, id: ClientId, outcome: Outcome) {
        let Some(owner) = self.owners.remove(&id) else { return };
        let Owner { line, purpose, connection, server, is_heard } = owner;
        // The next hop answers an INVITE whatever the peer does; a MESSAGE or a BYE is answered by the peer alone.
        let mut is_answered_by_hop = true;
        if let Purpose::Chat(call) = purpose {
            let is_invite = self.calls.remove(&(line, call)).is_some();
            is_answered_by_hop = is_invite && !is_heard;
            if is_invite {
                self.remember(id, line, call);
            }
        }
        if is_answered_by_hop {
            self.give_up_silence(&connection, &outcome);
        }
        if let Some(server) = server {
            self.turns.answered(&server);
            self.seek_refuge(line, &server, &connection, &outcome);
        }
        self.work(line, |account, now, acts| account.ended(now, purpose, outcome, acts));
    }

    /// Keeps whose an INVITE was while answers may still come.
    fn remember(&mut self, id: ClientId, line: LineId, call: SendId) {
        let now = self.now();
        while self.past.front().is_some_and(|(at, ..)| *at + HOP < now) {
            self.past.pop_front();
        }
        self.past.push_back((now, id, line, call));
    }

    /// A 2xx to an INVITE that had ended.
    pub(super) fn late(&mut self, id: ClientId, response: Response) {
        let call = self.past.iter().rev().find(|(_, past, ..)| *past == id);
        if let Some((_, _, line, call)) = call.copied() {
            self.work(line, |account, now, acts| account.late(now, call, response, acts));
        }
    }

    pub(super) fn expire_transactions(&mut self, now: Duration) {
        for expired in self.transactions.expire(now) {
            match expired {
                Expired::Ended { id, outcome } => self.ended(id, outcome),
                Expired::Cancelled { connection, cancel, .. } => {
                    if let Some(connection) = self.connections.get(&connection.0) {
                        connection.say(cancel.to_bytes());
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
    fn give_up_silence(&self, connection: &Connection, outcome: &Outcome) {
        let Outcome::Unknown(Unknown::NoAnswer) = outcome else { return };
        let heard = self.heard.get(&connection.id()).copied().unwrap_or_default();
        if self.now().saturating_sub(heard) >= super::SILENCE {
            connection.close_for(CloseReason::Mute);
        }
    }
}
