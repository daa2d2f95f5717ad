//! What comes over connections.

use tracing::debug;
use trunkline_sip::{
    Error, Frame, Message, Method, Refused, Request, Response, check,
    transaction::{Answer, ConnectionId, Incoming, ServerId},
};

use super::{Exchange, LineId, switchboard::Callee};
use crate::{
    Connection,
    account::{answer, is_of_another},
    random,
};

/// What answers a ping (RFC 5626 section 4.4.1).
const PONG: &[u8] = b"\r\n";

impl Exchange {
    pub(super) fn received(&mut self, connection: &Connection, frame: Frame) {
        let now = self.now();
        self.heard.insert(connection.id(), now);
        match frame {
            Frame::Ping => connection.say(PONG.into()),
            Frame::Refused(mut refused) => {
                let response = refused.response.take();
                refuse(connection, &refused);
                // What it answers ends by what is left of it.
                let left =
                    response.map(|response| Message::from(*response)).filter(|left| check(left).is_ok());
                if let Some(response) = left.and_then(Message::response) {
                    self.response(connection, response);
                }
            }
            Frame::Message(message) => match (check(&message), message) {
                (Ok(()), Message::Request(request)) => self.request(connection, request),
                (Ok(()), Message::Response(response)) => self.response(connection, response),
                (Err(error), Message::Request(request)) => {
                    unfit(connection, &error);
                    if !request.method().is_unanswered() {
                        connection.say(answer(&request, error.status()).to_bytes());
                    }
                }
                (Err(error), Message::Response(_)) => unfit(connection, &error),
            },
        }
    }

    fn request(&mut self, connection: &Connection, request: Request) {
        let (now, id) = (self.now(), ConnectionId(connection.id()));
        match self.transactions.request(now, id, request) {
            Incoming::Request { id, request } => self.asked(id, request),
            Incoming::Unanswered(request) => {
                if let Some(line) = self.callee(&request).ok().flatten() {
                    self.work(line, |account, now, acts| account.told(now, request, acts));
                }
            }
            Incoming::Cancel { invite, request, reply } => {
                connection.say(reply.to_bytes());
                if let Some(invite) = invite {
                    self.cancelled(invite, request);
                }
            }
            Incoming::Reply(response) => connection.say(response.to_bytes()),
            Incoming::Absorbed => {}
        }
    }

    fn asked(&mut self, id: ServerId, request: Request) {
        if *request.method() == Method::NEGOTIATE {
            let refusal = Response::build(&request, 488).reason("Compression algorithm refused");
            return self.answer(id, refusal.to_tag(&tag()).done());
        }
        match self.callee(&request) {
            Ok(Some(line)) => self.work(line, |account, now, acts| account.requested(now, id, request, acts)),
            Ok(None) if *request.method() == Method::OPTIONS => self.answer(id, answer(&request, 200)),
            Ok(None) | Err(Stranger) => {
                let is_inside = request.to().is_ok_and(|to| to.tag().is_some());
                self.answer(id, answer(&request, if is_inside { 481 } else { 404 }));
            }
        }
    }

    /// Whose it is; `None`: the relay's own.
    fn callee(&self, request: &Request) -> Result<Option<LineId>, Stranger> {
        match self.switchboard.callee(request) {
            Callee::Relay => Ok(None),
            Callee::Nobody => Err(Stranger),
            Callee::Line(line) => {
                let endpoint = self.accounts.get(&line).ok_or(Stranger)?.endpoint();
                if is_of_another(request.uri(), endpoint) { Err(Stranger) } else { Ok(Some(line)) }
            }
        }
    }

    /// A peer gave up an INVITE, which was for who its CANCEL is for.
    fn cancelled(&mut self, invite: ServerId, cancel: Request) {
        if let Ok(Some(line)) = self.callee(&cancel) {
            self.work(line, |account, now, acts| account.cancelled(now, invite, cancel, acts));
        }
    }

    fn response(&mut self, connection: &Connection, response: Response) {
        let (now, id) = (self.now(), ConnectionId(connection.id()));
        match self.transactions.answer(now, id, response) {
            Answer::Final { id, outcome, ack } => {
                ack.iter().for_each(|ack| connection.say(ack.to_bytes()));
                self.ended(id, outcome);
            }
            Answer::Provisional { id, response, cancel } => {
                cancel.iter().for_each(|cancel| connection.say(cancel.to_bytes()));
                if let Some(owner) = self.owners.get_mut(&id) {
                    owner.is_heard = true;
                    let (line, purpose) = (owner.line, owner.purpose);
                    self.work(line, |account, now, acts| account.progressed(now, purpose, response, acts));
                }
            }
            Answer::Absorbed { ack } => ack.iter().for_each(|ack| connection.say(ack.to_bytes())),
            Answer::Late { id, response } => self.late(id, response),
        }
    }
}

/// Who a request is for is not here.
struct Stranger;

fn refuse(connection: &Connection, refused: &Refused) {
    unfit(connection, &refused.error);
    if let Some(answer) = refused.answer(&tag()) {
        connection.say(answer.to_bytes());
    }
    if refused.close {
        connection.close();
    }
}

fn unfit(connection: &Connection, error: &Error) {
    debug!(connection = connection.id(), %error, "a message that cannot be worked with");
}

fn tag() -> String {
    format!("{:016x}", random() >> 64)
}
