//! What one run of message commands changes, in memory: loaded set-wise, changed in command order, written
//! set-wise.

mod effect;
mod load;
mod message;
mod need;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use trunkline_model::{
    AccountId, Address, ChatId, Conversation, ConversationState, DeviceId, Entry, EntryBody, MessageId,
    MessageKey, MessageView, Origin, Seq, Timestamp,
};
use uuid::Uuid;

use crate::{
    StoreError,
    cache::{Cache, Side},
    clock::Clock,
    crypto::Keys,
};

pub(crate) use effect::Actor;
pub(crate) use load::read_side;
pub(crate) use message::{Change, MessageRow};
pub(crate) use need::Needs;

/// One account's side of a conversation within a run.
#[derive(Debug)]
struct HeldSide {
    side: Side,
    changed: bool,
}

/// A device's acknowledged mark within a run.
#[derive(Debug)]
struct HeldCursor {
    account: AccountId,
    acknowledged: Seq,
    /// Up to here it is known what has not been delivered: the mark goes no further in this run.
    loaded: Seq,
    changed: bool,
}

/// An entry that carries an incoming message which no device has acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Undelivered {
    /// Who wrote it.
    pub(crate) peer: Address,
    /// Which message.
    pub(crate) message: MessageKey,
}

/// An entry to be written.
#[derive(Debug)]
struct NewEntry {
    account: AccountId,
    entry: Arc<Entry>,
    /// An incoming message that counts as unread until read.
    counted: bool,
    message: Option<MessageKey>,
}

/// The run's view of the database; commands change it, [`Draft::write`] writes it.
pub(crate) struct Draft<'c> {
    cache: &'c mut Cache,
    clock: &'c mut Clock,
    keys: &'c Keys,
    addresses: HashMap<AccountId, Address>,
    heads: HashMap<AccountId, Seq>,
    sides: HashMap<(AccountId, Address), Option<HeldSide>>,
    messages: HashMap<MessageKey, MessageRow>,
    sends: HashMap<(DeviceId, MessageId), MessageKey>,
    foreign: HashMap<(AccountId, String), MessageKey>,
    cursors: HashMap<DeviceId, HeldCursor>,
    undelivered: BTreeMap<(AccountId, Seq), Undelivered>,
    unread: BTreeSet<(AccountId, Address, Seq)>,
    entries: Vec<NewEntry>,
    outbox: BTreeMap<MessageKey, Option<(AccountId, Timestamp)>>,
}

impl<'c> Draft<'c> {
    fn new(cache: &'c mut Cache, clock: &'c mut Clock, keys: &'c Keys) -> Self {
        Self {
            cache,
            clock,
            keys,
            addresses: HashMap::new(),
            heads: HashMap::new(),
            sides: HashMap::new(),
            messages: HashMap::new(),
            sends: HashMap::new(),
            foreign: HashMap::new(),
            cursors: HashMap::new(),
            undelivered: BTreeMap::new(),
            unread: BTreeSet::new(),
            entries: Vec::new(),
            outbox: BTreeMap::new(),
        }
    }

    /// The present; strictly later than every earlier answer.
    pub(crate) fn tick(&mut self) -> Timestamp {
        self.clock.tick()
    }

    pub(crate) fn address(&self, account: AccountId) -> Result<Address, StoreError> {
        let address = self.addresses.get(&account).cloned();
        address.ok_or_else(|| StoreError::NotFound(format!("there is no account number {}", account.0)))
    }

    /// Head of the mailbox after what the run has appended so far.
    pub(crate) fn head(&self, account: AccountId) -> Seq {
        self.heads.get(&account).copied().unwrap_or_default()
    }

    /// An account's side of a conversation; `None` when nothing ever happened in it.
    pub(crate) fn conversation(&self, account: AccountId, peer: &Address) -> Option<&Conversation> {
        let held = self.sides.get(&(account, peer.clone()))?.as_ref()?;
        Some(&held.side.conversation).filter(|conversation| !conversation.chat.0.is_nil())
    }

    /// Changes a side of a conversation, which begins closed when there is none.
    pub(crate) fn change<T>(
        &mut self,
        account: AccountId,
        peer: &Address,
        at: Timestamp,
        step: impl FnOnce(&mut Conversation) -> T,
    ) -> T {
        let held = self.sides.entry((account, peer.clone())).or_default().get_or_insert_with(|| HeldSide {
            side: Side { conversation: Conversation::closed(ChatId(Uuid::nil())), since: at },
            changed: false,
        });
        let before = held.side.conversation.clone();
        let outcome = step(&mut held.side.conversation);
        if held.side.conversation.state != before.state {
            held.side.since = at;
        }
        held.changed |= held.side.conversation != before;
        outcome
    }

    /// When the present state of a side began.
    pub(crate) fn pending_since(&self, account: AccountId, peer: &Address) -> Option<Timestamp> {
        let held = self.sides.get(&(account, peer.clone()))?.as_ref()?;
        let pending =
            matches!(held.side.conversation.state, ConversationState::Invited | ConversationState::Calling);
        pending.then_some(held.side.since)
    }

