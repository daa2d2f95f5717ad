mod entry;
mod message;

use std::time::Duration;

use async_trait::async_trait;
use trunkline_model::{AccountId, Timestamp};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    command::Expire,
    engine::query,
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, purge as sql},
};

/// How long a device's or a line's message id is remembered.
const DEDUPE: Duration = Duration::from_secs(30 * 86_400);

/// What may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purge {
    /// The present.
    pub now: Timestamp,
    /// How long acknowledged entries, and invitations that nobody answers, stay; `None`: everything stays for
    /// ever.
    pub retention: Option<Duration>,
    /// How long entries stay that some device has not acknowledged.
    pub undelivered: Duration,
}

/// What purging remembers from call to call.
#[derive(Debug, Default)]
pub(crate) struct Round {
    stage: Stage,
    /// When all messages were last looked at.
    walked: Option<Timestamp>,
}

/// How far a round of purging has come; each call does one small batch of one stage.
#[derive(Debug, Clone, Copy, Default)]
enum Stage {
    /// Access keys that have expired.
    #[default]
    Keys,
    /// Invitations that nobody answered.
    Invitations,
    /// Mailboxes of the accounts after this one.
    Entries(AccountId),
    /// Messages after this one.
    Messages(Uuid),
}

impl Store {
    /// Removes a small batch of what may go; true while the round is not through: call again. An account's
    /// entries go when they are older than `retention` and every device that is not revoked has acknowledged
    /// them (without such a device: when any had), or older than `undelivered`.
    pub async fn purge(&self, purge: Purge) -> Result<bool, StoreError> {
        let mut round = self.shared.purge.lock().await;
        let next = match round.stage {
            Stage::Keys => {
                self.plain(Keys).await?;
                Some(Stage::Invitations)
            }
            Stage::Invitations => Some(self.purge_invitations(purge).await?),
            Stage::Entries(after) => match self.purge_entries(purge, after).await? {
                None => message::walk(purge, &mut round.walked),
                next => next,
            },
            Stage::Messages(after) => self.purge_messages(purge, after).await?,
        };
        round.stage = next.unwrap_or_default();
        Ok(next.is_some())
    }

    async fn purge_invitations(&self, purge: Purge) -> Result<Stage, StoreError> {
        let next = Stage::Entries(AccountId(0));
        let Some(before) = purge.retention.map(|span| purge.now.minus(span)) else { return Ok(next) };
        let rows = query(sql::PENDING).bind(before.0).fetch_all(self.readers()).await?;
        for row in &rows {
            let mut columns = Columns::of(row);
            let (account, peer) = (AccountId(columns.next()?), columns.address()?);
            self.chat(Expire { account, peer, before }).await?.await?;
        }
        Ok(if rows.is_empty() { next } else { Stage::Invitations })
    }
}

struct Keys;

#[async_trait]
impl PlainCommand for Keys {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        query(sql::EXPIRED_KEYS).bind(change.now.0).execute(&mut *change.sql).await?;
        Ok(())
    }
}
