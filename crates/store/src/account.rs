use async_trait::async_trait;
use trunkline_model::{AccountId, Address, Profile, Timestamp};

use crate::{
    Store, StoreError,
    engine::{Row, query},
    fault::Fault,
    job::{Extent, PlainCommand, Transaction},
    search::Found,
    sql::{account as sql, columns::Columns},
};

/// A person here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Row number; never used again after removal.
    pub id: AccountId,
    /// Who.
    pub address: Address,
    /// What the directory shows.
    pub profile: Profile,
    /// False: may not sign in, and its sessions end.
    pub enabled: bool,
    /// When it was added.
    pub created_at: Timestamp,
}

impl Store {
    /// Adds an enabled account; [`StoreError::Conflict`] when the address has one.
    pub async fn account_add(&self, address: &Address, profile: &Profile) -> Result<Account, StoreError> {
        self.plain(Add { address: address.clone(), profile: profile.clone() }).await
    }

    /// Replaces the profile; [`StoreError::NotFound`] for an unknown account.
    pub async fn account_set(&self, account: AccountId, profile: &Profile) -> Result<(), StoreError> {
        self.plain(Set { account, profile: profile.clone() }).await
    }

    /// Enables or disables; [`StoreError::NotFound`] for an unknown account.
    pub async fn account_enable(&self, account: AccountId, enabled: bool) -> Result<(), StoreError> {
        self.plain(Enable { account, enabled }).await
    }

    /// Removes the account with everything of it; the people it wrote to keep their copies.
    /// [`StoreError::NotFound`] for an unknown account.
    pub async fn account_remove(&self, account: AccountId) -> Result<(), StoreError> {
        self.plain(Remove(account)).await
    }

    /// The account with this number.
    pub async fn account(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        let row = query(sql::BY_ID).bind(account.0).fetch_optional(self.readers()).await?;
        row.as_ref().map(Account::read).transpose()
    }

    /// The account with this address.
    pub async fn account_by_address(&self, address: &Address) -> Result<Option<Account>, StoreError> {
        let query = query(sql::BY_ADDRESS).bind(address.bare().to_owned());
        query.fetch_optional(self.readers()).await?.as_ref().map(Account::read).transpose()
    }

    /// Accounts in the order of their addresses, those after `after`, at most `limit`.
    pub async fn accounts(&self, after: Option<&Address>, limit: usize) -> Result<Vec<Account>, StoreError> {
        let after = after.map_or("", Address::bare).to_owned();
        let query = query(sql::AFTER).bind(after).bind(i64::try_from(limit).unwrap_or(i64::MAX));
        query.fetch_all(self.readers()).await?.iter().map(Account::read).collect()
    }
}

impl Account {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Self::columns(&mut Columns::of(row))
    }

    pub(crate) fn columns(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: AccountId(columns.next()?),
            address: columns.address()?,
            profile: Profile {
                display_name: columns.next()?,
                email: columns.next()?,
                title: columns.next()?,
                work_phone: columns.next()?,
                mobile_phone: columns.next()?,
                department: columns.next()?,
                company: columns.next()?,
                office: columns.next()?,
            },
            enabled: columns.next()?,
            created_at: Timestamp(columns.next()?),
        })
    }
}

pub(crate) struct Add {
    pub(crate) address: Address,
    pub(crate) profile: Profile,
}

#[async_trait]
impl PlainCommand for Add {
    type Answer = Account;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Account, Fault> {
        let (bare, profile) = (self.address.bare().to_owned(), &self.profile);
        if find(change, &self.address).await?.is_some() {
            return Err(StoreError::Conflict(format!("there is an account {} already", self.address)).into());
        }
        let id: i64 = query(sql::NEXT).fetch_one(&mut *change.sql).await?.try_get(0)?;
        let found = Found::of(&self.address, profile);
        query(sql::INSERT)
            .bind(id)
            .bind(bare)
            .bind(self.address.domain().to_owned())
            .bind(profile.display_name.clone())
            .bind(profile.email.clone())
            .bind(profile.title.clone())
            .bind(profile.work_phone.clone())
            .bind(profile.mobile_phone.clone())
            .bind(profile.department.clone())
            .bind(profile.company.clone())
            .bind(profile.office.clone())
            .bind(found.name)
            .bind(found.email)
            .bind(found.phone)
            .bind(true)
            .bind(change.now.0)
            .execute(&mut *change.sql)
            .await?;
        let (address, profile) = (self.address.clone(), profile.clone());
        Ok(Account { id: AccountId(id), address, profile, enabled: true, created_at: change.now })
    }
}

/// The account with this address, within a change.
pub(crate) async fn find(change: &mut Transaction<'_>, address: &Address) -> Result<Option<Account>, Fault> {
    let found = query(sql::BY_ADDRESS).bind(address.bare().to_owned());
    let row = found.fetch_optional(&mut *change.sql).await?;
    Ok(row.as_ref().map(Account::read).transpose()?)
}

pub(crate) struct Set {
    pub(crate) account: AccountId,
    pub(crate) profile: Profile,
}

#[async_trait]
impl PlainCommand for Set {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let row = query(sql::BY_ID).bind(self.account.0).fetch_optional(&mut *change.sql).await?;
        let address = Account::read(&row.ok_or_else(|| unknown(self.account))?)?.address;
        let (profile, found) = (&self.profile, Found::of(&address, &self.profile));
        query(sql::SET)
            .bind(self.account.0)
            .bind(profile.display_name.clone())
            .bind(profile.email.clone())
            .bind(profile.title.clone())
            .bind(profile.work_phone.clone())
            .bind(profile.mobile_phone.clone())
            .bind(profile.department.clone())
            .bind(profile.company.clone())
            .bind(profile.office.clone())
            .bind(found.name)
            .bind(found.email)
            .bind(found.phone)
            .execute(&mut *change.sql)
            .await?;
        Ok(())
    }
}

struct Enable {
    account: AccountId,
    enabled: bool,
}

#[async_trait]
impl PlainCommand for Enable {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let query = query(sql::ENABLE).bind(self.account.0).bind(self.enabled);
        one_row(query.execute(&mut *change.sql).await?, || unknown(self.account))
    }
}

struct Remove(AccountId);

#[async_trait]
impl PlainCommand for Remove {
    type Answer = ();

    /// A mailbox may hold a million entries.
    fn extent(&self) -> Extent {
        Extent::Long
    }

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let known = query(sql::BY_ID).bind(self.0.0).fetch_optional(&mut *change.sql).await?;
        known.ok_or_else(|| unknown(self.0))?;
        // The cascade takes the rest; these come first because messages may only go when no entry shows them.
        for text in [
            sql::REMOVE_OUTBOX,
            sql::REMOVE_ENTRIES,
            sql::REMOVE_CONVERSATIONS,
            sql::REMOVE_MESSAGES,
            sql::REMOVE,
        ] {
            query(text).bind(self.0.0).execute(&mut *change.sql).await?;
        }
        change.cache.clear();
        Ok(())
    }
}

pub(crate) fn unknown(account: AccountId) -> StoreError {
    StoreError::NotFound(format!("there is no account number {}", account.0))
}

/// Refuses when a statement found nothing to change.
pub(crate) fn one_row(changed: u64, missing: impl FnOnce() -> StoreError) -> Result<(), Fault> {
    if changed == 0 { Err(missing().into()) } else { Ok(()) }
}
