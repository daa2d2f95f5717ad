use std::{collections::BTreeMap, path::Path};

use trunkline_core::BackendHealth;
use trunkline_store::{Counts, Database};

use super::{Executor, Running, refusal};
use crate::admin::{BackendView, Refusal, Reply, RunningView, StatusView};

impl Executor {
    pub(super) async fn status(&self) -> Result<Reply, Refusal> {
        let counts = self.store.counts().await.map_err(refusal)?;
        let status = StatusView {
            running: self.running.is_some(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: self.place.data_dir.display().to_string(),
            engine: Some(self.store.engine().await.map_err(refusal)?),
            database_bytes: Some(self.bytes().await?),
            counts: Some(counted(&counts)),
            server: match &self.running {
                Some(running) => Some(running.view().await?),
                None => None,
            },
        };
        Ok(Reply::Status { status: Box::new(status) })
    }

    /// What the database takes on disk.
    async fn bytes(&self) -> Result<u64, Refusal> {
        match &self.place.database {
            Database::Sqlite(file) => Ok(of_files(file)),
            Database::Postgres(_) => self.store.size().await.map_err(refusal),
        }
    }
}

impl Running {
    pub(super) async fn view(&self) -> Result<RunningView, Refusal> {
        let status = self.relay.status().await.map_err(refusal)?;
        Ok(RunningView {
            pid: std::process::id(),
            uptime_secs: self.since.elapsed().as_secs(),
            listeners: self.listeners.clone().with(self.reloader.certificate()),
            sessions: status.sessions,
            sockets: status.sockets,
            backends: status.backends.into_iter().map(backend_view).collect(),
        })
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

fn counted(counts: &Counts) -> BTreeMap<String, u64> {
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
fn of_files(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    [database, Path::new(&log)]
        .into_iter()
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum()
}
