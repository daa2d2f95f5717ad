use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use super::{Authority, Identity, free_port};
use crate::{eventually, patience};

/// Debian's Prosody in a temporary folder, for one domain; killed when dropped.
pub struct Prosody {
    // Before the folder: fields go in this order, and a living server writes into what is being removed.
    running: Option<Child>,
    folder: TempDir,
    options: ProsodyOptions,
    port: u16,
    direct_port: u16,
}

/// What a [`Prosody`] is to be like.
#[derive(Debug, Clone)]
pub struct ProsodyOptions {
    /// The XMPP domain.
    pub domain: String,
    /// The names in its certificate.
    pub certificate_names: Vec<String>,
    /// Whether its certificate is one that it made for itself, calling itself an authority as `prosodyctl` does.
    pub self_made: bool,
    /// Whether it offers STARTTLS; without it, it takes passwords in the clear.
    pub starttls: bool,
    /// Whether it offers stream management (XEP-0198).
    pub acknowledgements: bool,
    /// Whether it has the modules and limits that Debian's configuration begins with, rather than the least.
    pub as_shipped: bool,
    /// Whether it lets strangers in without a name, and nobody else.
    pub anonymous: bool,
    /// Whether it keeps passwords only as SCRAM hashes; otherwise in the clear.
    pub hashed_passwords: bool,
}

impl ProsodyOptions {
    /// An ordinary server for this domain.
    pub fn new(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            certificate_names: vec![domain.to_owned()],
            self_made: false,
            starttls: true,
            acknowledgements: true,
            as_shipped: false,
            anonymous: false,
            hashed_passwords: false,
        }
    }
}

impl Prosody {
    /// An ordinary server for `domain` with these users and passwords, ready for clients.
    pub async fn start(domain: &str, users: &[(&str, &str)]) -> Result<Self> {
        Self::start_with(ProsodyOptions::new(domain), users).await
    }

    /// A server as asked for, ready for clients.
    pub async fn start_with(options: ProsodyOptions, users: &[(&str, &str)]) -> Result<Self> {
        ensure!(
            Path::new("/usr/bin/prosody").exists(),
            "the test needs a real XMPP server: apt-get install prosody"
        );
        let folder = tempfile::Builder::new().prefix("prosody-").tempdir().context("no temporary folder")?;
        let (port, direct_port) = (free_port()?, free_port()?);
        let mut prosody = Self { running: None, folder, options, port, direct_port };
        prosody.write_files()?;
        for (user, password) in users {
            prosody.add_user(user, password)?;
        }
        prosody.start_again().await?;
        Ok(prosody)
    }

    /// The XMPP domain.
    pub fn domain(&self) -> &str {
        &self.options.domain
    }

    /// The loopback port that speaks STARTTLS.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The loopback port that speaks TLS from the first byte.
    pub fn direct_port(&self) -> u16 {
        self.direct_port
    }

