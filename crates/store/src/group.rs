use async_trait::async_trait;
use trunkline_model::{AccountId, Address, Group, GroupId};

use crate::{
    Store, StoreError,
    account::{one_row, unknown},
    contact,
    engine::query,
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::roster as sql,
};

/// Groups in a roster.
const MAX_GROUPS: i64 = 1_000;
/// Places of contacts in the groups of a roster.
const MAX_MEMBERSHIPS: i64 = 20_000;

impl Store {
    /// The roster's groups, by name.
    pub async fn groups(&self, account: AccountId) -> Result<Vec<Group>, StoreError> {
        let rows = query(sql::GROUPS).bind(account.0).fetch_all(self.readers()).await?;
        rows.iter().map(|row| Ok(Group { id: GroupId(row.try_get(0)?), name: row.try_get(1)? })).collect()
    }

    /// Makes a group; [`StoreError::Conflict`] when the name is there or there are too many,
    /// [`StoreError::NotFound`] for an unknown account.
    pub async fn group_add(&self, account: AccountId, name: &str) -> Result<GroupId, StoreError> {
        self.plain(Add { account, name: name.to_owned() }).await
    }

    /// Renames a group; [`StoreError::Conflict`] when another has the name, [`StoreError::NotFound`].
    pub async fn group_rename(
        &self,
        account: AccountId,
        group: GroupId,
        name: &str,
    ) -> Result<(), StoreError> {
        self.plain(Rename { account, group, name: name.to_owned() }).await
    }

    /// Removes an empty group; [`StoreError::Conflict`] when it is not empty, [`StoreError::NotFound`].
    pub async fn group_remove(&self, account: AccountId, group: GroupId) -> Result<(), StoreError> {
        self.plain(Remove { account, group }).await
    }

    /// Puts a contact into a group, into the roster too if need be; false when it was there.
    /// [`StoreError::NotFound`] for an unknown group.
    pub async fn group_put(
        &self,
        account: AccountId,
        address: &Address,
        group: GroupId,
    ) -> Result<bool, StoreError> {
        self.plain(Put { account, address: address.clone(), group }).await
    }

    /// Takes a contact out of a group; it stays in the roster. [`StoreError::NotFound`] when it is not there.
    pub async fn group_take(
        &self,
        account: AccountId,
        address: &Address,
        group: GroupId,
    ) -> Result<(), StoreError> {
        self.plain(Take { account, address: address.clone(), group }).await
    }
}

/// Refuses an unknown group.
pub(crate) async fn check(
    change: &mut Transaction<'_>,
    account: AccountId,
    group: GroupId,
) -> Result<(), Fault> {
    let query = query(sql::GROUP).bind(account.0).bind(group.0);
    let known = query.fetch_optional(&mut *change.sql).await?;
    known
        .map(|_| ())
        .ok_or_else(|| StoreError::NotFound(format!("there is no group number {}", group.0)).into())
}

/// Refuses one more where there are as many as there may be.
pub(crate) async fn check_room(
    change: &mut Transaction<'_>,
    account: AccountId,
    count: &'static str,
    most: i64,
    what: &str,
) -> Result<(), Fault> {
    let present: i64 = query(count).bind(account.0).fetch_one(&mut *change.sql).await?.try_get(0)?;
    if present >= most {
        return Err(StoreError::Conflict(format!("too-many: there are {most} {what} already")).into());
    }
    Ok(())
}

/// Puts a contact of the roster into a group that exists; false when it was there.
pub(crate) async fn put(
    change: &mut Transaction<'_>,
    account: AccountId,
    address: &Address,
    group: GroupId,
) -> Result<bool, Fault> {
    check_room(change, account, sql::MEMBERSHIP_COUNT, MAX_MEMBERSHIPS, "places in groups").await?;
    let query = query(sql::PUT).bind(account.0).bind(address.bare().to_owned()).bind(group.0);
    Ok(query.execute(&mut *change.sql).await? > 0)
}

/// Refuses a name that another group has.
async fn check_name(
    change: &mut Transaction<'_>,
    account: AccountId,
    name: &str,
    but: Option<GroupId>,
) -> Result<(), Fault> {
    let query = query(sql::GROUP_BY_NAME).bind(account.0).bind(name.to_owned());
    match query.fetch_optional(&mut *change.sql).await? {
        Some(row) if but != Some(GroupId(row.try_get(0)?)) => {
            Err(StoreError::Conflict("there is a group of that name already".to_owned()).into())
        }
        _ => Ok(()),
    }
}

struct Add {
    account: AccountId,
    name: String,
}

#[async_trait]
impl PlainCommand for Add {
    type Answer = GroupId;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<GroupId, Fault> {
        check_name(change, self.account, &self.name, None).await?;
        check_room(change, self.account, sql::GROUP_COUNT, MAX_GROUPS, "groups").await?;
        let row = query(sql::NEXT_GROUP).bind(self.account.0).fetch_optional(&mut *change.sql).await?;
        let id: i64 = row.ok_or_else(|| unknown(self.account))?.try_get(0)?;
        let query = query(sql::ADD_GROUP).bind(self.account.0).bind(id).bind(self.name.clone());
        query.execute(&mut *change.sql).await?;
        Ok(GroupId(id))
    }
}

struct Rename {
    account: AccountId,
    group: GroupId,
    name: String,
}

#[async_trait]
impl PlainCommand for Rename {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        check(change, self.account, self.group).await?;
        check_name(change, self.account, &self.name, Some(self.group)).await?;
        let query = query(sql::RENAME_GROUP).bind(self.account.0).bind(self.group.0).bind(self.name.clone());
        query.execute(&mut *change.sql).await?;
        Ok(())
    }
}

struct Remove {
    account: AccountId,
    group: GroupId,
}

#[async_trait]
impl PlainCommand for Remove {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        check(change, self.account, self.group).await?;
        let query = |text| query(text).bind(self.account.0).bind(self.group.0);
        let members: i64 = query(sql::GROUP_MEMBERS).fetch_one(&mut *change.sql).await?.try_get(0)?;
        if members > 0 {
            return Err(StoreError::Conflict("the group is not empty".to_owned()).into());
        }
        query(sql::REMOVE_GROUP).execute(&mut *change.sql).await?;
        Ok(())
    }
}

struct Put {
    account: AccountId,
    address: Address,
    group: GroupId,
}

#[async_trait]
impl PlainCommand for Put {
    type Answer = bool;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<bool, Fault> {
        check(change, self.account, self.group).await?;
        contact::check_room(change, self.account, &self.address).await?;
        let query = query(sql::ADD_CONTACT).bind(self.account.0).bind(self.address.bare().to_owned());
        query.execute(&mut *change.sql).await?;
        put(change, self.account, &self.address, self.group).await
    }
}

struct Take {
    account: AccountId,
    address: Address,
    group: GroupId,
}

#[async_trait]
impl PlainCommand for Take {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let query =
            query(sql::TAKE).bind(self.account.0).bind(self.address.bare().to_owned()).bind(self.group.0);
        one_row(query.execute(&mut *change.sql).await?, || {
            StoreError::NotFound(format!("{} is not in the group", self.address))
        })
    }
}
