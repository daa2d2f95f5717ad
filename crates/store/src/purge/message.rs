use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use trunkline_model::Timestamp;
use uuid::Uuid;

use super::{DEDUPE, Purge, Stage};
use crate::{
    Store, StoreError,
    crypto::Keys,
    engine::{Connection, Place, Row, query},
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, purge as sql},
};

/// Messages that one call looks at.
const PAGE: usize = 256;

/// A walk through all messages is begun at most this often. It finds what no removal of an entry has pointed to:
/// messages that were kept only because their ids must be known again when they are sent again.
const WALK_EVERY: Duration = Duration::from_secs(86_400);

impl Store {
    /// Looks at a page of all messages.
    pub(super) async fn purge_messages(
        &self,
        purge: Purge,
        after: Uuid,
    ) -> Result<Option<Stage>, StoreError> {
        let page = Messages { after, judge: self.judge(purge) };
        let found = page.read(self.readers().into()).await?;
        let next = found.get(PAGE - 1).map(|(last, _)| Stage::Messages(*last));
        if found.iter().any(|(_, fate)| *fate != Fate::Stay) {
            self.plain(page).await?;
        }
        Ok(next)
    }

    pub(super) fn judge(&self, purge: Purge) -> Judge {
        let limits = Limits {
            dedupe: purge.now.minus(DEDUPE),
            text: purge.now.minus(purge.retention.unwrap_or(DEDUPE).min(DEDUPE)),
        };
        Judge { limits, keys: self.shared.keys.present() }
    }
}

/// The stage that walks all messages, if it is time for it.
pub(super) fn walk(purge: Purge, walked: &mut Option<Timestamp>) -> Option<Stage> {
    let lately = |at: &Timestamp| *at <= purge.now && *at > purge.now.minus(WALK_EVERY);
    if walked.as_ref().is_some_and(lately) {
        return None;
    }
    *walked = Some(purge.now);
    Some(Stage::Messages(Uuid::nil()))
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// What is older need not be known again when it is sent again.
    dedupe: Timestamp,
    /// What is older and in nobody's mailbox loses its text.
    text: Timestamp,
}

/// Says what is to become of messages.
pub(super) struct Judge {
    limits: Limits,
    keys: Arc<Keys>,
}

/// A page of messages, after this one.
struct Messages {
    after: Uuid,
    judge: Judge,
}

/// What is to be done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stay,
    /// It stays, but its ids may be used anew.
    Release,
    /// Only its ids stay.
    Blank,
    Delete,
}

#[async_trait]
impl PlainCommand for Messages {
    type Answer = ();

    /// Judges again, because a message may have been sent again meanwhile.
    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let found = self.read((&mut *change.sql).into()).await?;
        self.judge.carry_out(change.sql, found).await
    }
}

impl Messages {
    async fn read(&self, place: Place<'_>) -> Result<Vec<(Uuid, Fate)>, StoreError> {
        let rows = query(sql::MESSAGES)
            .bind(self.after)
            .bind(first_id(self.judge.limits.text))
            .bind(i64::try_from(PAGE).unwrap_or(i64::MAX))
            .fetch_all(place)
            .await?;
        rows.iter().map(|row| self.judge.judge(row)).collect()
    }
}

impl Judge {
    /// Removes what may go of these messages, in whose favour an entry has just ceased to speak.
    pub(super) async fn reconsider(&self, sql: &mut Connection, keys: &[Uuid]) -> Result<(), Fault> {
        let rows = sql::MESSAGES_BY_ID.fetch(sql, keys, |query, key| query.bind(*key)).await?;
        let found: BTreeMap<Uuid, Fate> = rows.iter().map(|row| self.judge(row)).collect::<Result<_, _>>()?;
        self.carry_out(sql, found).await
    }

    async fn carry_out(
        &self,
        sql: &mut Connection,
        found: impl IntoIterator<Item = (Uuid, Fate)>,
    ) -> Result<(), Fault> {
        let (mut released, mut deleted) = (Vec::new(), Vec::new());
        for (key, fate) in found {
            match fate {
                Fate::Stay => {}
                Fate::Release => released.push(key),
                Fate::Blank => self.blank(sql, key).await?,
                Fate::Delete => deleted.push(key),
            }
        }
        sql::RELEASE_MESSAGES.execute(sql, &released, |query| query, |query, key| query.bind(*key)).await?;
        sql::DELETE_MESSAGES.execute(sql, &deleted, |query| query, |query, key| query.bind(*key)).await?;
        Ok(())
    }

    fn judge(&self, row: &Row) -> Result<(Uuid, Fate), StoreError> {
        let mut columns = Columns::of(row);
        let key: Uuid = columns.next()?;
        let sent_at = Timestamp(columns.next()?);
        let (of_device, of_line): (bool, bool) = (columns.next()?, columns.next()?);
        let (has_text, referred): (bool, bool) = (columns.next()?, columns.next()?);
        // A line's stamp may be years old when the message comes from an archive; its key tells when it came.
        let fresh = key >= first_id(self.limits.dedupe) || (of_device && sent_at >= self.limits.dedupe);
        let guards = fresh && (of_device || of_line);
        let fate = match (referred, guards) {
            (false, false) => Fate::Delete,
            (false, true) if has_text && sent_at < self.limits.text => Fate::Blank,
            (true, false) if of_device || of_line => Fate::Release,
            _ => Fate::Stay,
        };
        Ok((key, fate))
    }

    async fn blank(&self, connection: &mut Connection, key: Uuid) -> Result<(), Fault> {
        let row = query(sql::TEXT).bind(key).fetch_one(&mut *connection).await?;
        let digest = self.keys.text_digest(row.try_get(0)?);
        query(sql::BLANK).bind(key).bind(digest).execute(connection).await?;
        Ok(())
    }
}

/// The lowest key that a message of this moment can have: keys are ordered by time (UUID version 7).
fn first_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or_default();
    Uuid::from_u128(u128::from(millis) << 80)
}
