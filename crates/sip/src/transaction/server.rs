use std::time::Duration;

use crate::message::{Request, Response};
use crate::method::Method;

use super::client::Expired;
use super::key::Key;
use super::{ConnectionId, HOP, ServerId, Transactions};

/// How long a peer's INVITE may stay without a final answer of ours.
const INVITE_LIMIT: Duration = Duration::from_secs(180);
/// How long any other request may: nobody waits for longer.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);

/// What a request from a peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A new request: answer it by [`Transactions::respond`].
    Request {
        /// Which.
        id: ServerId,
        /// The request.
        request: Request,
    },
    /// One that is never answered: BENOTIFY, or an ACK that is not for a refusal.
    Unanswered(Request),
    /// A CANCEL: write `reply`. If `invite` is there it has no final answer yet: answer it with 487.
    Cancel {
        /// The INVITE that the peer gave up, if there still is something to give up.
        invite: Option<ServerId>,
        /// The CANCEL, whose Reason may say who answered instead.
        request: Request,
        /// To be written.
        reply: Response,
    },
    /// To be written, and that is all: a repeated request, or one that cannot be taken.
    Reply(Response),
    /// Nothing to do.
    Absorbed,
}

/// Where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over the connection that the request came over.
    Connection(ConnectionId),
    /// That one is no more: over another one to the host in the topmost Via (RFC 3261 section 18.2.2), if that is one
    /// of a trusted server.
    Host {
        /// Host, IPv6 in brackets.
        host: String,
        /// Port, 5061 if there is none.
        port: u16,
    },
}

/// An answer and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Where.
    pub way: Way,
    /// What.
    pub response: Response,
}

/// Why an answer does not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RespondError {
    /// The request was answered finally, or waited for too long, or never was.
    #[error("the request has its final answer, or its time is over: drop this answer")]
    Over,
}

/// A request that was not answered in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unheard {
    /// Which.
    pub id: ServerId,
    /// A 480 if it is an INVITE; for others it is too late to say anything (RFC 4320).
    pub reply: Option<Reply>,
}

/// One request of a peer's.
#[derive(Debug)]
pub(super) struct Server {
    request: Request,
    connection: ConnectionId,
    state: State,
    stranded: bool,
}

#[derive(Debug)]
enum State {
    /// The last provisional answer, if there was one.
    Open(Option<Response>),
    /// The final answer.
    Answered(Response),
    /// An INVITE whose refusal was acknowledged.
    Confirmed,
}

impl Server {
    fn is_invite(&self) -> bool {
        *self.request.method() == Method::INVITE
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn last(&self) -> Option<&Response> {
        match &self.state {
            State::Open(last) => last.as_ref(),
            State::Answered(response) => Some(response),
            State::Confirmed => None,
        }
    }
}

impl Transactions {
    /// Takes a request that came over a connection and passed [`crate::check()`].
    pub fn request(&mut self, now: Duration, connection: ConnectionId, request: Request) -> Incoming {
        let Ok(key) = Key::server(connection, &request) else {
            return if request.method().is_unanswered() {
                Incoming::Absorbed
            } else {
                Incoming::Reply(self.bare(&request, 400))
            };
        };
        match request.method() {
            method if *method == Method::ACK => self.acknowledge(key, request),
            method if *method == Method::BENOTIFY => Incoming::Unanswered(request),
            method if *method == Method::CANCEL => self.cancelled(key, request),
            _ => self.arrived(now, connection, key, request),
        }
    }

    /// Answers a request: provisionally as often as one likes, finally once.
    pub fn respond(
        &mut self,
        now: Duration,
        id: ServerId,
        response: Response,
    ) -> Result<Reply, RespondError> {
        let lives_on = self.servers.key(id.0).is_some_and(|key| key.connection.is_none());
        let server = self.servers.get_mut(id.0).filter(|server| server.is_open());
        let server = server.ok_or(RespondError::Over)?;
        let way = way(server);
        if response.is_provisional() {
            server.state = State::Open(Some(response.clone()));
            return Ok(Reply { way, response });
        }
        server.state = State::Answered(response.clone());
        server.request.drop_body();
        let weight = server.request.weight() + response.weight();
        if server.stranded && !lives_on {
            self.servers.remove(id.0);
        } else {
            self.servers.weigh(id.0, weight);
            self.servers.over_until(id.0, now.saturating_add(HOP));
        }
        Ok(Reply { way, response })
    }

