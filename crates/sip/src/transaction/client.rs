use std::time::Duration;

use crate::error::Error;
use crate::header::{Header, name};
use crate::message::{Request, RequestBuilder, Response};
use crate::method::Method;

use super::key::Key;
use super::server::Unheard;
use super::{ClientId, ConnectionId, HOP, NotSent, Outcome, Transactions, Unknown};

/// How long a request of ours waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the final answer; of an INVITE for any answer.
    pub answer: Duration,
    /// For the final answer to an INVITE that was answered provisionally; then it is cancelled.
    pub ring: Duration,
}

impl Patience {
    /// 32 s, 60 s for MESSAGE, and 60 s of ringing.
    pub fn of(method: &Method) -> Self {
        let ring = Duration::from_secs(60);
        Self { answer: if *method == Method::MESSAGE { ring } else { HOP }, ring }
    }
}

/// Why a request makes no transaction. It was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// As many as there may be are open, or as many bytes.
    #[error(
        "{0} requests wait for their answers, which is the most in number or in bytes: send this one when some have ended"
    )]
    Full(usize),
    /// A request that cannot be told from others.
    #[error("the request lacks what its answer is known by: {0}")]
    Unfit(#[from] Error),
    /// A request that is never answered.
    #[error("{0} is never answered: write it without a transaction")]
    Unanswered(Method),
    /// A request with the branch of one that is open.
    #[error("a request with this branch is open: every request needs a branch of its own")]
    Repeated,
}

/// What an answer from a peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A 1xx. If a CANCEL waited for it, it is in `cancel` and goes out now, on the same connection.
    Provisional {
        /// Of which request.
        id: ClientId,
        /// The answer.
        response: Response,
        /// To be written.
        cancel: Option<Request>,
    },
    /// The end of a request. If it was an INVITE and was refused, `ack` goes out now, on the same connection.
    Final {
        /// Of which request.
        id: ClientId,
        /// How it ended.
        outcome: Outcome,
        /// To be written.
        ack: Option<Request>,
    },
    /// A 2xx to an INVITE that has ended for us: a repetition, another endpoint's, or one that crossed a CANCEL. It
    /// needs an ACK, and mostly a BYE; [`crate::dialog::Invite`] makes them.
    Late {
        /// Of which request.
        id: ClientId,
        /// The answer.
        response: Response,
    },
    /// Nothing new; `ack` goes out again if it is a repeated refusal of an INVITE.
    Absorbed {
        /// To be written.
        ack: Option<Request>,
    },
}

/// What [`Transactions::cancel`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelStep {
    /// Write this CANCEL; the INVITE still ends by itself.
    Write(Box<Request>),
    /// Nobody has answered yet: the CANCEL comes with the first provisional answer.
    Later,
    /// The INVITE had not been written, and must not be now: it is over.
    Withdrawn,
    /// The INVITE is over, or was never there.
    TooLate,
}

/// What had its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expired {
    /// A request of ours ended without an answer.
    Ended {
        /// Which.
        id: ClientId,
        /// [`Outcome::Unknown`] or [`Outcome::NotSent`].
        outcome: Outcome,
    },
    /// An INVITE of ours rang for long enough: write the CANCEL. It ends by itself.
    Cancelled {
        /// Which.
        id: ClientId,
        /// Over which connection.
        connection: ConnectionId,
        /// To be written.
        cancel: Request,
    },
    /// A request of a peer's was not answered by us.
    Unheard(Unheard),
}

/// One request of ours.
#[derive(Debug)]
pub(super) struct Client {
    request: Request,
    state: State,
    cancel: Cancel,
    rings_until: Duration,
    patience: Patience,
}

#[derive(Debug)]
enum State {
    /// Waits to be written.
    Prepared,
    /// Written.
    Calling,
    /// Answered provisionally.
    Proceeding,
    /// An INVITE that ended; the ACK is for refusals that come again.
    Over(Option<Box<Request>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    None,
    Wanted,
    Sent,
}

impl Client {
    fn is_invite(&self) -> bool {
        *self.request.method() == Method::INVITE
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }
}

impl Transactions {
    /// Whether [`Transactions::send`] has room for a request of ours. INVITEs that are over make it, the one first that has
    /// been over for longest.
    pub fn make_room(&mut self, request: &Request) -> bool {
        let weight = request.weight();
        while self.clients.len() >= self.capacity.client
            || !self.clients.has_room(weight, self.capacity.client_bytes)
        {
            if !self.clients.forget_one() {
                return false;
            }
        }
        true
    }

