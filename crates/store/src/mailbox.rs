use std::{fmt::Debug, sync::Arc};

use trunkline_model::{AccountId, Address, ChatId, Conversation, DeviceId, Entry, MessageId, Seq};

use crate::{Store, StoreError, store::unbuilt};

/// Hears of every committed mailbox entry.
pub trait CommitListener: Send + Sync + Debug {
    /// Called on the writer's task after COMMIT and before any waiter of the batch is answered; must not block.
    /// The entries of one account come in the order of their seq.
    fn committed(&self, entries: &[Committed]);
}

/// An entry that now stands in a mailbox.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Whose mailbox.
    pub account: AccountId,
    /// The entry.
    pub entry: Arc<Entry>,
}

/// Where a mailbox begins and ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailboxBounds {
    /// The highest seq given out; 0 when none.
    pub head: Seq,
    /// The highest seq that retention has removed; 0 when none.
    pub floor: Seq,
}

impl Store {
    /// Entries after `after`, ascending, at most `limit`.
    pub async fn mailbox(
        &self,
        _account: AccountId,
        _after: Seq,
        _limit: usize,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        unbuilt()
    }

    /// Where the mailbox begins and ends; zeros for an account without entries.
    pub async fn mailbox_bounds(&self, _account: AccountId) -> Result<MailboxBounds, StoreError> {
        unbuilt()
    }

    /// The account's side of its conversation with `peer`.
    pub async fn conversation(
        &self,
        _account: AccountId,
        _peer: &Address,
    ) -> Result<Option<Conversation>, StoreError> {
        unbuilt()
    }

    /// The conversation that phones know by this id, and with whom it is.
    pub async fn conversation_by_chat(
        &self,
        _account: AccountId,
        _chat: ChatId,
    ) -> Result<Option<(Address, Conversation)>, StoreError> {
        unbuilt()
    }

    /// The highest entry after the device's mark that carries an incoming message with this id, from `peer` if given.
    pub async fn unacknowledged(
        &self,
        _account: AccountId,
        _device: DeviceId,
        _id: &MessageId,
        _peer: Option<&Address>,
    ) -> Result<Option<Seq>, StoreError> {
        unbuilt()
    }
}
