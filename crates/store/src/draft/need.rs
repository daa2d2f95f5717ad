use std::collections::{BTreeMap, BTreeSet};

use trunkline_model::{AccountId, Address, DeviceId, MessageId, MessageKey, Seq};

/// What the commands of a run must know; collected first, then loaded with few statements.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(super) accounts: BTreeSet<AccountId>,
    pub(super) sides: BTreeSet<(AccountId, Address)>,
    pub(super) mirrors: BTreeSet<(AccountId, AccountId)>,
    pub(super) sends: BTreeSet<(DeviceId, MessageId)>,
    pub(super) foreign: BTreeSet<(AccountId, String)>,
    pub(super) messages: BTreeSet<MessageKey>,
    pub(super) cursors: BTreeMap<DeviceId, Seq>,
    pub(super) unread: BTreeMap<(AccountId, Address), Seq>,
}

impl Needs {
    /// Address and mailbox head of an account.
    pub(crate) fn account(&mut self, account: AccountId) {
        self.accounts.insert(account);
    }

    /// An account's side of its conversation with a peer.
    pub(crate) fn side(&mut self, account: AccountId, peer: &Address) {
        self.accounts.insert(account);
        self.sides.insert((account, peer.clone()));
    }

    /// Both sides of a conversation whose peer lives on the relay too.
    pub(crate) fn both_sides(&mut self, account: AccountId, peer: &Address, recipient: Option<AccountId>) {
        self.side(account, peer);
        if let Some(recipient) = recipient {
            self.accounts.insert(recipient);
            self.mirrors.insert((recipient, account));
        }
    }

    /// What a device sent under an id.
    pub(crate) fn send(&mut self, device: DeviceId, id: &MessageId) {
        self.sends.insert((device, id.clone()));
    }

    /// What an account's line brought under an id.
    pub(crate) fn foreign(&mut self, account: AccountId, foreign_id: &str) {
        self.foreign.insert((account, foreign_id.to_owned()));
    }

    /// A message, and the mailbox of its writer.
    pub(crate) fn message(&mut self, key: MessageKey) {
        self.messages.insert(key);
    }

    /// A device's mark and the undelivered messages after it, up to a place.
    pub(crate) fn cursor(&mut self, device: DeviceId, up_to: Seq) {
        let highest = self.cursors.entry(device).or_default();
        *highest = up_to.max(*highest);
    }

    /// The unread entries of a conversation after a place.
    pub(crate) fn unread(&mut self, account: AccountId, peer: &Address, after: Seq) {
        let lowest = self.unread.entry((account, peer.clone())).or_insert(after);
        *lowest = after.min(*lowest);
    }
}