    /// Begins a request of ours, which has its Via; ask [`Transactions::submit`] when its turn to be written comes.
    pub fn send(
        &mut self,
        now: Duration,
        connection: ConnectionId,
        request: Request,
        patience: Patience,
    ) -> Result<ClientId, SendError> {
        if request.method().is_unanswered() {
            return Err(SendError::Unanswered(request.method().clone()));
        }
        if !self.make_room(&request) {
            return Err(SendError::Full(self.clients.len()));
        }
        let weight = request.weight();
        let key = Key::client(connection, &request)?;
        if self.clients.find(&key).is_some() {
            return Err(SendError::Repeated);
        }
        let rings_until = now.saturating_add(patience.ring);
        let client = Client { request, state: State::Prepared, cancel: Cancel::None, rings_until, patience };
        Ok(ClientId(self.clients.insert(key, now.saturating_add(patience.answer), client, weight)))
    }

    /// Asks right before the first byte of a request is written: from then on it may have arrived. If it answers no, the
    /// request ended while it waited, and must not be written.
    #[must_use]
    pub fn submit(&mut self, now: Duration, id: ClientId) -> bool {
        let Some(client) = self.clients.get_mut(id.0) else { return false };
        if !matches!(client.state, State::Prepared) {
            return false;
        }
        client.state = State::Calling;
        client.rings_until = now.saturating_add(client.patience.ring);
        let deadline = now.saturating_add(client.patience.answer);
        self.clients.wake_at(id.0, deadline);
        true
    }

    /// Takes an answer that came over a connection.
    pub fn answer(&mut self, now: Duration, connection: ConnectionId, response: Response) -> Answer {
        let id = Key::client(connection, &response).ok().and_then(|key| self.clients.find(&key));
        let Some((id, client)) = id.and_then(|id| Some((id, self.clients.get_mut(id)?))) else {
            return Answer::Absorbed { ack: None };
        };
        if client.is_over() {
            return late(id, client, response);
        }
        if response.is_provisional() {
            return self.provisional(now, id, response);
        }
        self.end(now, id, response)
    }

    /// Gives an INVITE up. What it still leads to comes as its end: a 487, another refusal, or a 2xx after all.
    pub fn cancel(&mut self, now: Duration, id: ClientId) -> CancelStep {
        let Some(client) = self.clients.get_mut(id.0).filter(|client| client.is_invite()) else {
            return CancelStep::TooLate;
        };
        match client.state {
            State::Over(_) => CancelStep::TooLate,
            State::Prepared => {
                self.clients.remove(id.0);
                CancelStep::Withdrawn
            }
            State::Calling => {
                client.cancel = Cancel::Wanted;
                CancelStep::Later
            }
            State::Proceeding if client.cancel == Cancel::Sent => CancelStep::Later,
            State::Proceeding => self
                .write_cancel(now, id.0)
                .map_or(CancelStep::TooLate, |cancel| CancelStep::Write(Box::new(cancel))),
        }
    }

    fn provisional(&mut self, now: Duration, id: u64, response: Response) -> Answer {
        let Some(client) = self.clients.get_mut(id) else { return Answer::Absorbed { ack: None } };
        let is_first = !matches!(client.state, State::Proceeding);
        client.state = State::Proceeding;
        let (wanted, rings_until) = (client.cancel == Cancel::Wanted, client.rings_until);
        if client.is_invite() && is_first && !wanted {
            self.clients.wake_at(id, rings_until);
        }
        let cancel = if wanted { self.write_cancel(now, id) } else { None };
        Answer::Provisional { id: ClientId(id), response, cancel }
    }

    fn end(&mut self, now: Duration, id: u64, response: Response) -> Answer {
        let Some(client) = self.clients.get_mut(id) else { return Answer::Absorbed { ack: None } };
        let ack = (client.is_invite() && !response.is_success()).then(|| ack(&client.request, &response));
        self.close(now, id, ack.clone());
        Answer::Final { id: ClientId(id), outcome: Outcome::of(response), ack }
    }

    /// Keeps an INVITE for answers that come late, and forgets anything else.
    fn close(&mut self, now: Duration, id: u64, ack: Option<Request>) {
        match self.clients.get_mut(id) {
            Some(client) if client.is_invite() => {
                client.state = State::Over(ack.map(Box::new));
                client.request.drop_body();
                let weight = client.request.weight();
                self.clients.weigh(id, weight);
                self.clients.over_until(id, now.saturating_add(HOP));
            }
            _ => drop(self.clients.remove(id)),
        }
    }

