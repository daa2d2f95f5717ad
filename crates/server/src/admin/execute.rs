use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use tracing::info;
use trunkline_core::{BackendHealth, Relay};
use trunkline_model::{Address, DeviceId, Profile, Timestamp};
use trunkline_store::{Account, Counts, DeviceRow, Store, StoreError};

use super::{
    AccountView, BackendView, Command, DeviceView, KeyView, ListenersView, ProfileChange, Refusal,
    RefusalKind, Reply, RunningView, StatusView, view::rfc3339,
};
use crate::{place::Place, reload::Reloader};

/// Accounts in a page: a page of the longest profiles stays far below the reply's limit.
const PAGE: usize = 200;
/// Longest field of a profile, in characters.
const FIELD_MAX: usize = 255;

/// Carries out commands on the store, and tells a running relay what changed.
#[derive(Clone)]
pub(crate) struct Executor {
    store: Store,
    running: Option<Running>,
    place: Place,
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
        Self { store, running, place }
    }

    /// The store that commands work on.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Carries out one command.
    pub(crate) async fn execute(&self, command: Command) -> Reply {
        let change = command.change();
        let result = self.carry_out(command).await;
        if let Some((action, whose)) = change {
            let refused = result.as_ref().err().map(|refusal| refusal.words.as_str());
            info!(action, whose, refused, "an administrator's change");
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
            Command::DeviceList { after } => self.device_list(after).await,
            Command::DeviceShow { device } => {
                self.device(device).await.map(|view| Reply::Devices { devices: vec![view], next: None })
            }
            Command::DeviceRevoke { device } => self.device_revoke(device).await,
            Command::Reload => self.reload().await,
            Command::Status => self.status().await,
            Command::Examine { address } => self.examine(&address).await,
        }
    }

    async fn account_add(&self, address: &Address, profile: ProfileChange) -> Result<Reply, Refusal> {
        let profile = checked(profile.over(Profile::default()))?;
        let account = self.store.account_add(address, &profile).await.map_err(|error| match error {
            StoreError::Conflict(_) => {
                Refusal::new(RefusalKind::Conflict, format!("there is already an account {address}"))
            }
            other => refusal(other),
        })?;
        self.told(account)
    }

    async fn account_list(&self, after: Option<Address>) -> Result<Reply, Refusal> {
        let (page, next) = self.page(after).await?;
        Ok(Reply::Accounts { accounts: page.into_iter().map(|account| self.view(account)).collect(), next })
    }

    async fn account_show(&self, address: &Address) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        let devices = self.devices(&account).await?;
        let view = AccountView { devices: Some(devices), ..self.view(account) };
        Ok(Reply::Account { account: Box::new(view) })
    }

    async fn account_set(&self, address: &Address, change: ProfileChange) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        let profile = checked(change.over(account.profile.clone()))?;
        self.store.account_set(account.id, &profile).await.map_err(refusal)?;
        self.announce(&account).await?;
        self.told(Account { profile, ..account })
    }

    async fn account_enable(&self, address: &Address, enabled: bool) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        self.store.account_enable(account.id, enabled).await.map_err(refusal)?;
        self.announce(&account).await?;
        self.told(Account { enabled, ..account })
    }

    async fn account_remove(&self, address: &Address) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        self.store.account_remove(account.id).await.map_err(refusal)?;
        self.announce(&account).await?;
        self.told(account)
    }

    async fn activation_issue(&self, address: &Address, expires_secs: u64) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        if !account.enabled {
            let words = format!("{address} is disabled; enable it first: trunkline account enable {address}");
            return Err(Refusal::new(RefusalKind::Invalid, words));
        }
        let expires_at = Timestamp::now().plus(Duration::from_secs(expires_secs));
        let key = self.store.activation_issue(account.id, expires_at).await.map_err(refusal)?;
        let key = KeyView {
            address: account.address,
            access_key: key.to_string(),
            expires_at: rfc3339(expires_at),
        };
        Ok(Reply::Key { key })
    }

    async fn device_list(&self, after: Option<Address>) -> Result<Reply, Refusal> {
        let (page, next) = self.page(after).await?;
        let mut devices = Vec::new();
        for account in &page {
            devices.extend(self.devices(account).await?);
        }
        Ok(Reply::Devices { devices, next })
    }

    async fn device_revoke(&self, device: DeviceId) -> Result<Reply, Refusal> {
        let view = self.device(device).await?;
        let account = self.store.device_revoke(device).await.map_err(refusal)?;
        if let Some(running) = &self.running {
            running.relay.device_revoked(account, device).await;
        }
        Ok(Reply::Devices { devices: vec![DeviceView { revoked: true, ..view }], next: None })
    }

    async fn reload(&self) -> Result<Reply, Refusal> {
        let Some(running) = &self.running else {
            return Err(Refusal::new(RefusalKind::Invalid, "no server runs"));
        };
        running.reloader.reload().await.map(|reloaded| Reply::Reloaded { reloaded })
    }

    async fn status(&self) -> Result<Reply, Refusal> {
        let counts = self.store.counts().await.map_err(refusal)?;
        let status = StatusView {
            running: self.running.is_some(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: self.place.data_dir.display().to_string(),
            database_bytes: Some(database_bytes(&self.place.database)),
            counts: Some(counted(&counts)),
            server: match &self.running {
                Some(running) => Some(running.view().await?),
                None => None,
            },
        };
        Ok(Reply::Status { status: Box::new(status) })
    }

    async fn examine(&self, address: &Address) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        let Some(running) = &self.running else {
            return Err(Refusal::new(RefusalKind::Invalid, "no server runs here that could examine it"));
        };
        let steps = running.relay.examine(account.id, &account.address).await.map_err(refusal)?;
        Ok(Reply::Examined { steps })
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

    async fn devices(&self, account: &Account) -> Result<Vec<DeviceView>, Refusal> {
        let head = self.store.mailbox_bounds(account.id).await.map_err(refusal)?.head;
        let rows = self.store.devices(account.id).await.map_err(refusal)?;
        Ok(rows.into_iter().map(|row| device_view(row, &account.address, head.0)).collect())
    }

    async fn device(&self, device: DeviceId) -> Result<DeviceView, Refusal> {
        let unknown = || Refusal::new(RefusalKind::NotFound, format!("there is no device {device}"));
        let row = self.store.device(device).await.map_err(refusal)?.ok_or_else(unknown)?;
        let account = self.store.account(row.account).await.map_err(refusal)?.ok_or_else(unknown)?;
        let head = self.store.mailbox_bounds(account.id).await.map_err(refusal)?.head;
        Ok(device_view(row, &account.address, head.0))
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

impl Running {
    async fn view(&self) -> Result<RunningView, Refusal> {
        let status = self.relay.status().await.map_err(refusal)?;
        Ok(RunningView {
            pid: std::process::id(),
            uptime_secs: self.since.elapsed().as_secs(),
            listeners: ListenersView { fingerprint: self.reloader.fingerprint(), ..self.listeners.clone() },
            sessions: status.sessions,
            sockets: status.sockets,
            backends: status.backends.into_iter().map(backend_view).collect(),
        })
    }
}

fn backend_view(health: BackendHealth) -> BackendView {
    BackendView {
        kind: health.kind.to_owned(),
        domain: health.domain,
        lines: health.lines,
        connected: health.connected,
        connecting: health.connecting,
        refused: health.refused,
    }
}

fn device_view(row: DeviceRow, address: &Address, head: i64) -> DeviceView {
    DeviceView {
        id: row.id,
        address: address.clone(),
        name: row.name,
        platform: row.platform,
        app_version: row.app_version,
        created_at: rfc3339(row.created_at),
        last_seen: rfc3339(row.last_seen),
        revoked: row.revoked,
        behind: head.saturating_sub(row.acknowledged.0).max(0),
    }
}

/// Refuses fields that no directory would hold.
fn checked(profile: Profile) -> Result<Profile, Refusal> {
    let Profile { display_name, email, title, work_phone, mobile_phone, department, company, office } =
        &profile;
    let fields = [display_name, email, title, work_phone, mobile_phone, department, company, office];
    for field in fields {
        if field.chars().count() > FIELD_MAX || field.chars().any(char::is_control) {
            let words =
                format!("a field has over {FIELD_MAX} characters, or a control character: {field:.40?}");
            return Err(Refusal::new(RefusalKind::Invalid, words));
        }
    }
    Ok(profile)
}

fn counted(counts: &Counts) -> BTreeMap<String, u64> {
    let rows = [
        ("accounts", counts.accounts),
        ("devices", counts.devices),
        ("messages", counts.messages),
        ("outbox", counts.outbox),
        ("entries", counts.entries),
    ];
    rows.into_iter().map(|(what, count)| (what.to_owned(), count)).collect()
}

/// Bytes of the database file and of its write-ahead log.
fn database_bytes(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    [database, Path::new(&log)]
        .into_iter()
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum()
}

fn refusal(error: StoreError) -> Refusal {
    let kind = match error {
        StoreError::NotFound(_) => RefusalKind::NotFound,
        StoreError::Conflict(_) => RefusalKind::Conflict,
        _ => RefusalKind::Store,
    };
    Refusal::new(kind, error.to_string())
}
