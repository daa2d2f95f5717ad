//! OpenSSL's own client and server, as stand-ins for Front Ends with an old Schannel.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use trunkline_lync::address::Target;
use trunkline_testkit::{patience, peer::Identity};

use crate::stage::POOL;

/// What servers speak that rustls does not, in the words of OpenSSL's programs.
pub(crate) const OLD: &[(&str, &[&str])] = &[
    ("TLS 1.0", &["-tls1", "-cipher", "AES128-SHA:@SECLEVEL=0"]),
    ("TLS 1.1", &["-tls1_1", "-cipher", "AES128-SHA:@SECLEVEL=0"]),
    ("TLS 1.2 with RSA and CBC", &["-tls1_2", "-cipher", "AES256-SHA:@SECLEVEL=0"]),
    ("TLS 1.2 with RSA and GCM", &["-tls1_2", "-cipher", "AES256-GCM-SHA384:@SECLEVEL=0"]),
    (
        "TLS 1.2 with CBC and signatures with SHA-1",
        &["-tls1_2", "-cipher", "ECDHE-RSA-AES256-SHA:@SECLEVEL=0", "-sigalgs", "RSA+SHA1"],
    ),
];

/// The same with the keys that certificates of the testkit have.
#[cfg(feature = "legacy-tls")]
pub(crate) const OLD_EC: &[&str] = &["-tls1_1", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"];

/// An authority that signs with SHA-1.
pub(crate) struct OldHouse {
    folder: TempDir,
}

impl OldHouse {
    pub(crate) async fn new() -> Result<Self> {
        let house = Self { folder: tempfile::tempdir()? };
        std::fs::write(house.file("none.cnf"), "[req]\ndistinguished_name = none\n[none]\n")?;
        house.request("ca", &["-addext", "basicConstraints=critical,CA:TRUE"]).await?;
        Ok(house)
    }

    /// A certificate as old authorities make them, with an RSA key.
    pub(crate) async fn identity(&self, names: &[&str]) -> Result<Identity> {
        self.with_key(names, &[]).await
    }

    /// The same with a key of another kind, in the words of `openssl req`.
    pub(crate) async fn with_key(&self, names: &[&str], key: &[&str]) -> Result<Identity> {
        let names: Vec<_> = names.iter().map(|name| format!("DNS:{name}")).collect();
        let names = format!("subjectAltName={}", names.join(","));
        let words = [&["-addext", &names, "-CA", "ca.pem", "-CAkey", "ca.key"], key].concat();
        self.request("own", &words).await?;
        let read = |name| std::fs::read_to_string(self.file(name));
        Ok(Identity { certificate_pem: read("own.pem")?, key_pem: read("own.key")? })
    }

    async fn request(&self, name: &str, more: &[&str]) -> Result<()> {
        let usual = ["req", "-x509", "-config", "none.cnf", "-newkey", "rsa:2048", "-nodes", "-sha1"];
        let mut command = program(&usual);
        command.args(["-subj", &format!("/CN=old {name}"), "-keyout", &format!("{name}.key")]);
        command.args(["-out", &format!("{name}.pem")]).args(more).current_dir(self.folder.path());
        run(&mut command).await
    }

    /// Parameters for DHE that are broken in an afternoon.
    #[cfg(feature = "legacy-tls")]
    pub(crate) async fn dh_params(&self) -> Result<PathBuf> {
        let path = self.file("dh.pem");
        run(program(&["dhparam", "-dsaparam", "-out"]).arg(&path).arg("512")).await?;
        Ok(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn authority(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.file("ca.pem"))?)
    }
}

async fn run(command: &mut Command) -> Result<()> {
    let output = command.output().await.context("cannot start openssl: apt-get install openssl")?;
    ensure!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn program(words: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.kill_on_drop(true);
    command
}

/// `openssl s_server`.
pub(crate) struct Server {
    _process: Child,
    _folder: TempDir,
    at: SocketAddr,
    /// What is typed to it.
    #[cfg_attr(not(feature = "legacy-tls"), expect(dead_code))]
    pub(crate) typed: ChildStdin,
    /// What it says.
    #[cfg_attr(not(feature = "legacy-tls"), expect(dead_code))]
    says: Lines<BufReader<ChildStdout>>,
}

impl Server {
    pub(crate) async fn new(identity: &Identity, ca_file: &Path, words: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = program(&["s_server", "-accept", "127.0.0.1:0", "-verify_return_error"]);
        with_identity(&mut command, folder.path(), Some(identity))?;
        command.arg("-CAfile").arg(ca_file).args(words);
        let mut process = command.spawn().context("cannot start openssl: apt-get install openssl")?;
        let typed = process.stdin.take().context("no stdin")?;
        let mut says = BufReader::new(process.stdout.take().context("no stdout")?).lines();
        let at = timeout(patience(), async {
            while let Some(line) = says.next_line().await? {
                if let Some(at) = line.strip_prefix("ACCEPT ") {
                    return Ok(at.parse()?);
                }
            }
            let mut error = String::new();
            process.stderr.take().context("no stderr")?.read_to_string(&mut error).await?;
            anyhow::bail!("openssl s_server ended: {error}")
        });
        let at = at.await.context("openssl s_server did not listen")??;
        Ok(Self { _process: process, _folder: folder, at, typed, says })
    }

    pub(crate) fn target(&self) -> Target {
        Target { name: POOL.to_owned(), host: Some(self.at.ip().to_string()), port: self.at.port() }
    }
}

#[cfg(feature = "legacy-tls")]
impl Server {
    /// Waits until it says something with these words in it.
    pub(crate) async fn hear(&mut self, words: &str) -> Result<()> {
        let mut heard = Vec::new();
        while !heard.last().is_some_and(|line: &String| line.contains(words)) {
            let line = timeout(patience(), self.says.next_line()).await;
            let line = line.with_context(|| format!("no {words} in {heard:?}"))?;
            heard.push(line?.with_context(|| format!("it ended: {heard:?}"))?);
        }
        Ok(())
    }
}

/// `openssl s_client`.
pub(crate) struct Client {
    _process: Child,
    _folder: TempDir,
    _typed: ChildStdin,
}

impl Client {
    /// Says `hello` when it has shaken hands.
    pub(crate) async fn connect(at: SocketAddr, identity: Option<&Identity>, words: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = program(&["s_client", "-quiet", "-connect", &at.to_string()]);
        with_identity(&mut command, folder.path(), identity)?;
        command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().context("cannot start openssl: apt-get install openssl")?;
        let mut typed = process.stdin.take().context("no stdin")?;
        typed.write_all(b"hello\n").await?;
        Ok(Self { _process: process, _folder: folder, _typed: typed })
    }
}

fn with_identity(command: &mut Command, folder: &Path, identity: Option<&Identity>) -> Result<()> {
    let Some(identity) = identity else { return Ok(()) };
    let (certificate, key) = (folder.join("own.pem"), folder.join("own.key"));
    std::fs::write(&certificate, &identity.certificate_pem)?;
    std::fs::write(&key, &identity.key_pem)?;
    command.arg("-cert").arg(&certificate).arg("-key").arg(&key);
    Ok(())
}
