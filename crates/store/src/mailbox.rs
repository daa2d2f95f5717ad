mod entry;

use std::{fmt::Debug, sync::Arc};

use trunkline_model::{AccountId, Address, ChatId, Conversation, DeviceId, Entry, MessageId, Seq};

use crate::{
    Store, StoreError,
    draft::read_side,
    engine::{Row, query},
    sql::{columns::Columns, mailbox as sql},
};

/// Most entries that one read gives.
const PAGE: usize = 1_000;

/// Hears of every committed mailbox entry.
pub trait CommitListener: Send + Sync + Debug {
    /// Called on the writer's task after COMMIT and before any waiter of the batch is answered; must not
    /// block. The entries of one account come in the order of their seq.
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

/// Where a message stands that a device has not acknowledged. Two people may give theirs the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unacknowledged {
    /// The last place among those up to `shown`.
    pub last_shown: Option<Seq>,
    /// The first place of all.
    pub first: Option<Seq>,
}

impl Store {
    /// Entries after `after`, ascending, at most `limit` and 1 000.
    pub async fn mailbox(
        &self,
        account: AccountId,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        let limit = i64::try_from(limit.min(PAGE)).unwrap_or_default();
        let query = query(sql::ENTRIES).bind(account.0).bind(after.0).bind(limit);
        let rows = query.fetch_all(self.readers()).await?;
        rows.iter().map(|row| entry::read(&mut Columns::of(row)).map(Arc::new)).collect()
    }

    /// Where the mailbox begins and ends; zeros for an account without entries.
    pub async fn mailbox_bounds(&self, account: AccountId) -> Result<MailboxBounds, StoreError> {
        let row = query(sql::BOUNDS).bind(account.0).fetch_optional(self.readers()).await?;
        let Some(row) = row else { return Ok(MailboxBounds::default()) };
        Ok(MailboxBounds { head: Seq(row.try_get(0)?), floor: Seq(row.try_get(1)?) })
    }

    /// The account's side of its conversation with `peer`.
    pub async fn conversation(
        &self,
        account: AccountId,
        peer: &Address,
    ) -> Result<Option<Conversation>, StoreError> {
        let query = query(sql::CONVERSATION).bind(account.0).bind(peer.bare().to_owned());
        let row = query.fetch_optional(self.readers()).await?;
        Ok(row.as_ref().map(conversation).transpose()?.map(|(_, conversation)| conversation))
    }

    /// The conversation that phones know by this id, and with whom it is.
    pub async fn conversation_by_chat(
        &self,
        account: AccountId,
        chat: ChatId,
    ) -> Result<Option<(Address, Conversation)>, StoreError> {
        let query = query(sql::CONVERSATION_BY_CHAT).bind(account.0).bind(chat.0);
        query.fetch_optional(self.readers()).await?.as_ref().map(conversation).transpose()
    }

    /// Where entries after the device's mark carry an incoming message with this id, from `peer` if given.
    pub async fn unacknowledged(
        &self,
        account: AccountId,
        device: DeviceId,
        id: &MessageId,
        peer: Option<&Address>,
        shown: Seq,
    ) -> Result<Unacknowledged, StoreError> {
        let query = query(sql::UNACKNOWLEDGED)
            .bind(account.0)
            .bind(device.0)
            .bind(id.as_str().to_owned())
            .bind(peer.map_or("", Address::bare).to_owned())
            .bind(shown.0);
        let row = query.fetch_one(self.readers()).await?;
        let place = |at| row.try_get::<Option<i64>>(at).map(|seq| seq.map(Seq));
        Ok(Unacknowledged { last_shown: place(0)?, first: place(1)? })
    }
}

fn conversation(row: &Row) -> Result<(Address, Conversation), StoreError> {
    read_side(&mut Columns::of(row)).map(|(_, peer, side)| (peer, side.conversation))
}
