//! The relay's own program, as a process of its own in a temp folder on free loopback ports.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Write as _,
    fs::File,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    process::{Child, Command},
};

use crate::patience;

/// A relay that runs, or has just been stopped or killed. Dropping it kills the process and removes the folder.
pub struct Relay {
    program: PathBuf,
    folder: TempDir,
    settings: BTreeMap<String, String>,
    backends: String,
    directories: String,
    environment: BTreeMap<String, OsString>,
    child: Option<Child>,
    listeners: Listeners,
}

/// Where a relay listens.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Listeners {
    /// Phones, TLS: `127.0.0.1:port`.
    pub https: Option<String>,
    /// Phones, plain.
    pub http: Option<String>,
    /// Health and metrics.
    pub admin: Option<String>,
    /// SHA-256 of the self-made certificate, colon hex.
    pub fingerprint: Option<String>,
}

/// A relay that is yet to be started.
pub struct Builder {
    program: PathBuf,
    settings: BTreeMap<String, String>,
    backends: String,
    directories: String,
    environment: BTreeMap<String, OsString>,
}

impl Builder {
    /// Sets a key of `appSettings`.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Keeps the data in this database, e.g. one of [`crate::peer::Postgres`], rather than in a file.
    pub fn database(self, url: &str) -> Self {
        self.set("DB_CONNECTION", url)
    }

    /// Adds a `<backend … />` element.
    pub fn backend(mut self, element: &str) -> Self {
        self.backends.push_str(element);
        self
    }

    /// Adds a `<directory … />` element.
    pub fn directory(mut self, element: &str) -> Self {
        self.directories.push_str(element);
        self
    }

    /// Starts it; resolves when it listens.
    pub async fn start(self) -> Result<Relay> {
        let mut relay = Relay {
            program: self.program,
            folder: TempDir::with_prefix("trunkline-")?,
            settings: self.settings,
            backends: self.backends,
            directories: self.directories,
            environment: self.environment,
            child: None,
            listeners: Listeners::default(),
        };
        relay.start().await?;
        let (https, http, admin) = (&relay.listeners.https, &relay.listeners.http, &relay.listeners.admin);
        for (key, address) in [("HTTPS_BIND", https), ("HTTP_BIND", http), ("ADMIN_BIND", admin)] {
            relay.settings.insert(key.to_owned(), address.clone().unwrap_or_default());
        }
        Ok(relay)
    }
}

impl Relay {
    /// A relay of this program, on free loopback ports, with embedded defaults for the rest.
    pub fn of(program: impl Into<PathBuf>) -> Builder {
        let settings = [
            ("HTTPS_BIND", "127.0.0.1:0"),
            ("HTTP_BIND", "127.0.0.1:0"),
            ("ADMIN_BIND", "127.0.0.1:0"),
            ("DATA_DIR", "data"),
            ("LOG_LEVEL", "info"),
        ];
        let settings = settings.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let (backends, directories) = (String::new(), String::new());
        Builder { program: program.into(), settings, backends, directories, environment: BTreeMap::new() }
    }

    /// Starts it again after [`Relay::kill`] or [`Relay::stop`], on the same ports and data.
    pub async fn start(&mut self) -> Result<()> {
        self.write_config()?;
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut child = Command::new(&self.program)
            .args(["serve", "--json", "--config"])
            .arg(self.config())
            .env_remove("TRUNKLINE_CONFIG")
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} does not start", self.program.display()))?;
        let stdout = child.stdout.take().context("no stdout")?;
        self.child = Some(child);
        let mut lines = BufReader::new(stdout);
        let mut document = String::new();
        let read = async {
            loop {
                let more = lines.read_line(&mut document).await?;
                if let Ok(listeners) = serde_json::from_str(&document) {
                    return Ok(listeners);
                }
                if more == 0 {
                    bail!("it ended before it listened");
                }
            }
        };
        match tokio::time::timeout(patience(), read).await {
            Ok(Ok(listeners)) => self.listeners = listeners,
            Ok(Err(error)) => bail!("the relay did not start: {error}; its log:\n{}", self.log()),
            Err(_) => bail!("the relay did not listen in {:?}; its log:\n{}", patience(), self.log()),
        }
        tokio::spawn(async move {
            let mut rest = Vec::new();
            // Whatever else it prints must not block it.
            let _ = lines.read_to_end(&mut rest).await;
        });
        Ok(())
    }

    /// Ends it as a power cut would: SIGKILL.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits; how it ended.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        let Some(mut child) = self.child.take() else { return Ok(ExitStatus::from_raw(0)) };
        let pid = child.id().context("it has ended already")?;
        let status = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        if !status.success() {
            bail!("kill -TERM failed");
        }
        Ok(tokio::time::timeout(patience(), child.wait())
            .await
            .context("it does not end after SIGTERM")??)
    }

    /// The process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Where it listens.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// `http://127.0.0.1:port`, for phones.
    pub fn url(&self) -> String {
        format!("http://{}", self.listeners.http.as_deref().unwrap_or_default())
    }

    /// `https://127.0.0.1:port`, for phones that trust [`Listeners::fingerprint`].
    pub fn tls_url(&self) -> String {
        format!("https://{}", self.listeners.https.as_deref().unwrap_or_default())
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("GoodConnectServer.exe.config")
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        let named = self.settings.get("DATA_DIR").map_or("data", String::as_str);
        self.folder.path().join(named)
    }

    /// The folder that holds all of this.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Everything that it has logged so far, over restarts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Writes its configuration file, as the next start would: for a reload.
    pub fn write_config(&self) -> Result<()> {
        Ok(std::fs::write(self.config(), self.xml())?)
    }

    /// Sets a key of `appSettings` for the next start.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(key.to_owned(), value.to_owned());
    }

    /// Adds an account.
    pub async fn add_account(&self, address: &str, name: &str) -> Result<()> {
        let profile = json!({"displayName": name});
        self.admin(&json!({"do": "accountAdd", "address": address, "profile": profile})).await?;
        Ok(())
    }

    /// Issues an access key.
    pub async fn access_key(&self, address: &str) -> Result<String> {
        let reply =
            self.admin(&json!({"do": "activationIssue", "address": address, "expiresSecs": 3600})).await?;
        let key = reply["key"]["accessKey"].as_str();
        Ok(key.with_context(|| format!("no access key in the answer for {address}"))?.to_owned())
    }

    /// Has a command carried out over the admin socket; a refusal is an error.
    pub async fn admin(&self, command: &Value) -> Result<Value> {
        let mut socket =
            UnixStream::connect(self.data_dir().join("admin.sock")).await.context("admin.sock")?;
        socket.write_all(format!("{command}\n").as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(socket).read_line(&mut line).await?;
        let reply: Value = serde_json::from_str(&line).context("the admin socket's answer")?;
        if reply["reply"] == "refused" {
            bail!("refused: {}", reply["refusal"]["words"]);
        }
        Ok(reply)
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("relay.log")
    }

    fn xml(&self) -> String {
        let mut xml = String::from("<configuration>\n  <appSettings>\n");
        for (key, value) in &self.settings {
            // A String takes everything.
            let _ = writeln!(xml, "    <add key=\"{key}\" value=\"{}\" />", escape(value));
        }
        xml.push_str("  </appSettings>\n");
        if !self.directories.is_empty() {
            let _ = writeln!(xml, "  <directories>{}</directories>", self.directories);
        }
        if !self.backends.is_empty() {
            let _ = writeln!(xml, "  <backends>{}</backends>", self.backends);
        }
        xml.push_str("</configuration>\n");
        xml
    }
}

fn escape(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
