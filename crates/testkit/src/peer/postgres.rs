//! Debian's PostgreSQL.

mod folder;
mod process;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::{Identity, free_port};
use crate::eventually;
use process::Server;

/// A PostgreSQL server in a temporary folder, on a Unix socket there; ended and removed when dropped, and ended too
/// when the process of the test is killed.
pub struct Postgres {
    // Before the folder: fields go in this order, and a living server writes into what is being removed.
    server: Mutex<Option<Server>>,
    folder: TempDir,
    port: u16,
    settings: Vec<(String, String)>,
    databases: AtomicU32,
}

/// The superuser, who is also the owner of every database.
const USER: &str = "trunkline";

/// Names its Unix socket; nothing listens there on the network.
const PORT: u16 = 5432;

/// Small, and in no hurry to keep anything: what a test needs to survive is the death of processes, not of machines.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("autovacuum", "off"),
    ("max_connections", "40"),
    ("shared_buffers", "16MB"),
    ("max_wal_size", "64MB"),
    ("log_min_messages", "warning"),
];

static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());

impl Postgres {
    /// A server of its own for this test.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// A server of its own with these settings besides, e.g. `("max_connections", "5")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Result<Self> {
        let folder = tokio::task::spawn_blocking(folder::fresh).await??;
        Self::start_in(folder, PORT, settings).await
    }

    /// A server of its own that also listens on loopback, where it shows this certificate to who asks for TLS.
    pub async fn start_with_tls(identity: &Identity) -> Result<Self> {
        let folder = tokio::task::spawn_blocking(folder::fresh).await??;
        let certificate = folder::give(&folder, "server.crt", &identity.certificate_pem)?;
        let key = folder::give(&folder, "server.key", &identity.key_pem)?;
        let port = free_port()?;
        let settings = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port.to_string()),
            ("ssl", "on"),
            ("ssl_cert_file", &certificate),
            ("ssl_key_file", &key),
        ];
        Self::start_in(folder, port, &settings).await
    }

    async fn start_in(folder: TempDir, port: u16, settings: &[(&str, &str)]) -> Result<Self> {
        let settings = SETTINGS.iter().chain(settings);
        let postgres = Self {
            server: Mutex::new(None),
            folder,
            port,
            settings: settings.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            databases: AtomicU32::new(0),
        };
        postgres.start_again().await?;
        Ok(postgres)
    }

    /// The server that the tests of this process share; it ends with the last that holds it.
    pub async fn shared() -> Result<Arc<Self>> {
        static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _alone = STARTING.lock().await;
        if let Some(postgres) = SHARED.lock().unwrap_or_else(PoisonError::into_inner).upgrade() {
            return Ok(postgres);
        }
        let postgres = Arc::new(Self::start().await?);
        *SHARED.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&postgres);
        Ok(postgres)
    }

    /// The URL of an empty database that nobody else uses.
    pub async fn database(&self) -> Result<String> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        // The first one is there from the start.
        let name = if number == 0 { "postgres".to_owned() } else { format!("test{number}") };
        if number > 0 {
            self.run("template1", &format!("CREATE DATABASE {name}")).await?;
        }
        Ok(self.url(&name))
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost:{}/{database}?host={}", self.port, self.folder.path().display())
    }

    /// Where it listens on loopback, with [`Self::start_with_tls`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its Unix socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
    }

    /// Runs SQL in a database as the superuser; gives what `psql` prints, without decoration.
    pub async fn run(&self, database: &str, sql: &str) -> Result<String> {
        let mut command = tokio::process::Command::new(program("psql")?);
        command.args([
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            USER,
            "-d",
            database,
            "-c",
            sql,
        ]);
        command.args(["-p", &self.port.to_string(), "-h"]).arg(self.folder.path()).stdin(Stdio::null());
        let output = command.output().await.context("psql")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "psql: {told}");
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Ends every session of a database but those that read this (`pg_terminate_backend`).
    pub async fn end_sessions(&self, database: &str) -> Result<()> {
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> \
             pg_backend_pid()"
        );
        self.run(database, &sql).await.map(|_| ())
    }

    /// Starts it, or starts it again with the same data, and waits until it serves clients.
    pub async fn start_again(&self) -> Result<()> {
        self.kill()?;
        let server = Server::start(self.folder.path(), &self.settings)?;
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        let ready = program("pg_isready")?;
        eventually("PostgreSQL serves clients", || async {
            let asked = tokio::process::Command::new(&ready)
                .args(["-q", "-t", "5", "-U", USER, "-d", "postgres", "-p", &self.port.to_string(), "-h"])
                .arg(self.folder.path())
                .status();
            match asked.await {
                Ok(status) if status.success() => Ok(()),
                other => Err(other),
            }
        })
        .await
        .with_context(|| format!("PostgreSQL's log:\n{}", self.log()))
    }

    /// Stops it as `systemctl stop` does (fast shutdown), and waits until it has ended.
    pub async fn stop(&self) -> Result<()> {
        self.end("INT")
    }

    /// Ends the server and all its sessions without warning: SIGKILL.
    pub fn kill(&self) -> Result<()> {
        self.end("KILL")
    }

    /// Its first process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(Server::pid)
    }

    /// What it has logged since it was first started.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("postgres.log")).unwrap_or_default()
    }

    fn end(&self, signal: &str) -> Result<()> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        server.map_or(Ok(()), |server| server.end(signal))
    }
}

/// A program of Debian's PostgreSQL 15.
fn program(name: &str) -> Result<PathBuf> {
    let versioned = Path::new("/usr/lib/postgresql/15/bin").join(name);
    if versioned.exists() {
        return Ok(versioned);
    }
    let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output()?;
    let path = String::from_utf8_lossy(&found.stdout).trim().to_owned();
    if path.is_empty() {
        bail!("the test needs PostgreSQL 15 ({name}): apt-get install postgresql");
    }
    Ok(path.into())
}
