use std::{sync::Arc, time::Duration};

use tokio::sync::oneshot;
use trunkline_store::StoreError;
use trunkline_wire::{ApiError, BeginSession, Call, Early, Frame, Limits, Parsed, Request, RequestId};

use super::{Begun, Plan, begin, caught, late, password_wanted, pending, run, settle};
use crate::{
    connection::Opening,
    error,
    relay::{Inner, short},
    session::{End, Session, Turn},
};

/// How long a session that is refused waits for what was asked of it meanwhile.
const REFUSED_WAIT: Duration = Duration::from_secs(5);

/// Where requests come in: a socket, or one POST.
pub(crate) trait Entrance: Send + Sync {
    fn relay(&self) -> &Arc<Inner>;

    fn opening(&self) -> &Opening;

    /// The session to which its requests belong.
    fn session(&self) -> Option<Arc<Session>>;

    /// Takes the live session of the device that the headers prove, if there is one.
    fn bind(&self) -> impl Future<Output = ()> + Send;

    /// Its further requests belong to `session`.
    fn attach(&self, session: &Arc<Session>) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Tells the first phase of a request.
    fn answer(&self, frame: String);

    /// Where `session` is to tell the first phase of the request that comes next.
    fn ear(&self, session: &Arc<Session>) -> Ear;
}

/// Who waits for the first phase of one request.
pub(crate) enum Ear {
    /// The session's reader, among everything else.
    Session(Arc<Session>),
    /// The POST that brought it.
    Post(oneshot::Sender<String>),
}

impl Ear {
    pub(super) fn tell(self, frame: String) {
        match self {
            Self::Session(session) => session.push(frame),
            // A phone that has gone away is not told.
            Self::Post(waits) => drop(waits.send(frame)),
        }
    }
}

/// The requests that came together, and how they depend on each other.
pub(crate) struct Together {
    pub(crate) requests: Vec<Parsed>,
    pub(crate) plan: Plan,
    /// They came as an array.
    pub(crate) batch: bool,
}

/// Reads a frame, or the body of a POST.
pub(crate) fn parse(relay: &Inner, text: &str) -> Together {
    let limits = Limits { max_message_chars: relay.settings().max_message_chars };
    let (requests, batch) = match trunkline_wire::parse(text, limits) {
        Frame::Single(one) => (vec![one], false),
        Frame::Batch(all) => (all, true),
    };
    Together { plan: Plan::new(&requests), requests, batch }
}

/// Takes one request; returns when what it asks for has entered the writer in order.
pub(crate) async fn take(from: &impl Entrance, parsed: Parsed, plan: &Plan) {
    let mut request = match parsed {
        Ok(request) => request,
        Err(malformed) => {
            let (id, name) = (malformed.id.as_ref(), malformed.name.as_deref());
            return refuse(from, id, name, &malformed.error);
        }
    };
    let call = std::mem::replace(&mut request.call, Ok(Call::NotSupported));
    match call {
        Ok(Call::BeginSession(params)) => begin_session(from, request, *params).await,
        Ok(Call::GetAuthenticationInfo { token }) => {
            if !begins(from, &request) {
                return refuse_request(from, &request, &pending());
            }
            let result = password_wanted(from.relay(), from.opening(), token).await;
            if let Some(session) = from.session() {
                session.settle(&request.id, result.is_ok());
            }
            match result {
                Ok(reply) => {
                    let (id, name) = (&request.id, &request.name);
                    from.answer(trunkline_wire::answer(id, name, &reply, background(from)));
                }
                Err(error) => refuse_request(from, &request, &error),
            }
        }
        Err(error) if !request.method.needs_session() => refuse_request(from, &request, &error),
        call => {
            request.call = call;
            session_request(from, request, plan).await;
        }
    }
}

/// Notes with the session, if there is one, that a request begins; false when one with its id is under way.
fn begins(from: &impl Entrance, request: &Request) -> bool {
    from.session().is_none_or(|session| session.state().recent.begin(request.id.key()))
}

async fn session_request(from: &impl Entrance, request: Request, plan: &Plan) {
    if request.reconnect.is_some() && from.session().is_none() {
        from.bind().await;
    }
    let Some(session) = from.session().filter(|session| !session.is_over()) else {
        return refuse_request(from, &request, &error::no_session());
    };
    if let Err(error) = from.relay().reserve(&session).await {
        return refuse_request(from, &request, &error::store(error));
    }
    run(from.relay(), &session, request, plan, from.ear(&session)).await;
}

async fn begin_session(from: &impl Entrance, request: Request, params: BeginSession) {
    let (relay, opening) = (from.relay(), from.opening());
    let begun = match begin(relay, opening, &request, params).await {
        Ok(begun) => begun,
        Err(error) => return refuse_request(from, &request, &error),
    };
    if let Err(error) = from.attach(&begun.session).await {
        return refuse_request(from, &request, &error::store(error));
    }
    let session = Arc::clone(&begun.session);
    // A phone may say it as often as it likes; the log tells of the first time.
    if begun.fresh {
        tracing::info!(session = short(&session.id), account = %session.address(), source = %opening.source, "session begins");
    } else {
        tracing::debug!(session = short(&session.id), account = %session.address(), source = %opening.source, "session goes on");
    }
    if !begins(from, &request) {
        return refuse_request(from, &request, &pending());
    }
    from.answer(trunkline_wire::processing(&request.id, &request.name, Early::Nothing, background(from)));
    let mut turn = session.turns.take();
    let relay = Arc::clone(relay);
    relay.tasks.clone().spawn(async move {
        turn.wait().await;
        finish(&relay, request, begun, turn).await;
    });
}

/// Phase 2 of BeginSession.
async fn finish(relay: &Arc<Inner>, request: Request, begun: Begun, turn: Turn) {
    let session = Arc::clone(&begun.session);
    let fresh = begun.fresh;
    let result = caught(settle(relay, begun)).await;
    let Request { id, name, .. } = request;
    let (failed, succeeded) = (result.as_ref().err().map(|error| error.code), result.is_ok());
    session.complete(&id.clone(), succeeded, late(id, name, result));
    if let Some(code) = failed {
        relay.metrics.error(code);
        if fresh {
            // Who came behind this request is answered before the session is gone.
            session.state().recent.abandon();
            drop(turn);
            let _ = tokio::time::timeout(REFUSED_WAIT, session.idle()).await;
            relay.end_session(&session, End::Refused).await;
        }
    }
}

fn refuse_request(from: &impl Entrance, request: &Request, error: &ApiError) {
    refuse(from, Some(&request.id), Some(&request.name), error);
}

/// Answers with an error in phase 1, which is final: whoever depends on the request has failed as well.
fn refuse(from: &impl Entrance, id: Option<&RequestId>, name: Option<&str>, error: &ApiError) {
    from.relay().metrics.error(error.code);
    from.answer(trunkline_wire::failure_now(id, name, error, background(from)));
    if let (Some(id), Some(session)) = (id, from.session()) {
        session.state().recent.refuse(id.key());
    }
}

fn background(from: &impl Entrance) -> bool {
    from.session().map_or(from.opening().background == Some(true), |session| session.state().background)
}
