use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::oneshot, time::Instant};
use trunkline_wire::phone;

use super::Command;
use crate::{RequestError, StopReason};

/// Requests under way: fewer than the 64 at which the relay stops reading, so that neither side waits for the other.
const WINDOW: usize = 48;

/// Acknowledgements that wait to be written; beyond that no event is handed over.
const MAX_ACKS: usize = 512;

/// How long the phone's own requests may take.
const OWN_LIMIT: Duration = Duration::from_secs(30);

/// Requests, written and not yet written, in the order in which they came.
#[derive(Default)]
pub(super) struct Requests {
    unwritten: VecDeque<Request>,
    /// By id.
    written: HashMap<String, Request>,
    /// Numbers ids; one is never used twice.
    ids: u64,
    /// Numbers requests.
    order: u64,
    acks: usize,
}

pub(super) struct Request {
    order: u64,
    pub(super) method: String,
    params: Value,
    pub(super) origin: Origin,
}

/// Who waits for the answer.
pub(super) enum Origin {
    Caller { reply: oneshot::Sender<Result<Value, RequestError>>, resend: bool },
    Begin { until: Instant },
    Ack { until: Instant },
}

impl Requests {
    /// True while further requests can be taken from callers.
    pub(super) fn has_room(&self) -> bool {
        self.unwritten.len() < WINDOW
    }

    /// True while nothing is under way.
    pub(super) fn are_idle(&self) -> bool {
        self.unwritten.is_empty() && self.written.is_empty()
    }

    pub(super) fn acks_have_room(&self) -> bool {
        self.acks < MAX_ACKS
    }

    pub(super) fn push(&mut self, command: Command) {
        let Command { method, params, resend, reply } = command;
        let request = self.request(&method, params, Origin::Caller { reply, resend });
        self.unwritten.push_back(request);
    }

    /// BeginSession goes before all others.
    pub(super) fn begin(&mut self, params: Value) {
        let origin = Origin::Begin { until: Instant::now() + OWN_LIMIT };
        let request = self.request("BeginSession", params, origin);
        self.unwritten.push_front(request);
    }

    pub(super) fn acknowledge(&mut self, params: Value) {
        let origin = Origin::Ack { until: Instant::now() + OWN_LIMIT };
        let request = self.request("MessageAck", params, origin);
        self.unwritten.push_back(request);
        self.acks += 1;
    }

    /// The next frame to write; before the session stands only BeginSession.
    pub(super) fn next(&mut self, signed_in: bool) -> Option<String> {
        loop {
            if self.written.len() >= WINDOW {
                return None;
            }
            let first = self.unwritten.front()?;
            if !signed_in && !matches!(first.origin, Origin::Begin { .. }) {
                return None;
            }
            let request = self.unwritten.pop_front()?;
            if matches!(request.origin, Origin::Ack { .. }) {
                self.acks -= 1;
            }
            if request.abandoned() {
                continue;
            }
            self.ids += 1;
            let id = format!("c{}", self.ids);
            let frame = phone::request(&id, &request.method, request.params.clone());
            self.written.insert(id, request);
            return Some(frame);
        }
    }

    /// The request that this answers; `None` for one that nobody waits for any more.
    pub(super) fn answered(&mut self, id: &str) -> Option<Request> {
        self.written.remove(id)
    }

    /// Puts a request back among those to be written, in its order.
    pub(super) fn again(&mut self, request: Request) {
        let at = self.unwritten.partition_point(|other| other.order < request.order);
        self.unwritten.insert(at, request);
    }

    /// The connection broke: what the relay recognises is written again, other callers are told.
    pub(super) fn lost(&mut self) {
        self.unwritten.retain(|request| matches!(request.origin, Origin::Caller { .. }));
        self.acks = 0;
        for (_, request) in std::mem::take(&mut self.written) {
            match request.origin {
                Origin::Caller { reply, resend: false } => tell(reply, RequestError::ConnectionLost),
                Origin::Caller { resend: true, .. } => self.again(request),
                Origin::Begin { .. } | Origin::Ack { .. } => {}
            }
        }
    }

    /// Forgets requests whose callers gave up, and own ones that are overdue; true when BeginSession is.
    pub(super) fn tidy(&mut self) -> bool {
        let now = Instant::now();
        let overdue =
            self.written.values().any(|one| matches!(one.origin, Origin::Begin { until } if until <= now));
        self.written.retain(|_, request| match &request.origin {
            Origin::Ack { until } => *until > now,
            _ => !request.abandoned(),
        });
        overdue
    }

    pub(super) fn fail_all(&mut self, reason: &StopReason) {
        let unwritten = std::mem::take(&mut self.unwritten).into_iter();
        let written = std::mem::take(&mut self.written).into_values();
        for request in unwritten.chain(written) {
            if let Origin::Caller { reply, .. } = request.origin {
                tell(reply, RequestError::Stopped(reason.clone()));
            }
        }
    }

    fn request(&mut self, method: &str, params: Value, origin: Origin) -> Request {
        self.order += 1;
        Request { order: self.order, method: method.to_owned(), params, origin }
    }
}

impl Request {
    fn abandoned(&self) -> bool {
        matches!(&self.origin, Origin::Caller { reply, .. } if reply.is_closed())
    }
}

/// A caller that gave up is not there to be told.
fn tell(reply: oneshot::Sender<Result<Value, RequestError>>, error: RequestError) {
    let _ = reply.send(Err(error));
}
