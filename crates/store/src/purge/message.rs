use std::sync::Arc;

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

impl Store {
    pub(super) async fn purge_messages(
        &self,
        purge: Purge,
        after: Uuid,
    ) -> Result<Option<Stage>, StoreError> {
        let limits = Limits {
            dedupe: purge.now.minus(DEDUPE),
            text: purge.now.minus(purge.retention.unwrap_or(DEDUPE).min(DEDUPE)),
        };
        let page = Messages { after, limits, keys: self.shared.keys.present() };
        let found = page.read(self.readers().into()).await?;
        let next = found.get(PAGE - 1).map(|(last, _)| Stage::Messages(*last));
        if found.iter().any(|(_, fate)| *fate != Fate::Stay) {
            self.plain(page).await?;
        }
        Ok(next)
    }
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// What is older need not be known again when it is sent again.
    dedupe: Timestamp,
    /// What is older and in nobody's mailbox loses its text.
    text: Timestamp,
}

/// A page of messages, after this one.
struct Messages {
    after: Uuid,
    limits: Limits,
    keys: Arc<Keys>,
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
        let (mut released, mut deleted) = (Vec::new(), Vec::new());
        for (key, fate) in self.read((&mut *change.sql).into()).await? {
            match fate {
                Fate::Stay => {}
                Fate::Release => released.push(key),
                Fate::Blank => self.blank(change.sql, key).await?,
                Fate::Delete => deleted.push(key),
            }
        }
        sql::RELEASE_MESSAGES
            .execute(change.sql, &released, |query| query, |query, key| query.bind(*key))
            .await?;
        sql::DELETE_MESSAGES
            .execute(change.sql, &deleted, |query| query, |query, key| query.bind(*key))
            .await?;
        Ok(())
    }
}

impl Messages {
    async fn read(&self, place: Place<'_>) -> Result<Vec<(Uuid, Fate)>, StoreError> {
        let rows = query(sql::MESSAGES)
            .bind(self.after)
            .bind(first_id(self.limits.text))
            .bind(i64::try_from(PAGE).unwrap_or(i64::MAX))
            .fetch_all(place)
            .await?;
        rows.iter().map(|row| self.judge(row)).collect()
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
