use std::collections::BTreeSet;

use trunkline_model::{
    AccountId, Address, ChatId, Conversation, ConversationState, DeviceId, MessageKey, Seq, Timestamp,
};

use super::{Draft, HeldCursor, HeldSide, MessageRow, Needs, Undelivered};
use crate::{
    StoreError,
    cache::{Cache, Side},
    clock::Clock,
    crypto::Keys,
    engine::Connection,
    fault::Fault,
    sql::{chat, columns::Columns},
};

/// Entries that one acknowledgement passes over at most: a phone that was away for long must not hold up everybody's
/// transaction.
const STEP: i64 = 1_000;

impl<'c> Draft<'c> {
    /// Loads what the commands need, in three steps because the later ones follow what the earlier ones
    /// found.
    pub(crate) async fn load(
        sql: &mut Connection,
        needs: Needs,
        cache: &'c mut Cache,
        clock: &'c mut Clock,
        keys: &'c Keys,
    ) -> Result<Self, Fault> {
        let mut draft = Self::new(cache, clock, keys);
        draft.load_accounts(sql, &needs.accounts).await?;
        draft.load_sides(sql, &needs).await?;
        draft.load_sends(sql, &needs).await?;
        draft.load_foreign(sql, &needs).await?;
        draft.load_undelivered(sql, &needs).await?;
        draft.load_unread(sql, &needs).await?;
        draft.load_messages(sql, needs.messages).await?;
        draft.load_writers(sql).await?;
        Ok(draft)
    }

    async fn load_accounts(
        &mut self,
        sql: &mut Connection,
        wanted: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        let mut missing = Vec::new();
        for account in wanted {
            match self.cache.accounts.get(account) {
                Some((address, head)) => {
                    self.addresses.insert(*account, address.clone());
                    self.heads.insert(*account, *head);
                }
                None => missing.push(*account),
            }
        }
        for row in chat::ACCOUNTS.fetch(sql, &missing, |query, account| query.bind(account.0)).await? {
            let mut columns = Columns::of(&row);
            let account = AccountId(columns.next()?);
            self.addresses.insert(account, columns.address()?);
            self.heads.insert(account, Seq(columns.next::<Option<i64>>()?.unwrap_or_default()));
        }
        Ok(())
    }

    async fn load_sides(&mut self, sql: &mut Connection, needs: &Needs) -> Result<(), Fault> {
        let mirrored = needs.mirrors.iter().filter_map(|(recipient, account)| {
            self.addresses.get(account).map(|address| (*recipient, address.clone()))
        });
        let wanted: BTreeSet<(AccountId, Address)> = needs.sides.iter().cloned().chain(mirrored).collect();
        let mut missing = Vec::new();
        for key in wanted {
            match self.cache.sides.get(&key) {
                Some(side) => {
                    self.sides.insert(key, Some(HeldSide { side: side.clone(), changed: false }));
                }
                None => missing.push(key),
            }
        }
        let rows = chat::CONVERSATIONS
            .fetch(sql, &missing, |query, (account, peer)| query.bind(account.0).bind(peer.bare().to_owned()))
            .await?;
        for row in rows {
            let (account, peer, side) = read_side(&mut Columns::of(&row))?;
            self.sides.insert((account, peer), Some(HeldSide { side, changed: false }));
        }
        Ok(())
    }

    async fn load_sends(&mut self, sql: &mut Connection, needs: &Needs) -> Result<(), Fault> {
        let wanted: Vec<_> = needs.sends.iter().collect();
        let rows = chat::SENDS
            .fetch(sql, &wanted, |query, (device, id)| query.bind(device.0).bind(id.as_str().to_owned()))
            .await?;
        for row in rows {
            self.insert_message(MessageRow::read(&row)?);
        }
        Ok(())
    }

    async fn load_foreign(&mut self, sql: &mut Connection, needs: &Needs) -> Result<(), Fault> {
        let wanted: Vec<_> = needs.foreign.iter().collect();
        let rows = chat::FOREIGN
            .fetch(sql, &wanted, |query, (account, id)| query.bind(account.0).bind(id.clone()))
            .await?;
        for row in rows {
            self.insert_message(MessageRow::read(&row)?);
        }
        Ok(())
    }