    pub(crate) fn message(&self, key: MessageKey) -> Option<&MessageRow> {
        self.messages.get(&key)
    }

    pub(crate) fn message_mut(&mut self, key: MessageKey) -> Option<&mut MessageRow> {
        self.messages.get_mut(&key)
    }

    pub(crate) fn view(&self, key: MessageKey) -> Option<MessageView> {
        self.messages.get(&key).map(MessageRow::view)
    }

    /// The message that the device sent under this id.
    pub(crate) fn sent_as(&self, device: DeviceId, id: &MessageId) -> Option<&MessageRow> {
        self.messages.get(self.sends.get(&(device, id.clone()))?)
    }

    /// The message that the account's line brought under this id.
    pub(crate) fn brought_as(&self, account: AccountId, foreign_id: &str) -> Option<MessageKey> {
        self.foreign.get(&(account, foreign_id.to_owned())).copied()
    }

    pub(crate) fn insert_message(&mut self, message: MessageRow) {
        if let Some(device) = message.device {
            self.sends.insert((device, message.id.clone()), message.key);
        }
        if let (Some(account), Some(foreign_id)) = (message.inbox, &message.foreign_id) {
            self.foreign.insert((account, foreign_id.clone()), message.key);
        }
        self.messages.insert(message.key, message);
    }

    /// Moves a device's mark forward, as far as what lies between was loaded; gives where it stood and where it stands.
    /// `None` when it stands there or further.
    pub(crate) fn move_cursor(
        &mut self,
        account: AccountId,
        device: DeviceId,
        up_to: Seq,
    ) -> Result<Option<(Seq, Seq)>, StoreError> {
        let cursor = self.cursors.get_mut(&device).filter(|cursor| cursor.account == account);
        let cursor =
            cursor.ok_or_else(|| StoreError::NotFound(format!("the account has no device {device}")))?;
        if up_to <= cursor.acknowledged {
            return Ok(None);
        }
        let before = cursor.acknowledged;
        cursor.acknowledged = up_to.min(cursor.loaded).max(before);
        cursor.changed |= cursor.acknowledged > before;
        Ok(Some((before, cursor.acknowledged)))
    }

    /// The incoming messages in a span of a mailbox that may not have reached a device yet.
    pub(crate) fn undelivered(&self, account: AccountId, after: Seq, up_to: Seq) -> Vec<Undelivered> {
        let span = (account, after.next())..=(account, up_to);
        self.undelivered.range(span).map(|(_, undelivered)| undelivered.clone()).collect()
    }

    /// How many messages after a place are unread.
    pub(crate) fn unread_after(&self, account: AccountId, peer: &Address, place: Seq) -> i64 {
        let after = (account, peer.clone(), place.next());
        let count = self.unread.range(after..=(account, peer.clone(), Seq(i64::MAX))).count();
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    pub(crate) fn keys(&self) -> &Keys {
        self.keys
    }

    pub(crate) fn enqueue(&mut self, key: MessageKey, account: AccountId, at: Timestamp) {
        self.outbox.insert(key, Some((account, at)));
    }

    pub(crate) fn dequeue(&mut self, key: MessageKey) {
        self.outbox.insert(key, None);
    }

    /// Appends an entry to a mailbox.
    pub(crate) fn append(
        &mut self,
        account: AccountId,
        at: Timestamp,
        origin: Origin,
        body: EntryBody,
    ) -> Seq {
        let message = shown(&body);
        self.push(account, Entry { seq: Seq(0), at, origin, body }, message, false)
    }

    /// Appends an entry whose message counts as unread.
    pub(crate) fn append_counted(&mut self, account: AccountId, at: Timestamp, body: EntryBody) -> Seq {
        let message = shown(&body);
        self.push(account, Entry { seq: Seq(0), at, origin: None, body }, message, true)
    }

    /// Appends an entry that tells something about a message of the account's.
    pub(crate) fn append_about(
        &mut self,
        account: AccountId,
        at: Timestamp,
        origin: Origin,
        about: MessageKey,
        body: EntryBody,
    ) {
        self.push(account, Entry { seq: Seq(0), at, origin, body }, Some(about), false);
    }

    fn push(&mut self, account: AccountId, entry: Entry, message: Option<MessageKey>, counted: bool) -> Seq {
        let head = self.heads.entry(account).or_default();
        *head = head.next();
        let entry = Entry { seq: *head, ..entry };
        let (seq, peer) = (entry.seq, entry.body.peer());
        if let Some(incoming) = entry.body.incoming() {
            self.undelivered
                .insert((account, seq), Undelivered { peer: peer.clone(), message: incoming.key });
        }
        if counted {
            self.unread.insert((account, peer.clone(), seq));
        }
        self.entries.push(NewEntry { account, entry: Arc::new(entry), counted, message });
        seq
    }
}

/// The message that an entry shows.
fn shown(body: &EntryBody) -> Option<MessageKey> {
    match body {
        EntryBody::MessageSent { message, .. } => Some(message.key),
        body => body.incoming().map(|message| message.key),
    }
}
