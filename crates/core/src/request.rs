//! What becomes of a request: order, dependencies, the two phases, and the method's own work.

mod batch;
mod begin;
mod directory;
mod intake;
mod mailbox;
mod roster;

use std::{panic::AssertUnwindSafe, sync::Arc, task::Poll};

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use trunkline_model::Timestamp;
use trunkline_wire::{ApiError, Call, Early, ErrorCode, Reply, Request, RequestId};

use self::batch::Plan;
use self::begin::{Begun, begin, password_wanted, settle};
pub(crate) use self::begin::{proven, proven_session};
pub(crate) use self::intake::{Ear, Entrance, parse, take};
use crate::{
    error,
    relay::Inner,
    router::{self, Later},
    session::{End, Known, Session},
};

/// Runs a request of a live session: answers phase 1, enters the writer, and leaves the rest to a task.
async fn run(relay: &Arc<Inner>, session: &Arc<Session>, request: Request, plan: &Plan, ear: Ear) {
    let background = session.state().background;
    let Request { id, name, method, call, dependencies, reconnect: _ } = request;
    let refuse = |ear: Ear, error: &ApiError| {
        relay.metrics.error(error.code);
        ear.tell(trunkline_wire::failure_now(Some(&id), Some(&name), error, background));
    };
    if !session.state().recent.begin(id.key()) {
        return refuse(ear, &pending());
    }
    let call = match call {
        Ok(Call::NotSupported) => Err(not_supported(&name)),
        call => call,
    };
    let ready = call.and_then(|call| Ok((waits(session, &id, &dependencies, plan)?, call)));
    let (waits, call) = match ready {
        Ok(ready) => ready,
        Err(error) => {
            refuse(ear, &error);
            return session.settle(&id, false);
        }
    };
    let only_phase = if method.one_phase() {
        Some(ear)
    } else {
        ear.tell(trunkline_wire::processing(&id, &name, early(relay, &call), background));
        None
    };
    let finish = Finish { relay: Arc::clone(relay), session: Arc::clone(session), id, name, only_phase };
    if waits.is_empty() {
        let permit = Arc::clone(&session.under_way).acquire_owned().await.ok();
        match caught(start(relay, session, call)).await {
            Ok(later) => {
                let mut later = Box::pin(caught(later));
                // What is done at once needs no task, and keeps its place before what comes next.
                if let Poll::Ready(result) = futures_util::poll!(&mut later) {
                    return finish.finish(result, permit).await;
                }
                relay.tasks.spawn(async move {
                    let result = later.await;
                    finish.finish(result, permit).await;
                });
            }
            Err(error) => finish.finish(Err(error), permit).await,
        }
    } else {
        session.enter_dependent();
        relay.tasks.spawn(async move { dependent(finish, waits, call).await });
    }
}

/// A request that depends on others: it takes none of the session's places until they have ended.
async fn dependent(finish: Finish, waits: Vec<Known>, call: Call) {
    let mut good = true;
    for one in waits {
        good = good && succeeded(one).await;
    }
    let session = Arc::clone(&finish.session);
    if !good {
        let error =
            ApiError::new(ErrorCode::DependentFailed, "a request on which this one depends has failed");
        finish.finish(Err(error), None).await;
        return session.leave_dependent();
    }
    session.leave_dependent();
    let permit = Arc::clone(&session.under_way).acquire_owned().await.ok();
    let result = caught(async { start(&finish.relay, &session, call).await?.await }).await;
    finish.finish(result, permit).await;
}

async fn succeeded(known: Known) -> bool {
    match known {
        Known::Settled(succeeded) => succeeded,
        Known::Unknown => false,
        Known::Running(mut watch) => {
            // An error means that the session is gone, and with it everybody who could care.
            watch.wait_for(Option::is_some).await.is_ok_and(|ended| *ended == Some(true))
        }
    }
}

/// The requests to wait for; an error when one of them is unknown, this one itself, or has failed.
fn waits(
    session: &Session,
    id: &RequestId,
    dependencies: &[String],
    plan: &Plan,
) -> Result<Vec<Known>, ApiError> {
    if plan.is_circular(id.key()) {
        return Err(ApiError::new(ErrorCode::SelfDependency, "this request depends on itself"));
    }
    if dependencies.len() > MAX_DEPENDENCIES {
        let why = format!("dependencies names more than {MAX_DEPENDENCIES} requests");
        return Err(ApiError::new(ErrorCode::InvalidArgument, why));
    }
    let mut waits = Vec::new();
    for key in dependencies {
        let known = session.state().recent.find_or_expect(key, plan.holds(key));
        match known {
            Known::Settled(true) => {}
            Known::Settled(false) => {
                let why = format!("the request {:?}, on which this one depends, has failed", quoted(key));
                return Err(ApiError::new(ErrorCode::DependentFailed, why));
            }
            Known::Unknown => {
                let why = format!("no request {:?} is known, on which this one depends", quoted(key));
                return Err(ApiError::new(ErrorCode::UnknownDependency, why));
            }
            running => waits.push(running),
        }
    }
    Ok(waits)
}

/// A foreign id as far as an answer should quote it.
fn quoted(id: &str) -> &str {
    id.char_indices().nth(64).map_or(id, |(at, _)| &id[..at])
}

