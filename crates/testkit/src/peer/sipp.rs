use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

use super::free_port;
use crate::{eventually, patience};

const PROGRAM: &str = "/usr/bin/sipp";
/// The scenarios, one a file.
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/peer/sipp");

/// Debian's SIPp while it plays one scenario over TCP; killed when dropped. It is built without TLS: a
/// [`super::Tunnel`] stands between it and whoever wants that.
pub struct Sipp {
    // Before the folder: fields go in this order, and a living program writes into what is being removed.
    child: Child,
    folder: TempDir,
    scenario: String,
    port: u16,
}

impl Sipp {
    /// Begins a call of its own at a loopback port, with this Call-ID; `keys` are words that the scenario holds in
    /// brackets.
    pub fn call(scenario: &str, call_id: &str, port: u16, keys: &[(&str, &str)]) -> Result<Self> {
        Self::start(scenario, keys, 1, &["-cid_str", call_id, &format!("127.0.0.1:{port}")])
    }

    /// Listens, and waits for so many calls.
    pub async fn listen(scenario: &str, keys: &[(&str, &str)], calls: u32) -> Result<Self> {
        let sipp = Self::start(scenario, keys, calls, &[])?;
        let listens = || async { TcpStream::connect(("127.0.0.1", sipp.port)).await };
        eventually("sipp listens", listens).await.with_context(|| sipp.errors())?;
        Ok(sipp)
    }

    /// Its own port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until it has played everything, which fails unless all came as the scenario says.
    pub async fn done(mut self) -> Result<()> {
        let ended = timeout(patience(), self.child.wait()).await;
        let Ok(status) = ended else { bail!("{}: not in time\n{}", self.scenario, self.errors()) };
        ensure!(status?.success(), "{}: not as it should be:\n{}", self.scenario, self.errors());
        Ok(())
    }

    fn start(scenario: &str, keys: &[(&str, &str)], calls: u32, more: &[&str]) -> Result<Self> {
        ensure!(
            Path::new(PROGRAM).exists(),
            "the test needs {PROGRAM} of Debian's sip-tester: cargo xtask test installs it"
        );
        let folder = tempfile::Builder::new().prefix("sipp-").tempdir().context("no temporary folder")?;
        let port = free_port()?;
        let file = PathBuf::from(SCENARIOS).join(format!("{scenario}.xml"));
        let mut command = Command::new(PROGRAM);
        command.arg("-sf").arg(file).args(["-t", "t1", "-i", "127.0.0.1", "-nostdin", "-skip_rlimit"]);
        command.args(["-p", &port.to_string(), "-m", &calls.to_string(), "-trace_err", "-error_file"]);
        command
            .arg(folder.path().join("errors"))
            .args(keys.iter().flat_map(|(key, value)| ["-key", key, value]));
        let child = command
            .args(["-timeout", &patience().as_secs().to_string(), "-timeout_error"])
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start sipp")?;
        Ok(Self { child, folder, scenario: scenario.to_owned(), port })
    }

    /// What it found unexpected, messages included.
    fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("errors")).unwrap_or_default()
    }
}