    fn arrived(&mut self, now: Duration, connection: ConnectionId, key: Key, request: Request) -> Incoming {
        if let Some(known) = self.servers.find(&key).and_then(|id| self.servers.get_mut(id)) {
            if known.stranded {
                (known.connection, known.stranded) = (connection, false);
            }
            return known.last().cloned().map_or(Incoming::Absorbed, Incoming::Reply);
        }
        let weight = request.weight();
        while self.servers.len() >= self.capacity.server
            || !self.servers.has_room(weight, self.capacity.server_bytes)
        {
            // The one that was answered first goes first.
            if !self.servers.forget_one() {
                return Incoming::Reply(self.bare(&request, 503));
            }
        }
        let limit = if *request.method() == Method::INVITE { INVITE_LIMIT } else { REQUEST_LIMIT };
        let state = State::Open(None);
        let server = Server { request: request.clone(), connection, state, stranded: false };
        let id = self.servers.insert(key, now.saturating_add(limit), server, weight);
        Incoming::Request { id: ServerId(id), request }
    }

    fn acknowledge(&mut self, key: Key, request: Request) -> Incoming {
        let key = key.of_invite();
        let exact = self.servers.find(&key);
        let id = exact.or_else(|| self.servers.find(&key.without_to_tag()?));
        let Some(server) = id.and_then(|id| self.servers.get_mut(id)) else {
            return Incoming::Unanswered(request);
        };
        match &server.state {
            State::Answered(response) if !response.is_success() => {
                server.state = State::Confirmed;
                Incoming::Absorbed
            }
            State::Answered(_) => Incoming::Unanswered(request),
            State::Open(_) | State::Confirmed => Incoming::Absorbed,
        }
    }

    fn cancelled(&mut self, key: Key, request: Request) -> Incoming {
        let key = key.of_invite();
        let exact = self.servers.find(&key);
        // The peer gives up over another connection when that of the INVITE is no more. A branch was found everywhere.
        let elsewhere = || self.servers.find_by(|other, server| server.stranded && key.is_elsewhere(other));
        let id = exact.or_else(|| key.connection.and_then(|_| elsewhere()));
        let Some((id, server)) = id.and_then(|id| Some((id, self.servers.get(id)?))) else {
            return Incoming::Reply(self.bare(&request, 481));
        };
        let tag = server.last().and_then(|last| Some(last.to().ok()?.tag()?.to_owned()));
        let invite = (server.is_open() && server.is_invite()).then_some(ServerId(id));
        let tag = tag.unwrap_or_else(|| self.tag());
        let reply = Response::build(&request, 200).to_tag(&tag).done();
        Incoming::Cancel { invite, request, reply }
    }

    pub(super) fn expire_servers(&mut self, now: Duration) -> Vec<Expired> {
        let due = self.servers.due(now);
        due.into_iter().filter_map(|id| self.expire_server(id)).map(Expired::Unheard).collect()
    }

    fn expire_server(&mut self, id: u64) -> Option<Unheard> {
        let server = self.servers.remove(id).filter(Server::is_open)?;
        let way = way(&server);
        let reply = server.is_invite().then(|| Reply { way, response: self.bare(&server.request, 480) });
        Some(Unheard { id: ServerId(id), reply })
    }

    pub(super) fn lose_servers(&mut self, connection: ConnectionId) -> Vec<ServerId> {
        let all = self.servers.all(|_, server| server.connection == connection);
        let strand = |id| {
            // A request that a branch names may be repeated over another connection.
            let lives_on = self.servers.key(id)?.connection.is_none();
            let server = self.servers.get_mut(id)?;
            server.stranded = true;
            let is_open = server.is_open();
            if !is_open && !lives_on {
                self.servers.remove(id);
            }
            is_open.then_some(ServerId(id))
        };
        all.into_iter().filter_map(strand).collect()
    }
}

fn way(server: &Server) -> Way {
    match server.request.via() {
        Ok(via) if server.stranded => Way::Host { host: via.host, port: via.port.unwrap_or(5061) },
        _ => Way::Connection(server.connection),
    }
}
