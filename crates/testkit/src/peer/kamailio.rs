use std::{
    fs::{self, File},
    io,
    path::Path,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{FrontEnd, free_port, process::Process};
use crate::eventually;

const PROGRAM: &str = "/usr/sbin/kamailio";
const CONFIG: &str = include_str!("kamailio/kamailio.cfg");

/// Debian's Kamailio as a proxy between trusted applications and a [`FrontEnd`], with TLS and certificates on both
/// sides, Record-Routes of its own and headers that nobody asked for; ended when dropped.
///
/// To applications it is `pool.` before the domain, to the Front End it is the application. It leads requests of the
/// Front End to the port of the Contact that it last saw registered, so it serves one relay.
pub struct Kamailio {
    // Before the folder: fields go in this order, and a living program writes into what is being removed.
    running: Option<Process>,
    folder: TempDir,
    ports: Ports,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    /// For applications.
    pool: u16,
    /// For the Front End.
    application: u16,
}

impl Kamailio {
    /// Starts one before `front`, which sends all that is for `application` through it from now on.
    pub async fn start(front: &FrontEnd, application: &str) -> Result<Self> {
        ensure!(Path::new(PROGRAM).exists(), "the test needs {PROGRAM}: cargo xtask test installs it");
        let folder = tempfile::Builder::new().prefix("kamailio-").tempdir().context("no temporary folder")?;
        let ports = Ports { pool: free_port()?, application: free_port()? };
        let mut kamailio = Self { running: None, folder, ports };
        kamailio.write_files(front, application)?;
        kamailio.start_again().await?;
        front.behind(Some(ports.application));
        Ok(kamailio)
    }

    /// Where applications find it in place of the Front End.
    pub fn port(&self) -> u16 {
        self.ports.pool
    }

    /// Where the Front End finds it in place of the application.
    pub fn back_port(&self) -> u16 {
        self.ports.application
    }

    /// What it has logged since it was first started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Ends it: its connections break, and it forgets its transactions.
    pub fn stop(&mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), |mut running| running.end())
    }

    /// Starts it, or starts it again on the same ports, and waits until it answers on both.
    pub async fn start_again(&mut self) -> Result<()> {
        self.stop()?;
        let folder = self.folder.path();
        let log = File::options().create(true).append(true).open(folder.join("log"))?;
        let mut command = Process::command(Path::new(PROGRAM));
        // In the foreground, and with as little memory as it takes.
        command.args(["-DD", "-E", "-m", "32", "-M", "4", "-f"]).arg(folder.join("kamailio.cfg"));
        command.arg("-Y").arg(folder).current_dir(folder).stdout(log.try_clone()?).stderr(log);
        let mut running = Process::start(command)?;
        let ports = [self.ports.pool, self.ports.application];
        let listening = eventually("kamailio listens", || {
            let alive = running.is_alive();
            async move {
                for port in ports.into_iter().filter(|_| alive) {
                    TcpStream::connect(("127.0.0.1", port)).await?;
                }
                io::Result::Ok(alive)
            }
        });
        ensure!(listening.await.with_context(|| self.log())?, "kamailio ended:\n{}", self.log());
        self.running = Some(running);
        Ok(())
    }

    fn write_files(&self, front: &FrontEnd, application: &str) -> Result<()> {
        let folder = self.folder.path();
        let pool = front.host().replacen("fe1", "pool", 1);
        fs::write(folder.join("ca.pem"), front.authority().certificate_pem())?;
        for (side, name) in [("pool", pool.as_str()), ("application", application)] {
            let identity = front.authority().identity(&[name])?;
            fs::write(folder.join(format!("{side}.pem")), identity.certificate_pem)?;
            fs::write(folder.join(format!("{side}.key")), identity.key_pem)?;
        }
        let place = folder.display().to_string();
        let text = CONFIG
            .replace("PORT_OF_POOL", &self.ports.pool.to_string())
            .replace("PORT_OF_APPLICATION", &self.ports.application.to_string())
            .replace("PORT_OF_FRONT_END", &front.tls_port().to_string())
            .replace("FOLDER", &place);
        fs::write(folder.join("kamailio.cfg"), text)?;
        fs::write(folder.join("tls.cfg"), self.tls(&place))?;
        Ok(())
    }

    /// Each side sees the certificate of the other one.
    fn tls(&self, place: &str) -> String {
        let profile = |which: &str, side: &str| {
            format!(
                "[{which}]\nmethod = TLSv1.2+\nverify_certificate = yes\nrequire_certificate = yes\n\
                 ca_list = {place}/ca.pem\ncertificate = {place}/{side}.pem\nprivate_key = {place}/{side}.key\n"
            )
        };
        [
            profile("server:default", "pool"),
            profile("client:default", "pool"),
            profile("client:any", "pool") + "server_id = pool\nserver_name = pool\n",
            profile(&format!("server:127.0.0.1:{}", self.ports.application), "application"),
            profile("client:any", "application") + "server_id = application\nserver_name = application\n",
        ]
        .concat()
    }
}
