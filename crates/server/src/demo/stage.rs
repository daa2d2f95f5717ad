use std::{fs, net::SocketAddr, path::PathBuf};

use tempfile::TempDir;
use tokio::task::JoinHandle;
use trunkline_http::Stop;
use trunkline_model::Address;

use crate::{
    admin::{Command, Executor, Reply, own_uid},
    assembly::Assembly,
    configuration,
    exit::Failure,
    reload::Origin,
};

/// The configuration of the demo's relay: free ports on loopback, everything in the file's own folder.
const CONFIGURATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<!-- Of `trunkline demo`; gone when it ends. -->
<configuration>
  <appSettings>
    <add key="HTTPS_BIND" value="" />
    <add key="HTTP_BIND" value="127.0.0.1:0" />
    <add key="ADMIN_BIND" value="127.0.0.1:0" />
    <add key="DATA_DIR" value="data" />
    <add key="DRAIN_SECS" value="1" />
  </appSettings>
</configuration>
"#;

/// A relay of its own in a temporary folder.
pub(super) struct Stage {
    folder: TempDir,
    relay: SocketAddr,
    executor: Executor,
    server: JoinHandle<()>,
}

impl Stage {
    /// Makes the folder and starts the relay, which ends with `stop`.
    pub(super) async fn set(stop: &Stop) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("trunkline-demo-").tempdir()?;
        let file = folder.path().join(trunkline_config::FILE_NAME);
        fs::write(&file, CONFIGURATION)?;
        let config = configuration::load(Some(&file))?.config;
        let origin = Origin { named: Some(file), log_level: None };
        let assembly = Assembly::start(&config, origin, stop).await?;
        let address = assembly.listeners().http.as_deref().and_then(|at| at.parse().ok());
        let relay = address.ok_or_else(|| Failure::failed("the demo's relay does not listen"))?;
        let executor = assembly.executor();
        let stop = stop.clone();
        let server = tokio::spawn(async move {
            if let Err(failure) = assembly.run(stop).await {
                eprintln!("the demo's relay ended: {failure}");
            }
        });
        Ok(Self { folder, relay, executor, server })
    }

    /// Where the relay takes phones.
    pub(super) fn relay(&self) -> SocketAddr {
        self.relay
    }

    /// The relay's configuration file.
    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.path().join(trunkline_config::FILE_NAME)
    }

    /// What an administrator does, as the command line does it.
    pub(super) async fn administer(&self, command: Command) -> Result<Reply, String> {
        match self.executor.execute(command, own_uid()).await {
            Reply::Refused { refusal } => Err(refusal.words),
            reply => Ok(reply),
        }
    }

    /// Puts people into somebody's roster, as their phone would.
    pub(super) async fn befriend(&self, who: &Address, friends: &[Address]) -> Result<(), String> {
        let store = self.executor.store();
        let account = store.account_by_address(who).await.map_err(|error| error.to_string())?;
        let account = account.ok_or_else(|| format!("{who} has no account"))?;
        for friend in friends {
            store.contact_add(account.id, friend, None).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Waits until the relay, told to stop, has ended; then removes the folder.
    pub(super) async fn strike(self) {
        if let Err(error) = self.server.await {
            eprintln!("the demo's relay broke: {error}");
        }
        if let Err(error) = self.folder.close() {
            eprintln!("the demo's folder cannot be removed: {error}");
        }
    }
}
