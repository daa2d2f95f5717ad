use std::{collections::BTreeMap, path::Path, time::Duration};

use tokio::time::timeout;
use trunkline_core::BackendHealth;
use trunkline_store::{Counts, Database, StoreError};

use super::{Executor, Running};
use crate::admin::{BackendView, ReadinessView, Reply, RunningView, StatusView};

/// A database that takes longer than this to be read is told to be away.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is read of the database.
struct Content {
    engine: String,
    bytes: u64,
    counts: Counts,
}

impl Executor {
    /// Says what can be said, also when the database is away.
    pub(super) async fn status(&self) -> Reply {
        let (content, server) = tokio::join!(timeout(PATIENCE, self.content()), self.server());
        let content = content.unwrap_or_else(|_| {
            Err(StoreError::Unreachable(format!("no answer within {} s", PATIENCE.as_secs())))
        });
        let mut status = StatusView {
            running: self.running.is_some(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: self.place.data_dir.display().to_string(),
            server,
            ..StatusView::default()
        };
        match content {
            Ok(Content { engine, bytes, counts }) => {
                status.engine = Some(engine);
                status.database_bytes = Some(bytes);
                status.counts = Some(counts_by_name(&counts));
            }
            Err(error) => {
                let failure = self.place.store_trouble(&error);
                status.database_problem = Some(failure.words().to_owned());
                status.database_advice = failure.advice().map(str::to_owned);
            }
        }
        Reply::Status { status: Box::new(status) }
    }

    async fn content(&self) -> Result<Content, StoreError> {
        let bytes = match &self.place.database {
            Database::Sqlite(file) => of_files(file),
            Database::Postgres(_) => self.store.size().await?,
        };
        Ok(Content { engine: self.store.engine().await?, bytes, counts: self.store.counts().await? })
    }

    async fn server(&self) -> Option<RunningView> {
        match &self.running {
            Some(running) => Some(running.view().await),
            None => None,
        }
    }
}

impl Running {
    async fn view(&self) -> RunningView {
        let status = self.relay.status();
        let health = self.reloader.health().await;
        RunningView {
            pid: std::process::id(),
            uptime_secs: self.since.elapsed().as_secs(),
            readiness: Some(ReadinessView { status: health.status.to_owned(), problems: health.problems }),
            listeners: self.listeners.clone().with(self.reloader.certificate()),
            sessions: status.sessions,
            sockets: status.sockets,
            backends: status.backends.into_iter().map(backend_view).collect(),
        }
    }
}

fn backend_view(health: BackendHealth) -> BackendView {
    BackendView {
        kind: health.kind.to_owned(),
        domain: health.domain,
        lines: health.lines,
        connected: health.connected,
        connecting: health.connecting,
        refused: health.refused,
    }
}

pub(crate) fn counts_by_name(counts: &Counts) -> BTreeMap<String, u64> {
    let rows = [
        ("accounts", counts.accounts),
        ("devices", counts.devices),
        ("messages", counts.messages),
        ("outbox", counts.outbox),
        ("entries", counts.entries),
    ];
    rows.into_iter().map(|(what, count)| (what.to_owned(), count)).collect()
}

/// Bytes of the database file and of its write-ahead log.
pub(crate) fn of_files(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    [database, Path::new(&log)]
        .into_iter()
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum()
}
