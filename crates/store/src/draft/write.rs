use std::collections::BTreeMap;

use trunkline_model::{AccountId, EntryBody, MessageKey, Seq};
use uuid::Uuid;

use super::{Change, Draft, MessageRow, NewEntry};
use crate::{
    Committed, StoreError,
    engine::{Connection, Query, query},
    fault::Fault,
    sql::chat,
};

impl Draft<'_> {
    /// Writes what the run changed, tables in the order of their references; gives the entries for the
    /// listener.
    pub(crate) async fn write(mut self, sql: &mut Connection) -> Result<Vec<Committed>, Fault> {
        self.write_heads(sql).await?;
        self.write_messages(sql).await?;
        self.write_outbox(sql).await?;
        self.write_sides(sql).await?;
        chat::INSERT_ENTRIES.execute(sql, &self.entries, |query| query, bind_entry).await?;
        self.write_cursors(sql).await?;
        self.remember();
        Ok(self.entries.into_iter().map(|new| Committed { account: new.account, entry: new.entry }).collect())
    }

    /// One upsert raises the heads, accounts in rising order; it must give what was counted in memory.
    async fn write_heads(&self, sql: &mut Connection) -> Result<(), Fault> {
        let mut added: BTreeMap<AccountId, i64> = BTreeMap::new();
        for new in &self.entries {
            *added.entry(new.account).or_default() += 1;
        }
        let added: Vec<_> = added.into_iter().collect();
        let rows = chat::RAISE_HEADS
            .returning(sql, &added, |query, (account, count)| query.bind(account.0).bind(*count))
            .await?;
        for row in rows {
            let (account, head) = (AccountId(row.try_get(0)?), Seq(row.try_get(1)?));
            if self.head(account) != head {
                let told = format!("the mailbox of account {} was changed by another program", account.0);
                return Err(StoreError::Corrupt(told).into());
            }
        }
        Ok(())
    }

    async fn write_messages(&self, sql: &mut Connection) -> Result<(), Fault> {
        let mut fresh = Vec::new();
        let mut delivered = Vec::new();
        let mut states: BTreeMap<i64, Vec<MessageKey>> = BTreeMap::new();
        for row in self.messages.values() {
            match row.change {
                Change::None => {}
                Change::New => fresh.push(row),
                Change::Delivered => delivered.push(row),
                Change::State => states.entry(row.state.code()).or_default().push(row.key),
                Change::Whole => rewrite(sql, row).await?,
            }
        }
        fresh.sort_unstable_by_key(|row| row.key);
        chat::INSERT_MESSAGES
            .execute(sql, &fresh, |query| query, |query, row| bind_message(query, row))
            .await?;
        let at = delivered.iter().filter_map(|row| row.delivered_at).max().map(|at| at.0);
        chat::SET_DELIVERED
            .execute(sql, &delivered, |query| query.bind(at), |query, row| query.bind(row.key.0))
            .await?;
        for (state, keys) in states {
            chat::SET_STATE
                .execute(sql, &keys, |query| query.bind(state), |query, key| query.bind(key.0))
                .await?;
        }
        Ok(())
    }

    async fn write_outbox(&self, sql: &mut Connection) -> Result<(), Fault> {
        let mut waiting = Vec::new();
        let mut done = Vec::new();
        for (key, row) in &self.outbox {
            match row {
                Some((account, at)) => waiting.push((key.0, account.0, at.0)),
                None => done.push(key.0),
            }
        }
        let bind =
            |query: Query, (key, account, at): &(Uuid, i64, i64)| query.bind(*key).bind(*account).bind(*at);
        chat::INSERT_OUTBOX.execute(sql, &waiting, |query| query, bind).await?;
        chat::DELETE_OUTBOX.execute(sql, &done, |query| query, |query, key| query.bind(*key)).await?;
        Ok(())
    }

    async fn write_sides(&self, sql: &mut Connection) -> Result<(), Fault> {
        let held = self.sides.iter().filter_map(|(key, held)| Some((key, held.as_ref()?)));
        let mut changed: Vec<_> =
            held.filter(|(_, held)| held.changed).map(|(key, held)| (key, &held.side)).collect();
        changed.sort_unstable_by_key(|(key, _)| *key);
        chat::PUT_CONVERSATIONS
            .execute(
                sql,
                &changed,
                |query| query,
                |query, ((account, peer), side)| {
                    let conversation = &side.conversation;
                    query
                        .bind(account.0)
                        .bind(peer.bare().to_owned())
                        .bind(conversation.chat.0)
                        .bind(conversation.state.code())
                        .bind(conversation.first.map(|key| key.0))
                        .bind(conversation.unread)
                        .bind(conversation.read_up_to.0)
                        .bind(side.since.0)
                },
            )
            .await?;
        Ok(())
    }

    async fn write_cursors(&self, sql: &mut Connection) -> Result<(), Fault> {
        let changed = self.cursors.iter().filter(|(_, cursor)| cursor.changed);
        let mut moved: Vec<_> = changed.map(|(device, cursor)| (device.0, cursor.acknowledged.0)).collect();
        moved.sort_unstable();
        chat::MOVE_CURSORS
            .execute(sql, &moved, |query| query, |query, (device, mark)| query.bind(*device).bind(*mark))
            .await?;
        Ok(())
    }

    /// Hands what was written to the cache; a transaction that then fails makes the writer clear it.
    fn remember(&mut self) {
        for (account, address) in self.addresses.drain() {
            let head = self.heads.get(&account).copied().unwrap_or_default();
            self.cache.accounts.put(account, (address, head));
        }
        for (key, held) in self.sides.drain() {
            if let Some(held) = held {
                self.cache.sides.put(key, held.side);
            }
        }
    }
}

