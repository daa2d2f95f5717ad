use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trunkline_core::port::Step;
use trunkline_model::{Address, DeviceId};

use super::{
    AccountView, ComparedView, DeviceView, ImportedView, KeyInForceView, KeyView, OpenKeyView, ProfileChange,
    ReloadView, RotatedView, StatusView,
};

/// What may be asked; one JSON line on the admin socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Command {
    /// Answered by [`Reply::Account`].
    AccountAdd { address: Address, profile: ProfileChange },
    /// The next page of accounts in the order of their addresses; answered by [`Reply::Accounts`].
    AccountList { after: Option<Address> },
    /// Answered by [`Reply::Account`], with its devices.
    AccountShow { address: Address },
    /// Answered by [`Reply::Account`].
    AccountSet { address: Address, change: ProfileChange },
    /// Answered by [`Reply::Account`].
    AccountEnable { address: Address, enabled: bool },
    /// Answered by [`Reply::Account`], as it was.
    AccountRemove { address: Address },
    /// A part of a file of accounts, with a key for each new one that lasts this long; answered by [`Reply::Imported`].
    AccountImport { rows: Vec<ImportRow>, keys_expire_secs: Option<u64>, dry_run: bool },
    /// Answered by [`Reply::Key`].
    ActivationIssue { address: Address, expires_secs: u64 },
    /// The open access keys of the next page of accounts; answered by [`Reply::OpenKeys`].
    ActivationList { after: Option<Address> },
    /// The open access keys of one account; answered by [`Reply::OpenKeys`].
    ActivationShow { address: Address },
    /// Makes one open access key void, or all of the account; answered by [`Reply::OpenKeys`] with those.
    ActivationRevoke { address: Address, id: Option<String> },
    /// Forgets the failed activations of a network address; answered by [`Reply::Done`].
    ActivationUnblock { source: IpAddr },
    /// The devices of the next page of accounts; answered by [`Reply::Devices`].
    DeviceList { after: Option<Address> },
    /// Answered by [`Reply::Devices`], with the one.
    DeviceShow { device: DeviceId },
    /// Answered by [`Reply::Devices`], with the one as it was.
    DeviceRevoke { device: DeviceId },
    /// The server reads its configuration again; answered by [`Reply::Reloaded`].
    Reload,
    /// How the configuration differs from what the server runs with; answered by [`Reply::Compared`].
    Compare,
    /// Everything was copied to a file; noted in the log, and answered by [`Reply::Done`].
    BackupMade { file: String },
    /// Answered by [`Reply::KeyInForce`].
    KeyShow,
    /// Puts everything under a new master key; answered by [`Reply::Rotated`].
    KeyRotate { keep_old: bool },
    /// Answered by [`Reply::Status`].
    Status,
    /// Walk the way to the account's IM system; answered by [`Reply::Examined`].
    Examine { address: Address },
}

impl Command {
    /// True for what the database may need minutes for when there is much of it.
    pub(crate) fn may_take_minutes(&self) -> bool {
        matches!(self, Self::AccountRemove { .. } | Self::KeyRotate { .. })
    }

    /// What is changed and whose, for the log; `None` for what only looks.
    pub(crate) fn change(&self) -> Option<(&'static str, String)> {
        let (action, whose) = match self {
            Self::AccountAdd { address, .. } => ("account add", address.to_string()),
            Self::AccountSet { address, .. } => ("account set", address.to_string()),
            Self::AccountEnable { address, enabled: true } => ("account enable", address.to_string()),
            Self::AccountEnable { address, enabled: false } => ("account disable", address.to_string()),
            Self::AccountRemove { address } => ("account remove", address.to_string()),
            Self::AccountImport { rows, dry_run: false, .. } => {
                ("account import", format!("{} accounts", rows.len()))
            }
            Self::ActivationIssue { address, .. } => ("activation issue", address.to_string()),
            Self::ActivationRevoke { address, .. } => ("activation revoke", address.to_string()),
            Self::ActivationUnblock { source } => ("activation unblock", source.to_string()),
            Self::BackupMade { file } => ("backup", file.clone()),
            Self::KeyRotate { keep_old: true } => ("key rotate", "the old key is kept".to_owned()),
            Self::KeyRotate { keep_old: false } => ("key rotate", "the old key is removed".to_owned()),
            Self::DeviceRevoke { device } => ("device revoke", device.to_string()),
            Self::Reload => ("reload", "the configuration".to_owned()),
            Self::AccountImport { dry_run: true, .. }
            | Self::ActivationList { .. }
            | Self::ActivationShow { .. }
            | Self::KeyShow
            | Self::AccountList { .. }
            | Self::AccountShow { .. }
            | Self::DeviceList { .. }
            | Self::DeviceShow { .. }
            | Self::Compare
            | Self::Status
            | Self::Examine { .. } => return None,
        };
        Some((action, whose))
    }
}

/// An account as a file wants it to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportRow {
    /// Whose it is.
    pub(crate) address: Address,
    /// What the file says of it.
    pub(crate) change: ProfileChange,
}

/// The answer to a [`Command`]; one JSON line. It has no `Debug`, since it may hold an access key.
#[derive(Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Reply {
    /// One account.
    Account { account: Box<AccountView> },
    /// A page of accounts; `next` is where the following page begins, absent on the last.
    Accounts { accounts: Vec<AccountView>, next: Option<Address> },
    /// Devices; `next` as above.
    Devices { devices: Vec<DeviceView>, next: Option<Address> },
    /// An access key.
    Key { key: KeyView },
    /// Access keys that are still good; `next` as above.
    OpenKeys { keys: Vec<OpenKeyView>, next: Option<Address> },
    /// What became of each account, in the order in which they were given.
    Imported { accounts: Vec<ImportedView> },
    /// It is done, and there is nothing to tell.
    Done,
    /// The master key that everything is under.
    KeyInForce { key: KeyInForceView },
    /// What a change of the master key did.
    Rotated { rotated: Box<RotatedView> },
    /// How the relay is.
    Status { status: Box<StatusView> },
    /// What a reload did.
    Reloaded { reloaded: ReloadView },
    /// What a reload or a restart would change.
    Compared { compared: ComparedView },
    /// How each step went.
    Examined { steps: Vec<Step> },
    /// It was not done.
    Refused { refusal: Refusal },
}

/// Why a command was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{words}")]
pub(crate) struct Refusal {
    /// What kind of no.
    pub(crate) kind: RefusalKind,
    /// Plain words.
    pub(crate) words: String,
}

/// What kind of no a [`Refusal`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RefusalKind {
    /// No such account or device.
    NotFound,
    /// It is there already.
    Conflict,
    /// The request itself is not understood or not possible.
    Invalid,
    /// The store failed, or is busy.
    Store,
}

impl Refusal {
    /// A refusal in plain words.
    pub(crate) fn new(kind: RefusalKind, words: impl Into<String>) -> Self {
        Self { kind, words: words.into() }
    }

    /// Its words as far as a line of the log needs them.
    pub(crate) fn first_line(&self) -> &str {
        self.words.lines().next().unwrap_or_default()
    }
}