    /// A CANCEL, with a transaction of its own that nobody hears of; the INVITE has 32 s left.
    fn write_cancel(&mut self, now: Duration, id: u64) -> Option<Request> {
        let connection = self.clients.key(id)?.connection?;
        let deadline = now.saturating_add(HOP);
        self.clients.wake_at(id, deadline);
        let client = self.clients.get_mut(id)?;
        client.cancel = Cancel::Sent;
        let cancel = cancel(&client.request);
        let key = Key::client(connection, &cancel).ok()?;
        let patience = Patience { answer: HOP, ring: HOP };
        let state = State::Calling;
        let request = cancel.clone();
        let open = Client { request, state, cancel: Cancel::None, rings_until: deadline, patience };
        let weight = open.request.weight();
        self.clients.insert(key, deadline, open, weight);
        Some(cancel)
    }

    pub(super) fn expire_clients(&mut self, now: Duration) -> Vec<Expired> {
        let due = self.clients.due(now);
        due.into_iter().filter_map(|id| self.expire_client(now, id)).collect()
    }

    fn expire_client(&mut self, now: Duration, id: u64) -> Option<Expired> {
        let connection = self.clients.key(id)?.connection?;
        let client = self.clients.get(id)?;
        let outcome = match client.state {
            State::Over(_) => {
                self.clients.remove(id);
                return None;
            }
            State::Proceeding if client.is_invite() && client.cancel != Cancel::Sent => {
                let cancel = self.write_cancel(now, id)?;
                return Some(Expired::Cancelled { id: ClientId(id), connection, cancel });
            }
            State::Prepared => Outcome::NotSent(NotSent::TooLate),
            State::Calling | State::Proceeding => Outcome::Unknown(Unknown::NoAnswer),
        };
        self.over(now, id, outcome).map(|(id, outcome)| Expired::Ended { id, outcome })
    }

    /// Ends a request without an answer; of the end of a CANCEL nobody hears.
    fn over(&mut self, now: Duration, id: u64, outcome: Outcome) -> Option<(ClientId, Outcome)> {
        let is_cancel = *self.clients.get(id)?.request.method() == Method::CANCEL;
        if matches!(outcome, Outcome::NotSent(_)) {
            self.clients.remove(id);
        } else {
            self.close(now, id, None);
        }
        (!is_cancel).then_some((ClientId(id), outcome))
    }

    pub(super) fn lose_clients(
        &mut self,
        now: Duration,
        connection: ConnectionId,
    ) -> Vec<(ClientId, Outcome)> {
        let lost = self.clients.all(|key, _| key.connection == Some(connection));
        let end = |id| {
            let client = self.clients.get(id)?;
            if client.is_over() {
                self.clients.remove(id);
                return None;
            }
            let outcome = match client.state {
                State::Prepared => Outcome::NotSent(NotSent::ConnectionLost),
                _ => Outcome::Unknown(Unknown::ConnectionLost),
            };
            let ended = self.over(now, id, outcome);
            self.clients.remove(id);
            ended
        };
        lost.into_iter().filter_map(end).collect()
    }
}

/// What an answer to an INVITE that is over means.
fn late(id: u64, client: &Client, response: Response) -> Answer {
    match &client.state {
        _ if response.is_success() => Answer::Late { id: ClientId(id), response },
        State::Over(Some(again)) if !response.is_provisional() => {
            Answer::Absorbed { ack: Some(again.as_ref().clone()) }
        }
        _ if response.is_provisional() => Answer::Absorbed { ack: None },
        _ => Answer::Absorbed { ack: Some(ack(&client.request, &response)) },
    }
}

/// The ACK to a refusal: same branch, Route and Request-URI, To as in the refusal (RFC 3261 section 17.1.1.3).
fn ack(request: &Request, refusal: &Response) -> Request {
    let to = refusal.get(name::TO).or_else(|| request.get(name::TO));
    hop(request, Method::ACK, to)
}

/// The CANCEL of an INVITE (RFC 3261 section 9.1).
fn cancel(request: &Request) -> Request {
    hop(request, Method::CANCEL, request.get(name::TO))
}

/// A request that belongs to `request` on this hop.
fn hop(request: &Request, method: Method, to: Option<&Header>) -> Request {
    let copy = |build: RequestBuilder, header: Option<&Header>| match header {
        Some(header) => build.raw(header.clone()),
        None => build,
    };
    let number = request.cseq().map_or(1, |cseq| cseq.number);
    let mut build = copy(Request::build(method, request.uri().clone()), request.get(name::VIA));
    build = build.header(name::MAX_FORWARDS, "70");
    for route in request.all(name::ROUTE) {
        build = build.raw(route.clone());
    }
    build = copy(copy(build, request.get(name::FROM)), to);
    copy(build, request.get(name::CALL_ID)).cseq(number).done()
}
