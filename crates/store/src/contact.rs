use std::collections::HashMap;

use async_trait::async_trait;
use trunkline_model::{AccountId, Address, Group, GroupId};

use crate::{
    Account, Store, StoreError,
    account::one_row,
    engine::{Row, query},
    fault::Fault,
    group,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, roster as sql},
};

/// A contact in the roster of a local account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRow {
    /// Who.
    pub address: Address,
    /// The groups that hold the contact, by name.
    pub groups: Vec<Group>,
}

/// Contacts in a roster.
const MAX_CONTACTS: i64 = 5_000;

impl Store {
    /// The account's roster, by address.
    pub async fn contacts(&self, account: AccountId) -> Result<Vec<ContactRow>, StoreError> {
        let rows = query(sql::CONTACTS).bind(account.0).fetch_all(self.readers()).await?;
        let memberships = query(sql::MEMBERSHIPS).bind(account.0).fetch_all(self.readers()).await?;
        joined(&rows, &memberships)
    }

    /// Those of the roster who have an account here, in no order.
    pub async fn known_contacts(&self, account: AccountId) -> Result<Vec<Account>, StoreError> {
        let rows = query(sql::KNOWN_CONTACTS).bind(account.0).fetch_all(self.readers()).await?;
        rows.iter().map(Account::read).collect()
    }

    /// One contact of the roster.
    pub async fn contact(
        &self,
        account: AccountId,
        address: &Address,
    ) -> Result<Option<ContactRow>, StoreError> {
        let query = |text| query(text).bind(account.0).bind(address.bare().to_owned());
        let rows = query(sql::CONTACT).fetch_all(self.readers()).await?;
        let memberships = query(sql::MEMBERSHIPS_OF).fetch_all(self.readers()).await?;
        Ok(joined(&rows, &memberships)?.pop())
    }

    /// Adds a contact, into a group if one is named; again is fine. [`StoreError::NotFound`] for an unknown
    /// account or group, [`StoreError::Conflict`] when there are too many.
    pub async fn contact_add(
        &self,
        account: AccountId,
        address: &Address,
        group: Option<GroupId>,
    ) -> Result<(), StoreError> {
        self.plain(Add { account, address: address.clone(), group }).await
    }

    /// Removes a contact from the roster and its groups; [`StoreError::NotFound`] when it is not there.
    pub async fn contact_remove(&self, account: AccountId, address: &Address) -> Result<(), StoreError> {
        self.plain(Remove { account, address: address.clone() }).await
    }

    /// The accounts that have the address in their roster.
    pub async fn watchers(&self, address: &Address) -> Result<Vec<AccountId>, StoreError> {
        let query = query(sql::WATCHERS).bind(address.bare().to_owned());
        query.fetch_all(self.readers()).await?.iter().map(|row| Ok(AccountId(row.try_get(0)?))).collect()
    }
}

fn joined(contacts: &[Row], memberships: &[Row]) -> Result<Vec<ContactRow>, StoreError> {
    let mut groups: HashMap<Address, Vec<Group>> = HashMap::new();
    for row in memberships {
        let mut columns = Columns::of(row);
        let address = columns.address()?;
        let group = Group { id: GroupId(columns.next()?), name: columns.next()? };
        groups.entry(address).or_default().push(group);
    }
    let contact = |row| {
        let address = Columns::of(row).address()?;
        let groups = groups.remove(&address).unwrap_or_default();
        Ok(ContactRow { address, groups })
    };
    contacts.iter().map(contact).collect()
}

/// Refuses a contact that is one too many.
pub(crate) async fn check_room(
    change: &mut Transaction<'_>,
    account: AccountId,
    address: &Address,
) -> Result<(), Fault> {
    let known = query(sql::CONTACT).bind(account.0).bind(address.bare().to_owned());
    if known.fetch_optional(&mut *change.sql).await?.is_some() {
        return Ok(());
    }
    group::check_room(change, account, sql::CONTACT_COUNT, MAX_CONTACTS, "contacts").await
}

struct Add {
    account: AccountId,
    address: Address,
    group: Option<GroupId>,
}

#[async_trait]
impl PlainCommand for Add {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        if let Some(group) = self.group {
            group::check(change, self.account, group).await?;
        }
        check_room(change, self.account, &self.address).await?;
        let address = self.address.bare().to_owned();
        query(sql::ADD_CONTACT).bind(self.account.0).bind(address).execute(&mut *change.sql).await?;
        if let Some(group) = self.group {
            group::put(change, self.account, &self.address, group).await?;
        }
        Ok(())
    }
}

struct Remove {
    account: AccountId,
    address: Address,
}

#[async_trait]
impl PlainCommand for Remove {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let query = query(sql::REMOVE_CONTACT).bind(self.account.0).bind(self.address.bare().to_owned());
        one_row(query.execute(&mut *change.sql).await?, || {
            StoreError::NotFound(format!("{} is not in the roster", self.address))
        })
    }
}
