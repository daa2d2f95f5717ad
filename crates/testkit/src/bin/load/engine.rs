use std::{path::Path, time::Duration};

use anyhow::{Context, Result};
use clap::ValueEnum;
use tempfile::TempDir;
use trunkline_client::{Server, Trust, parse_fingerprint};
use trunkline_testkit::{Relay, peer::Postgres};

use crate::process::{family, processor};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// As an administrator would run it: what is acknowledged is on the disk.
const DURABLE: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("autovacuum", "on"),
    ("shared_buffers", "128MB"),
    ("max_wal_size", "1GB"),
    ("max_connections", "100"),
];

/// A database that a relay, or the store alone, can be set to work on.
pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres(Box<Postgres>, String, TempDir),
}

/// A relay and its database.
pub(crate) struct House {
    pub(crate) relay: Relay,
    database: Database,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// An empty database.
    pub(crate) async fn database(self) -> Result<Database> {
        let folder = TempDir::with_prefix("trunkline-bench-")?;
        Ok(match self {
            Self::Sqlite => Database::Sqlite(folder),
            Self::Postgres => {
                let server = Postgres::start_with(DURABLE).await?;
                let url = server.database().await?;
                Database::Postgres(Box::new(server), url, folder)
            }
        })
    }
}

impl Database {
    /// What is kept beside it: the master key, and SQLite's file itself.
    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Sqlite(folder) | Self::Postgres(_, _, folder) => folder.path(),
        }
    }

    /// As `DB_CONNECTION` names it.
    pub(crate) fn connection(&self) -> String {
        match self {
            Self::Sqlite(_) => "sqlite:trunkline.db".to_owned(),
            Self::Postgres(_, url, _) => url.clone(),
        }
    }

    /// What it takes on disk while nobody writes to it, in bytes.
    pub(crate) async fn bytes(&self) -> Result<u64> {
        match self {
            Self::Sqlite(folder) => Ok(std::fs::metadata(folder.path().join("trunkline.db"))?.len()),
            Self::Postgres(server, ..) => {
                let size = server.run("postgres", "CHECKPOINT; SELECT pg_database_size('postgres')").await?;
                size.trim().parse().with_context(|| format!("the size of the database: {size:?}"))
            }
        }
    }

    /// Processor time of the database's own processes; SQLite works inside the relay.
    pub(crate) fn processor(&self) -> Result<Duration> {
        match self {
            Self::Sqlite(_) => Ok(Duration::ZERO),
            Self::Postgres(server, ..) => family(server.pid().context("PostgreSQL runs")?),
        }
    }
}

impl House {
    /// A relay that puts no limit on a single phone or address, on an empty database.
    pub(crate) async fn open(program: &str, engine: Engine) -> Result<Self> {
        Self::on(program, engine.database().await?).await
    }

    /// The same on this database.
    pub(crate) async fn on(program: &str, database: Database) -> Result<Self> {
        Self::with(program, database, "").await
    }

    /// The same with an IM system behind it, as its `<backend … />` says.
    pub(crate) async fn with(program: &str, database: Database, backend: &str) -> Result<Self> {
        let relay = Relay::of(program)
            .set("SOCKETS_PER_ADDRESS", "100000")
            .set("REQUEST_RATE", "1000000")
            .set("REQUEST_BURST", "1000000")
            .set("LOG_LEVEL", "warn")
            .set("DATA_DIR", &database.folder().display().to_string())
            .set("DB_CONNECTION", &database.connection())
            // As the service of the package has it.
            .env("MIMALLOC_PURGE_DELAY", "0")
            .backend(backend);
        Ok(Self { relay: relay.start().await?, database })
    }

    /// Processor time of relay and database so far.
    pub(crate) fn processor(&self) -> Result<(Duration, Duration)> {
        Ok((processor(self.relay.pid().context("the relay runs")?)?, self.database.processor()?))
    }

    pub(crate) fn plain(&self) -> Result<Server> {
        Ok(Server::new(&self.relay.url(), &Trust::System)?)
    }

    pub(crate) fn secure(&self) -> Result<Server> {
        let fingerprint = self.relay.listeners().fingerprint.as_deref();
        let fingerprint = parse_fingerprint(fingerprint.context("the certificate is self-made")?)?;
        Ok(Server::new(&self.relay.tls_url(), &Trust::Fingerprint(fingerprint))?)
    }
}