    async fn load_undelivered(&mut self, sql: &mut Connection, needs: &Needs) -> Result<(), Fault> {
        let devices: Vec<DeviceId> = needs.cursors.keys().copied().collect();
        let mut spans = Vec::new();
        for row in chat::DEVICES.fetch(sql, &devices, |query, device| query.bind(device.0)).await? {
            let mut columns = Columns::of(&row);
            let (device, account) = (DeviceId(columns.next()?), AccountId(columns.next()?));
            let acknowledged = Seq(columns.next()?);
            let up_to = needs.cursors.get(&device).copied().unwrap_or_default();
            let loaded = up_to.min(Seq(acknowledged.0.saturating_add(STEP)));
            if loaded > acknowledged {
                spans.push((account, acknowledged, loaded));
            }
            self.cursors.insert(device, HeldCursor { account, acknowledged, loaded, changed: false });
        }
        spans.sort_unstable();
        spans.dedup();
        let rows = chat::UNDELIVERED
            .fetch(sql, &spans, |query, (account, after, up_to)| {
                query.bind(account.0).bind(after.0).bind(up_to.0)
            })
            .await?;
        for row in rows {
            let mut columns = Columns::of(&row);
            let place = (AccountId(columns.next()?), Seq(columns.next()?));
            let peer = columns.address()?;
            let message = MessageRow::columns(&mut columns)?;
            self.undelivered.insert(place, Undelivered { peer, message: message.key });
            self.insert_message(message);
        }
        Ok(())
    }

    async fn load_unread(&mut self, sql: &mut Connection, needs: &Needs) -> Result<(), Fault> {
        let wanted: Vec<_> = needs.unread.iter().collect();
        let rows = chat::UNREAD
            .fetch(sql, &wanted, |query, ((account, peer), after)| {
                query.bind(account.0).bind(after.0).bind(peer.bare().to_owned())
            })
            .await?;
        for row in rows {
            let mut columns = Columns::of(&row);
            self.unread.insert((AccountId(columns.next()?), columns.address()?, Seq(columns.next()?)));
        }
        Ok(())
    }

    /// The messages asked for, and those that pending invitations carry.
    async fn load_messages(
        &mut self,
        sql: &mut Connection,
        mut wanted: BTreeSet<MessageKey>,
    ) -> Result<(), Fault> {
        let invitations = self.sides.values().flatten().filter_map(|held| held.side.conversation.first);
        wanted.extend(invitations);
        let missing: Vec<_> = wanted.into_iter().filter(|key| !self.messages.contains_key(key)).collect();
        for row in chat::MESSAGES.fetch(sql, &missing, |query, key| query.bind(key.0)).await? {
            self.insert_message(MessageRow::read(&row)?);
        }
        Ok(())
    }

    /// The mailboxes of those who wrote the messages at hand, because news about a message goes there.
    async fn load_writers(&mut self, sql: &mut Connection) -> Result<(), Fault> {
        let writers = self.messages.values().filter_map(|message| message.account);
        let unknown: BTreeSet<_> = writers.filter(|account| !self.heads.contains_key(account)).collect();
        self.load_accounts(sql, &unknown).await
    }
}

pub(crate) fn read_side(columns: &mut Columns<'_>) -> Result<(AccountId, Address, Side), StoreError> {
    let (account, peer) = (AccountId(columns.next()?), columns.address()?);
    let conversation = Conversation {
        chat: ChatId(columns.next()?),
        state: ConversationState::from_code(columns.next()?)
            .ok_or_else(|| StoreError::Corrupt("a conversation has an unknown state".to_owned()))?,
        first: columns.next::<Option<_>>()?.map(MessageKey),
        unread: columns.next()?,
        read_up_to: Seq(columns.next()?),
    };
    Ok((account, peer, Side { conversation, since: Timestamp(columns.next()?) }))
}