    /// PEM file with the authority that signed the server's certificate, or with that certificate if it is self-made.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What the server has logged since it was first started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("prosody.log")).unwrap_or_default()
    }

    /// Adds a user, or changes a password; a running server sees it at the next sign-in.
    pub fn add_user(&self, user: &str, password: &str) -> Result<()> {
        let domain = self.domain().replace('.', "%2e").replace('-', "%2d");
        let folder = self.folder.path().join("data").join(domain).join("accounts");
        let account = format!("return {{ [\"password\"] = {}; }};\n", lua(password));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{user}.dat")), account)?;
        self.hand_over()
    }

    /// Asks the server to stop, as an administrator would, and waits until it has.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.running.take() else { return Ok(()) };
        signal(&child, "-TERM").await?;
        if timeout(patience(), child.wait()).await.is_err() {
            child.kill().await?;
            bail!("prosody did not stop when asked to:\n{}", self.log());
        }
        Ok(())
    }

    /// Ends the server without warning.
    pub async fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.running.take() {
            child.kill().await.context("cannot kill prosody")?;
        }
        Ok(())
    }

    /// Changes what it is like from the next start on.
    pub fn change(&mut self, change: impl FnOnce(&mut ProsodyOptions)) -> Result<()> {
        change(&mut self.options);
        fs::write(self.folder.path().join("prosody.cfg.lua"), self.config())?;
        self.hand_over()
    }

    /// Stops the process in the midst of things: its sockets stay open, and what is sent to it waits in the kernel.
    pub async fn freeze(&self) -> Result<()> {
        self.signal("-STOP").await
    }

    /// Lets a frozen process go on.
    pub async fn thaw(&self) -> Result<()> {
        self.signal("-CONT").await
    }

    /// Starts the server, or starts it again on the same ports with the same data, and waits until it serves clients.
    pub async fn start_again(&mut self) -> Result<()> {
        self.kill().await?;
        let mut command = unprivileged("/usr/bin/prosody");
        command.arg("-F").arg("--config").arg(self.folder.path().join("prosody.cfg.lua"));
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.running = Some(command.kill_on_drop(true).spawn().context("cannot start prosody")?);
        // With its port taken Prosody stays up without serving anybody, so only an answer counts.
        let (port, domain) = (self.port, self.domain().to_owned());
        eventually("prosody answers clients", || answers(port, &domain))
            .await
            .with_context(|| format!("prosody's log:\n{}", self.log()))
    }

    async fn signal(&self, signal_name: &str) -> Result<()> {
        signal(self.running.as_ref().context("prosody does not run")?, signal_name).await
    }

    fn write_files(&self) -> Result<()> {
        let folder = self.folder.path();
        let names: Vec<&str> = self.options.certificate_names.iter().map(String::as_str).collect();
        let (identity, ca) = if self.options.self_made {
            let own = Identity::self_made(&names)?;
            let ca = own.certificate_pem.clone();
            (own, ca)
        } else {
            let authority = Authority::new()?;
            (authority.identity(&names)?, authority.certificate_pem().to_owned())
        };
        fs::create_dir_all(folder.join("data"))?;
        fs::write(folder.join("ca.pem"), ca)?;
        fs::write(folder.join("server.pem"), identity.certificate_pem)?;
        fs::write(folder.join("server.key"), identity.key_pem)?;
        fs::write(folder.join("prosody.cfg.lua"), self.config())?;
        Ok(())
    }

    fn config(&self) -> String {
        let folder = lua(&self.folder.path().display().to_string());
        let mut modules = vec!["roster", "saslauth", "disco", "ping", "offline", "presence", "message", "iq"];
        modules.extend(self.options.starttls.then_some("tls"));
        modules.extend(self.options.acknowledgements.then_some("smacks"));
        let shipped = if self.options.as_shipped { SHIPPED } else { &[] };
        modules.extend(shipped);
        let modules: Vec<String> = modules.into_iter().map(lua).collect();
        let storage = match (self.options.anonymous, self.options.hashed_passwords) {
            (true, _) => "anonymous",
            (false, true) => "internal_hashed",
            (false, false) => "internal_plain",
        };
        format!(
            "local folder = {folder}\n\
             run_as_root = true\n\
             pidfile = folder .. '/prosody.pid'\n\
             data_path = folder .. '/data'\n\
             log = {{ debug = folder .. '/prosody.log' }}\n\
             interfaces = {{ '127.0.0.1' }}\n\
             c2s_ports = {{ {port} }}\n\
             c2s_direct_tls_ports = {{ {direct_port} }}\n\
             s2s_ports = {{}}\nhttp_ports = {{}}\nhttps_ports = {{}}\n\
             modules_enabled = {{ {modules} }}\n\
             modules_disabled = {{ 's2s' }}\n\
             c2s_require_encryption = {encrypted}\n\
             allow_unencrypted_plain_auth = {clear}\n\
             authentication = '{storage}'\n\
             limits = {{ c2s = {{ rate = '10kb/s' }} }}\n\
             ssl = {{ key = folder .. '/server.key', certificate = folder .. '/server.pem' }}\n\
             VirtualHost {domain}\n",
            port = self.port,
            direct_port = self.direct_port,
            modules = modules.join(", "),
            encrypted = self.options.starttls,
            clear = !self.options.starttls,
            domain = lua(self.domain()),
        )
    }

    /// Gives the folder to the user that the server runs as, when it is not ours.
    fn hand_over(&self) -> Result<()> {
        if is_root() {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(self.folder.path(), mode)?;
            let status = std::process::Command::new("chown")
                .args(["-R", "nobody:nogroup"])
                .arg(self.folder.path())
                .status()
                .context("cannot run chown")?;
            ensure!(status.success(), "cannot give the temporary folder to nobody");
        }
        Ok(())
    }
}

async fn signal(child: &Child, name: &str) -> Result<()> {
    let pid = child.id().context("prosody has ended by itself")?;
    let told = Command::new("kill").arg(name).arg(pid.to_string()).status().await;
    ensure!(told.is_ok_and(|status| status.success()), "cannot signal prosody");
    Ok(())
}

/// What Debian's Prosody has besides.
const SHIPPED: &[&str] = &[
    "blocklist",
    "bookmarks",
    "carbons",
    "csi_simple",
    "limits",
    "pep",
    "private",
    "register",
    "time",
    "uptime",
    "vcard4",
    "vcard_legacy",
    "version",
];

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The program, as `nobody` when we are root: Prosody refuses to run as root for long.
fn unprivileged(program: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs", program]);
    command
}

async fn answers(port: u16, domain: &str) -> Option<()> {
    let greeting = format!(
        "<stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    );
    let asking = async {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        socket.write_all(greeting.as_bytes()).await.ok()?;
        let mut answer = String::new();
        let mut buffer = [0; 2_048];
        while !answer.contains("features>") {
            match socket.read(&mut buffer).await.ok()? {
                0 => return None,
                read => answer.push_str(&String::from_utf8_lossy(&buffer[..read])),
            }
        }
        Some(())
    };
    timeout(Duration::from_secs(2), asking).await.ok().flatten()
}

/// A Lua string literal.
fn lua(text: &str) -> String {
    let escaped: String = text.bytes().map(|byte| format!("\\{byte:03}")).collect();
    format!("\"{escaped}\"")
}