/// What phase 1 tells already.
fn early(relay: &Inner, call: &Call) -> Early {
    match call {
        Call::SendMessage { .. } | Call::StartChat { .. } => Early::Timestamp(Timestamp::now()),
        Call::AcceptChat { request } => Early::Chat(*request),
        Call::Ping => Early::SessionTimeout(relay.settings().session_timeout.as_secs()),
        Call::TerminateSession => Early::Complete,
        _ => Early::Nothing,
    }
}

/// A request that panics fails, and nothing else does; the panic itself is told by the program's hook.
pub(crate) async fn caught<T>(work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        Err(ApiError::new(ErrorCode::GeneralFailure, "internal-error: the server failed at this request"))
    })
}

/// Begins a call: what must keep the order of requests happens before this returns.
async fn start(relay: &Arc<Inner>, session: &Arc<Session>, call: Call) -> Result<Later, ApiError> {
    match call {
        Call::SendMessage { contact, text, id } => {
            #[cfg(debug_assertions)]
            trunkline_model::poison::taste("request", text.expose());
            router::send(relay, session, contact, text, id).await
        }
        Call::StartChat { contact } => router::start_chat(relay, session, contact).await,
        Call::AcceptChat { request } => router::accept(relay, session, request).await,
        Call::DeclineChat { request } => router::decline(relay, session, request).await,
        Call::EndChat(target) => router::end_chat(relay, session, target).await,
        Call::MessageAck { id, contact } => router::acknowledge(relay, session, &id, contact.as_ref()).await,
        Call::ConversationRead { contact, up_to } => router::read(relay, session, contact, up_to).await,
        Call::MailboxSync { epoch, since, limit } => mailbox::sync(relay, session, epoch, since, limit).await,
        Call::Ping => Ok(now(Ok(Reply::SessionTimeout(relay.settings().session_timeout.as_secs())))),
        Call::NotifyBackground(to) => begin::background(relay, session, &to).await,
        Call::SetGdAuthToken { token } | Call::SetGdToken { token } | Call::SetOAuth2Token { token } => {
            Ok(now(begin::renew(relay, session, token).await))
        }
        Call::TerminateSession => Ok(now(Ok(Reply::Plain))),
        Call::DeviceList => Ok(now(mailbox::devices(relay, session).await)),
        about_people => Ok(roster::start(relay, session, about_people)),
    }
}

fn now(result: Result<Reply, ApiError>) -> Later {
    Box::pin(std::future::ready(result))
}

/// The answer to an id that is under way.
fn pending() -> ApiError {
    ApiError::new(ErrorCode::ActionPending, "a request with this id is under way")
}

fn not_supported(name: &str) -> ApiError {
    ApiError::new(ErrorCode::NotSupported, format!("{name} is not supported by this server"))
}

/// What is needed to tell a phone how its request ended.
struct Finish {
    relay: Arc<Inner>,
    session: Arc<Session>,
    id: RequestId,
    name: Arc<str>,
    /// Who is told, when there is no second phase.
    only_phase: Option<Ear>,
}

impl Finish {
    /// Gives the request's place free once its answer is queued.
    async fn finish(self, result: Result<Reply, ApiError>, permit: Option<OwnedSemaphorePermit>) {
        let Self { relay, session, id, name, only_phase } = self;
        if let Err(error) = &result {
            relay.metrics.error(error.code);
        }
        let terminated = name.eq_ignore_ascii_case("TerminateSession") && result.is_ok();
        if let Some(ear) = only_phase {
            let background = session.state().background;
            ear.tell(match &result {
                Ok(reply) => trunkline_wire::answer(&id, &name, reply, background),
                Err(error) => trunkline_wire::failure_now(Some(&id), Some(&name), error, background),
            });
            session.settle(&id, result.is_ok());
        } else {
            session.complete(&id.clone(), result.is_ok(), late(id, name, result));
        }
        drop(permit);
        session.wrote();
        if terminated {
            relay.end_session(&session, End::SignedOut).await;
        }
    }
}

/// How phase 2 is written once it has its sequence.
fn late(
    id: RequestId,
    name: Arc<str>,
    result: Result<Reply, ApiError>,
) -> impl FnOnce(i64) -> String + Send + 'static {
    move |sequence| match &result {
        Ok(reply) => within_limit(trunkline_wire::complete(&id, &name, reply, sequence), || {
            trunkline_wire::failure_later(&id, &name, &too_large(), sequence)
        }),
        Err(error) => trunkline_wire::failure_later(&id, &name, error, sequence),
    }
}

/// Most requests that one may depend on.
const MAX_DEPENDENCIES: usize = 100;

/// Largest frame to a phone, in bytes.
const MAX_FRAME_BYTES: usize = 1024 * 1024;

fn within_limit(frame: String, otherwise: impl FnOnce() -> String) -> String {
    if frame.len() <= MAX_FRAME_BYTES { frame } else { otherwise() }
}

fn too_large() -> ApiError {
    let words = "answer-too-large: the answer is larger than 1 MiB; ask for fewer";
    ApiError::new(ErrorCode::OperationFailure, words)
}

/// The line of a session's account, once the session's line has had its time to come up.
async fn line(relay: &Inner, session: &Session) -> Result<Arc<dyn crate::port::Line>, ApiError> {
    relay.lines.line(session.account()).map_err(error::line)
}
