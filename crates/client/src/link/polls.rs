use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::way::Carried;
use crate::http_form::{Failure, HttpForm};

/// Frames that wait to be read here, and requests that wait to be POSTed.
const MAX_WAITING: usize = 64;
/// Requests share a POST up to about this size.
const POST_TOGETHER: usize = 32 * 1024;
/// Between two polls when something keeps them from waiting: another phone with this device's token, or events that nobody
/// takes.
const PAUSE: Duration = Duration::from_secs(1);

/// Up to where what came was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handed {
    pub(super) sequence: i64,
    /// Some of what came still waits for its receiver.
    pub(super) waits: bool,
}

/// A connection in the HTTP form. Dropping it ends its requests as a dead network would.
pub(super) struct Polls {
    posts: mpsc::Sender<String>,
    carried: mpsc::Receiver<Carried>,
    handed: watch::Sender<Handed>,
    _tasks: JoinSet<()>,
}

impl Polls {
    pub(super) fn new(form: &HttpForm, sequence: i64) -> Self {
        let (posts, bodies) = mpsc::channel(MAX_WAITING);
        let (sender, carried) = mpsc::channel(MAX_WAITING);
        let handed = watch::Sender::new(Handed { sequence, waits: false });
        let begun = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(post_all(form.clone(), bodies, sender.clone(), Arc::clone(&begun)));
        tasks.spawn(poll_all(form.clone(), handed.subscribe(), sender, begun));
        Self { posts, carried, handed, _tasks: tasks }
    }

    /// Whatever comes next; dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Carried {
        self.carried.recv().await.unwrap_or_else(|| Carried::Lost("its tasks have ended".to_owned()))
    }

    /// Has a request POSTed; waits while many others wait.
    pub(super) async fn write(&self, request: String) -> Result<(), String> {
        self.posts.send(request).await.map_err(|_| "the connection has broken".to_owned())
    }

    /// What came up to here was handed over, so that the next poll may say so.
    pub(super) fn handed(&self, handed: Handed) {
        self.handed.send_if_modified(|before| {
            let news = *before != handed;
            *before = handed;
            news
        });
    }
}

/// POSTs what is asked, in its order.
async fn post_all(
    form: HttpForm,
    mut bodies: mpsc::Receiver<String>,
    carried: mpsc::Sender<Carried>,
    begun: Arc<Notify>,
) {
    let mut line = form.line();
    while let Some(first) = bodies.recv().await {
        let mut together = first;
        let mut count = 1;
        while together.len() < POST_TOGETHER
            && let Ok(another) = bodies.try_recv()
        {
            together = format!("{together},{another}");
            count += 1;
        }
        let body = if count == 1 { together } else { format!("[{together}]") };
        let answers = loop {
            match form.post(&mut line, body.clone()).await {
                Err(Failure::Busy(wait)) => sleep(wait).await,
                other => break other,
            }
        };
        if !hand_on(&carried, answers).await {
            return;
        }
        begun.notify_one();
    }
}

/// Polls, once there is a session.
async fn poll_all(
    form: HttpForm,
    mut handed: watch::Receiver<Handed>,
    carried: mpsc::Sender<Carried>,
    begun: Arc<Notify>,
) {
    let mut line = form.line();
    begun.notified().await;
    let mut last = handed.borrow().sequence;
    loop {
        let settled = handed.wait_for(|handed| handed.sequence >= last || !handed.waits).await;
        let Ok(sequence) = settled.map(|handed| handed.sequence) else { return };
        if sequence < last {
            // It will all come again.
            let news = handed.wait_for(|handed| handed.sequence >= last);
            let _ = timeout(PAUSE, news).await;
        }
        let sequence = handed.borrow().sequence;
        let since = Instant::now();
        let answer = match form.poll(&mut line, sequence).await {
            Err(Failure::Busy(wait)) => {
                sleep(wait).await;
                continue;
            }
            other => other,
        };
        let empty = answer.as_ref().is_ok_and(Vec::is_empty);
        last = answer.iter().flatten().filter_map(|frame| sequence_of(frame)).max().unwrap_or(sequence);
        if !hand_on(&carried, answer).await || carried.send(Carried::Life).await.is_err() {
            return;
        }
        if empty && since.elapsed() < PAUSE {
            sleep(PAUSE).await;
        }
    }
}

/// False when that was the last.
async fn hand_on(carried: &mpsc::Sender<Carried>, frames: Result<Vec<String>, Failure>) -> bool {
    match frames {
        Ok(frames) => {
            for frame in frames {
                let over = is_no_session(&frame);
                let what = if over { Carried::Closed(None) } else { Carried::Text(frame.into()) };
                if carried.send(what).await.is_err() || over {
                    return false;
                }
            }
            true
        }
        Err(failure) => {
            // Nobody reads any more.
            let _ = carried.send(Carried::Lost(failure.to_string())).await;
            false
        }
    }
}

#[derive(serde::Deserialize)]
struct Numbered {
    sequence: Option<i64>,
    #[serde(default)]
    id: serde_json::Value,
    #[serde(default)]
    error: serde_json::Value,
}

fn read(frame: &str) -> Option<Numbered> {
    serde_json::from_str(frame).ok()
}

fn sequence_of(frame: &str) -> Option<i64> {
    read(frame)?.sequence
}

/// What a relay answers to a poll without a session: an error that belongs to no request.
fn is_no_session(frame: &str) -> bool {
    read(frame)
        .is_some_and(|frame| frame.id.is_null() && frame.sequence.is_none() && frame.error["code"] == 1017)
}
