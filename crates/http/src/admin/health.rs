use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trunkline_core::{BackendHealth, Readiness, Relay};

use super::Admin;
use crate::listener::Trouble;

/// A store that takes longer to answer is not ready, whatever it would say.
const CHECK_LIMIT: Duration = Duration::from_secs(5);

/// A listener as the readiness page shows it.
pub(crate) struct DoorHealth {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) tls: bool,
    pub(crate) trouble: Arc<Trouble>,
}

/// What decides whether the server is ready.
pub(crate) struct Vitals {
    pub(crate) relay: Relay,
    pub(crate) doors: Vec<DoorHealth>,
    /// The server is going: not ready any more.
    pub(crate) stopping: CancellationToken,
}

/// Whether the server takes phones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// `ready`, `not-ready` or `stopping`, as on the page.
    pub status: &'static str,
    /// Why it is not ready, in plain words.
    pub problems: Vec<String>,
}

#[derive(Serialize)]
struct Page {
    /// `ready`, `not-ready` or `stopping`.
    status: &'static str,
    database: Part,
    listeners: Vec<ListenerPart>,
    backends: Vec<BackendPart>,
}

#[derive(Serialize)]
struct Part {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct ListenerPart {
    name: &'static str,
    address: SocketAddr,
    tls: bool,
    #[serde(flatten)]
    part: Part,
}

#[derive(Serialize)]
struct BackendPart {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    /// `ok` or `degraded`; a degraded backend does not make the server unready.
    status: &'static str,
    lines: usize,
    connected: usize,
    connecting: usize,
    refused: usize,
}

/// The process answers.
pub(super) async fn live() -> Response {
    #[derive(Serialize)]
    struct Live {
        status: &'static str,
    }
    Json(Live { status: "live" }).into_response()
}

/// 200 when the database and every listener work, else 503; backends are only told of.
pub(super) async fn ready(State(admin): State<Arc<Admin>>) -> Response {
    let page = admin.vitals.page().await;
    let code = if page.status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(page)).into_response()
}

impl Vitals {
    /// The same as the page says.
    pub(crate) async fn health(&self) -> Health {
        let Page { status, database, listeners, .. } = self.page().await;
        let doors = listeners.into_iter().filter_map(|door| Some((door.name, door.part.problem?)));
        let database = database.problem.map(|problem| ("database", problem));
        let all = database.into_iter().chain(doors);
        Health { status, problems: all.map(|(what, problem)| format!("{what}: {problem}")).collect() }
    }

    async fn page(&self) -> Page {
        let readiness = timeout(CHECK_LIMIT, self.relay.readiness()).await.unwrap_or_else(|_| Readiness {
            database: Err(format!("no answer within {} s", CHECK_LIMIT.as_secs())),
            backends: Vec::new(),
        });
        let database = Part::new(readiness.database.err());
        let listeners: Vec<_> = self.doors.iter().map(DoorHealth::part).collect();
        let well =
            database.problem.is_none() && listeners.iter().all(|listener| listener.part.problem.is_none());
        let status = match (self.stopping.is_cancelled(), well) {
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "not-ready",
        };
        let backends = readiness.backends.into_iter().map(backend).collect();
        Page { status, database, listeners, backends }
    }
}

impl Part {
    fn new(problem: Option<String>) -> Self {
        Self { status: if problem.is_none() { "ok" } else { "failing" }, problem }
    }
}

impl DoorHealth {
    fn part(&self) -> ListenerPart {
        let part = Part::new(self.trouble.get());
        ListenerPart { name: self.name, address: self.address, tls: self.tls, part }
    }
}

fn backend(health: BackendHealth) -> BackendPart {
    let BackendHealth { kind, domain, lines, connected, connecting, refused } = health;
    let status = if connecting + refused == 0 { "ok" } else { "degraded" };
    BackendPart { kind, domain, status, lines, connected, connecting, refused }
}
