//! Transactions (RFC 3261 section 17, RFC 6026) over connections that lose nothing while they last: a request and its
//! answers.
//!
//! [`Transactions`] holds those of all connections. It never sends: what is to be written it returns, and what it
//! needs of time it is told as `now`, the time since a start that its user chose and keeps. Requests of our own get a
//! branch by [`Hop::stamp`] before [`Transactions::send`]; ACK (to a 2xx) and BENOTIFY are written without one.

mod client;
mod key;
mod outcome;
mod server;
mod table;

use std::time::Duration;

use crate::header::{Header, name};
use crate::message::{Request, Response};

pub use client::{Answer, CancelStep, Expired, Patience, SendError};
pub use outcome::{Delivery, NotSent, Outcome, Refusal, Unknown};
pub use server::{Incoming, Reply, RespondError, Unheard, Way};

use client::Client;
use server::Server;
use table::Table;

/// 64 times T1 (RFC 3261 section 17.1.1.2): how long a hop has for an answer, and how long late messages are expected.
pub const HOP: Duration = Duration::from_secs(32);

/// Which connection, by a number that its user gave it and gives no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Which request of ours, unique in a [`Transactions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub(crate) u64);

/// Which request of a peer's, unique in a [`Transactions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub(crate) u64);

/// What our Via says: the transport as written there (`TLS`) and `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// `TLS` or `TCP`.
    pub transport: String,
    /// Our `host:port` as the peer may reach it.
    pub sent_by: String,
}

impl Hop {
    /// Puts our Via on top, with a branch made of `random`, which has to be different for each request.
    pub fn stamp(&self, request: &mut Request, random: u128) {
        let via = format!("SIP/2.0/{} {};branch=z9hG4bK{random:032x}", self.transport, self.sent_by);
        request.insert(0, Header::new(name::VIA, via));
    }
}

/// How many transactions there may be at a time, and how many bytes they keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Requests of ours, including INVITEs that are over and still expect late answers.
    pub client: usize,
    /// Requests of peers', including answered ones whose repetition is still answered; those make room first.
    pub server: usize,
    /// The bytes of the former.
    pub client_bytes: usize,
    /// The bytes of the latter; of those that were answered the body counts no more.
    pub server_bytes: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        let bytes = 64 * 1024 * 1024;
        Self { client: 16_384, server: 16_384, client_bytes: bytes, server_bytes: bytes }
    }
}

/// The transactions of all connections.
#[derive(Debug)]
pub struct Transactions {
    capacity: Capacity,
    clients: Table<Client>,
    servers: Table<Server>,
    salt: u64,
    tags: u64,
}

/// What a lost connection took with it.
#[derive(Debug, Default)]
pub struct Lost {
    /// How each request of ours that was open ended.
    pub ended: Vec<(ClientId, Outcome)>,
    /// Peers' requests that wait for an answer; it can only go another [`Way`] now.
    pub stranded: Vec<ServerId>,
}

impl Transactions {
    /// None yet. `salt` is random and makes To tags of answers that nobody else answers.
    pub fn new(capacity: Capacity, salt: u64) -> Self {
        Self { capacity, clients: Table::default(), servers: Table::default(), salt, tags: 0 }
    }

    /// How many there are: ours, and peers'.
    pub fn len(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }

    /// When [`Transactions::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Duration> {
        [self.clients.next_deadline(), self.servers.next_deadline()].into_iter().flatten().min()
    }

    /// Ends what has had its time.
    pub fn expire(&mut self, now: Duration) -> Vec<Expired> {
        let mut expired = self.expire_clients(now);
        expired.extend(self.expire_servers(now));
        expired
    }

    /// Ends what went over a connection that is no more.
    pub fn lost(&mut self, now: Duration, connection: ConnectionId) -> Lost {
        Lost { ended: self.lose_clients(now, connection), stranded: self.lose_servers(connection) }
    }

    /// A To tag that no other answer has.
    fn tag(&mut self) -> String {
        self.tags = self.tags.wrapping_add(1);
        let mut mixed = self.salt.wrapping_add(self.tags.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        format!("{:016x}", mixed ^ (mixed >> 31))
    }

    /// An answer that says nothing but a status, with a tag of its own.
    fn bare(&mut self, request: &Request, status: u16) -> Response {
        let tag = self.tag();
        Response::build(request, status).to_tag(&tag).done()
    }
}
