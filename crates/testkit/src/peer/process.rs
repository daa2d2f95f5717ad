//! Programs that end with the test, however that ends.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use crate::patience;

/// A process that gets SIGTERM when the thread that started it ends, which lives as long as this: it outlives no test,
/// not even one that is killed.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    /// Dropped to let the thread go.
    _thread: mpsc::Sender<()>,
}

impl Process {
    /// The command for a program that is started so.
    pub(super) fn command(program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(program).stdin(Stdio::null());
        command
    }

    /// Starts what [`Process::command`] made.
    pub(super) fn start(mut command: Command) -> Result<Self> {
        let (started, child) = mpsc::channel();
        let (thread, gone) = mpsc::channel::<()>();
        thread::spawn(move || {
            if started.send(command.spawn()).is_ok() {
                // Ends with an error as soon as nobody can send any more.
                let _ = gone.recv();
            }
        });
        let child = child.recv().context("the thread that starts it died")?;
        Ok(Self { child: child.context("cannot start it")?, _thread: thread })
    }

    /// Whether it still runs.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end, and waits until it and what it started have.
    pub(super) fn end(&mut self) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-s", "TERM", "--", &pid]).stderr(Stdio::null()).status()?;
        ensure!(told.success(), "cannot signal process {pid}");
        let deadline = Instant::now() + patience();
        while self.is_alive() {
            if Instant::now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
                bail!("process {pid} did not end when it was asked to");
            }
            thread::sleep(Duration::from_millis(5)); // tidy: poll
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that is over needs no reason.
        let _ = self.end();
    }
}
