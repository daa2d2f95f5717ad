mod account;
mod activation;
mod device;
mod import;
mod key;
mod status;

pub(crate) use import::{IMPORT_BYTES, IMPORT_ROWS};
pub(crate) use status::{counts_by_name, of_files};

use std::{sync::Arc, time::Instant};

use tokio::sync::Mutex;
use tracing::info;
use trunkline_core::Relay;
use trunkline_model::Address;
use trunkline_store::{Account, Store, StoreError};

use super::{
    AccountView, Command, ImportedView, ListenersView, Outcome, Refusal, RefusalKind, Reply, view::rfc3339,
};
use crate::{place::Place, reload::Reloader};

/// Accounts in a page: a page of the longest profiles stays far below the reply's limit.
const PAGE: usize = 200;

/// Carries out commands on the store, and tells a running relay what changed.
#[derive(Clone)]
pub(crate) struct Executor {
    store: Store,
    running: Option<Running>,
    place: Place,
    /// Held while the master key changes: its files are for one change at a time.
    rotating: Arc<Mutex<()>>,
}

/// A relay at work, and what the server around it knows.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) relay: Relay,
    pub(crate) listeners: ListenersView,
    pub(crate) reloader: Reloader,
    pub(crate) since: Instant,
}

impl Executor {
    /// An executor; `running` when a relay uses the same store.
    pub(crate) fn new(store: Store, running: Option<Running>, place: Place) -> Self {
        Self { store, running, place, rotating: Arc::default() }
    }

    /// The store that commands work on.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Carries out one command of the local user with this number.
    pub(crate) async fn execute(&self, command: Command, uid: u32) -> Reply {
        let change = command.change();
        let imports = matches!(command, Command::AccountImport { dry_run: false, .. });
        let result = self.carry_out(command).await;
        if let Some((action, whose)) = change {
            let refused = result.as_ref().err().map(Refusal::first_line);
            info!(target: "audit", action, whose, uid, refused, "an administrator's change");
        }
        if let (true, Ok(Reply::Imported { accounts })) = (imports, &result) {
            note_import(accounts, uid);
        }
        result.unwrap_or_else(|refusal| Reply::Refused { refusal })
    }

    async fn carry_out(&self, command: Command) -> Result<Reply, Refusal> {
        match command {
            Command::AccountAdd { address, profile } => self.account_add(&address, profile).await,
            Command::AccountList { after } => self.account_list(after).await,
            Command::AccountShow { address } => self.account_show(&address).await,
            Command::AccountSet { address, change } => self.account_set(&address, change).await,
            Command::AccountEnable { address, enabled } => self.account_enable(&address, enabled).await,
            Command::AccountRemove { address } => self.account_remove(&address).await,
            Command::ActivationIssue { address, expires_secs } => {
                self.activation_issue(&address, expires_secs).await
            }
            Command::AccountImport { rows, keys_expire_secs, dry_run } => {
                self.account_import(rows, keys_expire_secs, dry_run).await
            }
            Command::ActivationList { after } => self.activation_list(after).await,
            Command::ActivationShow { address } => self.activation_show(&address).await,
            Command::ActivationRevoke { address, id } => {
                self.activation_revoke(&address, id.as_deref()).await
            }
            Command::ActivationUnblock { source } => self.activation_unblock(source),
            Command::DeviceList { after } => self.device_list(after).await,
            Command::DeviceShow { device } => {
                self.device(device).await.map(|view| Reply::Devices { devices: vec![view], next: None })
            }
            Command::DeviceRevoke { device } => self.device_revoke(device).await,
            Command::BackupMade { .. } => Ok(Reply::Done),
            Command::KeyShow => self.key_show().await,
            Command::KeyRotate { keep_old } => self.key_rotate(keep_old).await,
            Command::Reload => self.reload().await,
            Command::Compare => self.compare().await,
            Command::Status => Ok(self.status().await),
            Command::Examine { address } => self.examine(&address).await,
        }
    }

    async fn reload(&self) -> Result<Reply, Refusal> {
        let Some(running) = &self.running else {
            return Err(Refusal::new(RefusalKind::Invalid, "no server runs"));
        };
        running.reloader.reload().await.map(|reloaded| Reply::Reloaded { reloaded })
    }

    async fn compare(&self) -> Result<Reply, Refusal> {
        let Some(running) = &self.running else {
            return Err(Refusal::new(RefusalKind::Invalid, "no server runs"));
        };
        Ok(Reply::Compared { compared: running.reloader.compare().await })
    }

    /// Tells the relay that the account is not what it was.
    async fn announce(&self, account: &Account) -> Result<(), Refusal> {
        match &self.running {
            Some(running) => running.relay.account_changed(account.id).await.map_err(refusal),
            None => Ok(()),
        }
    }

    async fn account(&self, address: &Address) -> Result<Account, Refusal> {
        let found = self.store.account_by_address(address).await.map_err(refusal)?;
        found.ok_or_else(|| Refusal::new(RefusalKind::NotFound, format!("there is no account {address}")))
    }

    /// One page of accounts, and where the next begins.
    async fn page(&self, after: Option<Address>) -> Result<(Vec<Account>, Option<Address>), Refusal> {
        let page = self.store.accounts(after.as_ref(), PAGE).await.map_err(refusal)?;
        let next = if page.len() < PAGE { None } else { page.last().map(|account| account.address.clone()) };
        Ok((page, next))
    }

    fn told(&self, account: Account) -> Result<Reply, Refusal> {
        Ok(Reply::Account { account: Box::new(self.view(account)) })
    }

    fn view(&self, account: Account) -> AccountView {
        AccountView {
            backend: self.place.backend(&account.address).to_owned(),
            address: account.address,
            profile: account.profile,
            enabled: account.enabled,
            created_at: rfc3339(account.created_at),
            devices: None,
        }
    }
}

/// Who was added and changed: the number alone would tell nobody whose data it was.
fn note_import(accounts: &[ImportedView], uid: u32) {
    for ImportedView { address, outcome, .. } in
        accounts.iter().filter(|view| view.outcome != Outcome::Unchanged)
    {
        info!(target: "audit", action = "account import", whose = %address, ?outcome, uid, "an imported account");
    }
}

fn refusal(error: StoreError) -> Refusal {
    let kind = match error {
        StoreError::NotFound(_) => RefusalKind::NotFound,
        StoreError::Conflict(_) => RefusalKind::Conflict,
        _ => RefusalKind::Store,
    };
    Refusal::new(kind, error.to_string())
}
