use std::{path::PathBuf, process::Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::fleet::{DOMAIN, LIMIT};

/// The name of the relay in its certificate.
const RELAY: &str = "relay.bench.test";

/// A Front End that is a process of its own; it ends when dropped.
pub(crate) struct Front {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
    port: u16,
}

#[derive(Debug, Deserialize)]
struct Begun {
    port: u16,
}

/// How it stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Standing {
    signed_in: usize,
    complaints: Vec<String>,
}

impl Front {
    /// One with so many users, each with so many others on his list.
    pub(crate) async fn start(users: usize, contacts: usize) -> Result<Self> {
        let folder = TempDir::with_prefix("trunkline-front-")?;
        let mut child = Command::new(program()?)
            .args(["--domain", DOMAIN, "--trust", RELAY])
            .args(["--users", &users.to_string(), "--contacts", &contacts.to_string()])
            .arg("--folder")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the Front End does not start")?;
        let orders = child.stdin.take().context("no stdin")?;
        let mut answers = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let Begun { port } = read(&mut answers).await?;
        Ok(Self { child, orders, answers, folder, port })
    }

    /// The `<backend … />` of a relay that signs in to it, with so many REGISTERs a second at most.
    pub(crate) fn backend(&self, rate: u32) -> String {
        let (port, at) = (self.port, self.folder.path().display());
        format!(
            r#"<backend kind="lync" domain="{DOMAIN}" pool="pool.{DOMAIN}" host="127.0.0.1" port="{port}"
            localFqdn="{RELAY}" listen="127.0.0.1:0" certificateFile="{at}/relay.pem" loginRate="{rate}"
            privateKeyFile="{at}/key.pem" caFile="{at}/ca.pem" allowedPeers="pool.{DOMAIN} fe1.{DOMAIN}" />"#
        )
    }

    /// Lets go of all connections and registrations, and listens no more.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.ask("stop").await.map(|_| ())
    }

    /// Listens again.
    pub(crate) async fn resume(&mut self) -> Result<()> {
        self.ask("resume").await.map(|_| ())
    }

    /// How many users are signed in; an error when the relay did what a real server would not have stood.
    pub(crate) async fn signed_in(&mut self) -> Result<usize> {
        let Standing { signed_in, complaints } = self.ask("state").await?;
        ensure!(complaints.is_empty(), "the Front End complains: {complaints:?}");
        Ok(signed_in)
    }

    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the Front End has ended")
    }

    async fn ask(&mut self, order: &str) -> Result<Standing> {
        self.orders.write_all(format!("{order}\n").as_bytes()).await?;
        read(&mut self.answers).await
    }
}

async fn read<T: for<'a> Deserialize<'a>>(answers: &mut Lines<BufReader<ChildStdout>>) -> Result<T> {
    let line = timeout(LIMIT, answers.next_line()).await.context("the Front End does not answer")??;
    Ok(serde_json::from_str(&line.context("the Front End has ended")?)?)
}

/// It is built beside this program.
fn program() -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name("front_end"))
}
