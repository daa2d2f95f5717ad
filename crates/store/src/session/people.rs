use std::collections::HashMap;

use async_trait::async_trait;
use trunkline_model::{Address, DeviceId};

use crate::{
    Store, StoreError,
    engine::query,
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, device as sql},
};

/// One of a session's lists of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeopleList {
    /// Whose presence the phone does not want.
    Muted,
    /// Whose presence it wants though they are not in the roster.
    Watched,
}

/// A session's lists of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionPeople {
    /// [`PeopleList::Muted`], in order.
    pub muted: Vec<Address>,
    /// [`PeopleList::Watched`], in order.
    pub watched: Vec<Address>,
}

impl Store {
    /// Puts people on a list of the device's session, or takes them off; nothing happens without a session.
    pub async fn session_list(
        &self,
        device: DeviceId,
        list: PeopleList,
        who: Vec<Address>,
        on: bool,
    ) -> Result<(), StoreError> {
        self.plain(Change { device, list, who, on }).await
    }

    /// The lists of all sessions that have any.
    pub async fn session_lists(&self) -> Result<HashMap<DeviceId, SessionPeople>, StoreError> {
        let mut all: HashMap<DeviceId, SessionPeople> = HashMap::new();
        for row in query(sql::PEOPLE).fetch_all(self.readers()).await? {
            let mut columns = Columns::of(&row);
            let lists = all.entry(DeviceId(columns.next()?)).or_default();
            let list = if columns.next()? { &mut lists.muted } else { &mut lists.watched };
            list.push(columns.address()?);
        }
        Ok(all)
    }
}

struct Change {
    device: DeviceId,
    list: PeopleList,
    who: Vec<Address>,
    on: bool,
}

#[async_trait]
impl PlainCommand for Change {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let session = query(sql::HAS_SESSION).bind(self.device.0).fetch_optional(&mut *change.sql).await?;
        if session.is_none() {
            return Ok(());
        }
        let text = if self.on { sql::PUT_PERSON } else { sql::TAKE_PERSON };
        for who in &self.who {
            query(text)
                .bind(self.device.0)
                .bind(self.list == PeopleList::Muted)
                .bind(who.bare().to_owned())
                .execute(&mut *change.sql)
                .await?;
        }
        Ok(())
    }
}
