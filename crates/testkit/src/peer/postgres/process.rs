use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::{folder::is_root, program};
use crate::patience;

/// A `postgres` process.
///
/// It is told to end when the thread that started it does, so that it outlives no test, however that ends. The thread
/// therefore lives as long as this.
#[derive(Debug)]
pub(super) struct Server {
    child: Option<Child>,
    /// Dropped to let the thread go.
    _thread: mpsc::Sender<()>,
}

impl Server {
    pub(super) fn start(folder: &Path, settings: &[(String, String)]) -> Result<Self> {
        let mut command = unprivileged(&["--pdeathsig", "QUIT"], &program("postgres")?);
        command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let log = File::options().create(true).append(true).open(folder.join("postgres.log"))?;
        command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let (started, child) = mpsc::channel();
        let (thread, gone) = mpsc::channel::<()>();
        thread::spawn(move || {
            let told = started.send(command.spawn());
            // Ends with an error as soon as nobody can send any more.
            if told.is_ok() {
                let _ = gone.recv();
            }
        });
        let child = child.recv().context("the thread that starts PostgreSQL died")?;
        Ok(Self { child: Some(child.context("cannot start PostgreSQL")?), _thread: thread })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Sends a signal and waits until the process has ended.
    pub(super) fn end(mut self, signal: &str) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        if signal == "KILL" {
            // Otherwise its sessions would live on until they next looked after it.
            let sessions = children(child.id());
            child.kill()?;
            child.wait()?;
            for session in sessions {
                // It may have ended on its own.
                let _ = kill("KILL", &session);
            }
            return Ok(());
        }
        kill(signal, &child.id().to_string())?;
        wait(&mut child).map(|_| ())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // Immediate shutdown: takes its sessions and its shared memory along.
        let asked = kill("QUIT", &child.id().to_string());
        if asked.is_err() || wait(&mut child).is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The processes that this one has started.
fn children(pid: u32) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut children: Vec<String> = numbers.filter(|name| name.bytes().all(|b| b.is_ascii_digit())).collect();
    children.retain(|child| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        parent == Some(&pid.to_string())
    });
    children
}

fn wait(child: &mut Child) -> Result<ExitStatus> {
    let deadline = Instant::now() + patience();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            bail!("PostgreSQL does not end");
        }
        thread::sleep(Duration::from_millis(5)); // tidy: poll
    }
}

fn kill(signal: &str, pid: &str) -> Result<()> {
    let status = Command::new("kill").args(["-s", signal, "--", pid]).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "cannot signal PostgreSQL");
    Ok(())
}

/// The program as `nobody` when we are root, as which PostgreSQL refuses to run.
pub(super) fn unprivileged(options: &[&str], program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--no-new-privs"]);
    }
    command.args(options).arg(program);
    command
}
