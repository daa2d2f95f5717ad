use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{sync::oneshot, time::timeout};
use trunkline_model::Timestamp;
use trunkline_store::StoreError;
use trunkline_wire::{ApiError, ErrorCode, Parsed};

use super::{Visit, VisitError, count};
use crate::{
    connection::Opening,
    rate::Pace,
    relay::Inner,
    request::{self, Ear, Entrance},
    session::Session,
};

/// How long a POST waits until the session can take requests: longer than most take, shorter than phones wait.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to try again after that.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a POST brought about.
pub struct Posted {
    /// The first phase of each request, in the order of requests.
    pub answers: Vec<String>,
    /// The requests came as an array.
    pub batch: bool,
    /// The id of the session to which the requests belong, when the phone did not name it itself.
    pub session: Option<String>,
}

impl Visit {
    /// Takes the requests of a body; resolves when each has its first phase.
    pub async fn post(&mut self, body: String) -> Result<Posted, VisitError> {
        // One that is over takes no requests; its last words are for a poll.
        self.session = self.session.take().filter(|session| !session.is_over());
        if let Some(wait) = self.wait() {
            return Err(VisitError::Busy(wait));
        }
        let turn = match &self.session {
            Some(session) => {
                let turn = async {
                    let turn = Arc::clone(&session.posting).lock_owned().await;
                    session.readable().await;
                    turn
                };
                Some(timeout(PATIENCE, turn).await.map_err(|_| VisitError::Busy(RETRY_AFTER))?)
            }
            None => None,
        };
        let post = Arc::new(Post {
            relay: Arc::clone(&self.relay),
            opening: self.opening.clone(),
            pace: self.pace(),
            state: Mutex::new(State { session: self.session.clone(), answers: Vec::new() }),
        });
        // In a task, so that a phone that goes away meanwhile leaves no batch half done.
        let taking = Arc::clone(&post);
        let batch = self.relay.tasks.spawn(async move {
            let _turn = turn;
            taking.take(&body).await
        });
        let batch = batch.await.unwrap_or(false);
        let State { session, answers } = std::mem::take(&mut *post.state());
        let named = self.named && same(self.session.as_ref(), session.as_ref());
        self.session = session;
        let answers = join_all(answers.into_iter().map(Answer::there)).await;
        Ok(Posted {
            answers: answers.into_iter().flatten().collect(),
            batch,
            session: self.session.as_ref().filter(|_| !named).map(|session| session.id.clone()),
        })
    }
}

fn same(one: Option<&Arc<Session>>, other: Option<&Arc<Session>>) -> bool {
    one.zip(other).is_some_and(|(one, other)| Arc::ptr_eq(one, other))
}

/// The requests of one POST on their way in.
struct Post {
    relay: Arc<Inner>,
    opening: Opening,
    pace: Pace,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    answers: Vec<Answer>,
}

/// The first phase of one request.
enum Answer {
    Now(String),
    Later(oneshot::Receiver<String>),
}

impl Answer {
    async fn there(self) -> Option<String> {
        match self {
            Self::Now(frame) => Some(frame),
            // Nobody will tell: the relay stops.
            Self::Later(frame) => frame.await.ok(),
        }
    }
}

impl Post {
    /// Takes everything in the body; whether that was an array.
    async fn take(&self, body: &str) -> bool {
        let together = request::parse(&self.relay, body);
        // All at once: many batches that sleep side by side must not be many for the price of one.
        for _ in &together.requests {
            count(&self.relay, &self.opening, self.session().as_ref(), self.pace);
        }
        let mut room = true;
        for parsed in together.requests {
            room = room && self.has_room().await;
            let parsed = if room { parsed } else { without_room(parsed) };
            request::take(self, parsed, &together.plan).await;
        }
        together.batch
    }

    /// False when nobody fetches what already waits.
    async fn has_room(&self) -> bool {
        match self.session() {
            Some(session) => timeout(PATIENCE, session.readable()).await.is_ok(),
            None => true,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that would lead to more than can wait.
fn without_room(parsed: Parsed) -> Parsed {
    parsed.map(|mut request| {
        let words = "fetch-first: too much waits to be fetched, or is under way; poll and ask again";
        request.call = Err(ApiError::new(ErrorCode::OperationFailure, words));
        request
    })
}

impl Entrance for Post {
    fn relay(&self) -> &Arc<Inner> {
        &self.relay
    }

    fn opening(&self) -> &Opening {
        &self.opening
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.state().session.clone()
    }

    async fn bind(&self) {
        let session = request::proven_session(&self.relay, &self.opening).await;
        self.state().session = session;
    }

    async fn attach(&self, session: &Arc<Session>) -> Result<(), StoreError> {
        self.relay.reserve(session).await?;
        session.posted();
        session.touch(Timestamp::now());
        self.state().session = Some(Arc::clone(session));
        Ok(())
    }

    fn answer(&self, frame: String) {
        self.state().answers.push(Answer::Now(frame));
    }

    fn ear(&self, session: &Arc<Session>) -> Ear {
        session.posted();
        session.touch(Timestamp::now());
        let (tells, waits) = oneshot::channel();
        self.state().answers.push(Answer::Later(waits));
        Ear::Post(tells)
    }
}