async fn rewrite(sql: &mut Connection, row: &MessageRow) -> Result<(), sqlx::Error> {
    query(chat::REWRITE_MESSAGE)
        .bind(row.key.0)
        .bind(row.chat.0)
        .bind(row.text.expose().to_owned())
        .bind(row.digest.clone())
        .bind(row.state.code())
        .bind(row.failure.as_ref().map(|(code, _)| *code))
        .bind(row.failure.as_ref().map(|(_, reason)| reason.clone()))
        .bind(row.sent_at.0)
        .bind(row.delivered_at.map(|at| at.0))
        .bind(row.attempts)
        .execute(sql)
        .await
        .map(|_| ())
}

fn bind_message(query: Query, row: &MessageRow) -> Query {
    query
        .bind(row.key.0)
        .bind(row.account.map(|account| account.0))
        .bind(row.device.map(|device| device.0))
        .bind(row.id.as_str().to_owned())
        .bind(row.peer.bare().to_owned())
        .bind(row.chat.0)
        .bind(row.text.expose().to_owned())
        .bind(row.digest.clone())
        .bind(row.inbox.map(|account| account.0))
        .bind(row.foreign_id.clone())
        .bind(row.state.code())
        .bind(row.failure.as_ref().map(|(code, _)| *code))
        .bind(row.failure.as_ref().map(|(_, reason)| reason.clone()))
        .bind(row.sent_at.0)
        .bind(row.delivered_at.map(|at| at.0))
        .bind(row.attempts)
}

/// The columns of an entry that only some kinds have.
#[derive(Default)]
struct Particulars<'e> {
    status: Option<&'static str>,
    up_to: Option<i64>,
    unread: Option<i64>,
    code: Option<i64>,
    reason: Option<&'e str>,
    unknown: Option<bool>,
}

fn bind_entry(query: Query, new: &NewEntry) -> Query {
    let entry = &new.entry;
    let (chat, particulars) = split(&entry.body);
    query
        .bind(new.account.0)
        .bind(entry.seq.0)
        .bind(entry.at.0)
        .bind(entry.origin.map(|device| device.0))
        .bind(entry.body.kind().code())
        .bind(entry.body.peer().bare().to_owned())
        .bind(chat)
        .bind(new.message.map(|key| key.0))
        .bind(particulars.status)
        .bind(particulars.up_to)
        .bind(particulars.unread.or(new.counted.then_some(1)))
        .bind(particulars.code)
        .bind(particulars.reason.map(ToOwned::to_owned))
        .bind(particulars.unknown)
}

fn split(body: &EntryBody) -> (Uuid, Particulars<'_>) {
    let none = Particulars::default();
    match body {
        EntryBody::InvitationReceived { chat, .. }
        | EntryBody::MessageReceived { chat, .. }
        | EntryBody::MessageSent { chat, .. }
        | EntryBody::MessageDelivered { chat, .. }
        | EntryBody::ChatEnded { chat, .. } => (chat.0, none),
        EntryBody::InvitationUpdate { chat, status, .. } => {
            (chat.0, Particulars { status: Some(status.name()), ..none })
        }
        EntryBody::MessageFailed { chat, code, reason, unknown, .. } => {
            (chat.0, Particulars { code: Some(*code), reason: Some(reason), unknown: Some(*unknown), ..none })
        }
        EntryBody::ConversationRead { chat, up_to, unread, .. } => {
            (chat.0, Particulars { up_to: Some(up_to.0), unread: Some(*unread), ..none })
        }
    }
}
