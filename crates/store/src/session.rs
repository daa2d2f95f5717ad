mod people;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use trunkline_model::{AccountId, Address, Availability, DeviceId, Seq, Timestamp};

pub use self::people::{PeopleList, SessionPeople};
use crate::{
    Store, StoreError,
    engine::{Row, query},
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, device as sql},
};

/// A device's signed-in state; outlives its socket and the process. One row per device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The device.
    pub device: DeviceId,
    /// Whose it is; ignored on write.
    pub account: AccountId,
    /// The account's address; ignored on write.
    pub address: Address,
    /// The account's name; ignored on write.
    pub display_name: String,
    /// The install's own id; ignored on write.
    pub device_token: String,
    /// When the session began.
    pub started_at: Timestamp,
    /// Sequences below this may be given out.
    pub reserved: i64,
    /// The app told that it is in the background.
    pub background: bool,
    /// The push type that the app told.
    pub push_type: i64,
    /// The availability that this session tells, if it told one.
    pub availability: Option<Availability>,
    /// The note that this session told; may be empty.
    pub personal_message: String,
    /// When the device was last heard of.
    pub last_active: Timestamp,
    /// The device's acknowledged mark; ignored on write.
    pub acknowledged: Seq,
}

/// The part of a session that changes at a phone's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionState {
    /// The app told that it is in the background.
    pub background: bool,
    /// The push type that the app told.
    pub push_type: i64,
    /// The availability that this session tells.
    pub availability: Option<Availability>,
    /// The note that this session told.
    pub personal_message: String,
}

impl Store {
    /// Begins a session, in place of the device's earlier one; [`StoreError::NotFound`] for an unknown
    /// device.
    pub async fn session_begin(&self, row: SessionRow) -> Result<(), StoreError> {
        self.plain(Begin(row)).await
    }

    /// Keeps what a phone told; nothing happens without a session.
    pub async fn session_state(&self, device: DeviceId, state: SessionState) -> Result<(), StoreError> {
        self.plain(Keep { device, state }).await
    }

    /// Reserves sequences below `reserved`, only upward; nothing happens without a session.
    pub async fn session_reserve(&self, device: DeviceId, reserved: i64) -> Result<(), StoreError> {
        self.plain(Reserve { device, reserved }).await
    }

    /// Notes when devices were last heard of; only forward, unknown devices are skipped.
    pub async fn session_touch(&self, heard: Vec<(DeviceId, Timestamp)>) -> Result<(), StoreError> {
        self.plain(Touch(heard.into_iter().collect())).await
    }

    /// Ends the device's session; fine when there is none.
    pub async fn session_end(&self, device: DeviceId) -> Result<(), StoreError> {
        self.plain(End(device)).await
    }

    /// The device's session, if its account is enabled and it is not revoked.
    pub async fn session(&self, device: DeviceId) -> Result<Option<SessionRow>, StoreError> {
        let row = query(sql::SESSION).bind(device.0).fetch_optional(self.readers()).await?;
        row.as_ref().map(read).transpose()
    }

    /// All sessions of enabled accounts and devices that are not revoked.
    pub async fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        let rows = query(sql::SESSIONS).fetch_all(self.readers()).await?;
        rows.iter().map(read).collect()
    }

    /// The session's id for phones, 32 hex digits: keyed with the master key, so that nothing secret is
    /// stored.
    pub fn session_id(&self, device: DeviceId, started_at: Timestamp) -> String {
        self.shared.keys.present().session_id(device, started_at)
    }
}

fn read(row: &Row) -> Result<SessionRow, StoreError> {
    let mut columns = Columns::of(row);
    Ok(SessionRow {
        device: DeviceId(columns.next()?),
        account: AccountId(columns.next()?),
        address: columns.address()?,
        display_name: columns.next()?,
        device_token: columns.next()?,
        started_at: Timestamp(columns.next()?),
        reserved: columns.next()?,
        background: columns.next()?,
        push_type: columns.next()?,
        availability: columns.availability()?,
        personal_message: columns.next()?,
        last_active: Timestamp(columns.next()?),
        acknowledged: Seq(columns.next()?),
    })
}

struct Begin(SessionRow);

#[async_trait]
impl PlainCommand for Begin {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let row = &self.0;
        query(sql::CLEAR_PEOPLE).bind(row.device.0).execute(&mut *change.sql).await?;
        query(sql::PUT_SESSION)
            .bind(row.device.0)
            .bind(row.started_at.0)
            .bind(row.reserved)
            .bind(row.background)
            .bind(row.push_type)
            .bind(row.availability.map(Availability::name))
            .bind(row.personal_message.clone())
            .execute(&mut *change.sql)
            .await?;
        let query = query(sql::SEEN).bind(row.device.0).bind(row.last_active.0);
        query.execute(&mut *change.sql).await?;
        Ok(())
    }
}

struct Keep {
    device: DeviceId,
    state: SessionState,
}

#[async_trait]
impl PlainCommand for Keep {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        query(sql::SET_SESSION)
            .bind(self.device.0)
            .bind(self.state.background)
            .bind(self.state.push_type)
            .bind(self.state.availability.map(Availability::name))
            .bind(self.state.personal_message.clone())
            .execute(&mut *change.sql)
            .await?;
        Ok(())
    }
}

struct Reserve {
    device: DeviceId,
    reserved: i64,
}

#[async_trait]
impl PlainCommand for Reserve {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        query(sql::RESERVE).bind(self.device.0).bind(self.reserved).execute(&mut *change.sql).await?;
        Ok(())
    }
}

/// By device, so that none comes twice.
struct Touch(BTreeMap<DeviceId, Timestamp>);

#[async_trait]
impl PlainCommand for Touch {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let asked: Vec<DeviceId> = self.0.keys().copied().collect();
        let rows = sql::KNOWN.fetch(change.sql, &asked, |query, device| query.bind(device.0)).await?;
        let known: BTreeSet<DeviceId> =
            rows.iter().map(|row| row.try_get(0).map(DeviceId)).collect::<Result<_, _>>()?;
        let heard: Vec<_> = self.0.iter().filter(|(device, _)| known.contains(device)).collect();
        sql::TOUCH
            .execute(change.sql, &heard, |query| query, |query, (device, at)| query.bind(device.0).bind(at.0))
            .await?;
        Ok(())
    }
}

struct End(DeviceId);

#[async_trait]
impl PlainCommand for End {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        query(sql::END_SESSION).bind(self.0.0).execute(&mut *change.sql).await?;
        Ok(())
    }
}
