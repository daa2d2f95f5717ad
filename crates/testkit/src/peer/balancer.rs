use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use super::{Authority, free_port};
use crate::eventually;

/// A program in front of a relay that ends TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Debian's nginx.
    Nginx,
    /// Debian's HAProxy.
    Haproxy,
}

/// A TLS proxy on a free loopback port, for the name `localhost`, with a configuration that was written for readers;
/// killed when dropped.
pub struct Balancer {
    // Before the folder: a living program writes into what is being removed.
    _child: Child,
    folder: TempDir,
    port: u16,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "/usr/sbin/nginx",
            Self::Haproxy => "/usr/sbin/haproxy",
        }
    }
}

impl Balancer {
    /// Starts `kind` with the text of `sample`, in which each of `changes` replaces what stands there: port, certificate
    /// and upstream cannot be those of the reader. `{port}`, `{folder}` on the right are filled in; in the folder lie
    /// `chain.pem`, `key.pem` and `both.pem`.
    pub async fn start(kind: Kind, sample: &Path, changes: &[(&str, &str)]) -> Result<Self> {
        let program = kind.program();
        ensure!(Path::new(program).exists(), "the test needs {program}: cargo xtask test installs it");
        let folder = tempfile::Builder::new().prefix("balancer-").tempdir()?;
        let port = free_port()?;
        let place = folder.path().display().to_string();
        let mut text = fs::read_to_string(sample).with_context(|| sample.display().to_string())?;
        for (from, to) in changes {
            ensure!(text.contains(from), "{} has no {from:?} to change", sample.display());
            text = text.replace(from, &to.replace("{port}", &port.to_string()).replace("{folder}", &place));
        }
        write_certificate(folder.path())?;
        let mut command = Command::new(program);
        match kind {
            Kind::Nginx => {
                fs::write(folder.path().join("site.conf"), text)?;
                fs::write(folder.path().join("main.conf"), nginx_around(&place))?;
                command.args(["-p", &place, "-e", "stderr", "-c", &format!("{place}/main.conf")]);
            }
            Kind::Haproxy => {
                fs::write(folder.path().join("haproxy.cfg"), text)?;
                command.args(["-db", "-f", &format!("{place}/haproxy.cfg")]);
            }
        }
        let log = fs::File::create(folder.path().join("log"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        let balancer = Self { _child: child, folder, port };
        let listens = || async { TcpStream::connect(balancer.address()).await };
        let heard = eventually(program, listens).await;
        heard.with_context(|| balancer.log())?;
        Ok(balancer)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `https://localhost:port`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// PEM file with the authority that signed its certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn write_certificate(folder: &Path) -> Result<()> {
    let authority = Authority::new()?;
    let identity = authority.identity(&["localhost"])?;
    fs::write(folder.join("ca.pem"), authority.certificate_pem())?;
    fs::write(folder.join("chain.pem"), &identity.certificate_pem)?;
    fs::write(folder.join("key.pem"), &identity.key_pem)?;
    fs::write(folder.join("both.pem"), identity.certificate_pem + &identity.key_pem)?;
    Ok(())
}

/// What Debian's nginx.conf would be, in one process that ends with its parent's handle.
fn nginx_around(folder: &str) -> String {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr warn;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}include {folder}/site.conf;\n}}\n"
    )
}
