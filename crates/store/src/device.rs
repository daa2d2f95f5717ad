use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use trunkline_model::{AccountId, DeviceId, Seq, Timestamp};

use crate::{
    Account, Store, StoreError, crypto,
    engine::{Connection, Row, query},
    fault::Fault,
    job::{PlainCommand, Transaction},
    sql::{columns::Columns, device as sql},
};

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// The account, enabled or not.
    pub account: Account,
    /// The device.
    pub device: DeviceId,
    /// The install's own id, to which the token is bound.
    pub device_token: String,
}

/// An install of a phone app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRow {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub account: AccountId,
    /// What the person calls it.
    pub name: String,
    /// Operating system.
    pub platform: String,
    /// Version of the app.
    pub app_version: String,
    /// Language tag.
    pub locale: String,
    /// When it was first activated.
    pub created_at: Timestamp,
    /// When it was last heard of.
    pub last_seen: Timestamp,
    /// Everything up to here is acknowledged.
    pub acknowledged: Seq,
    /// Revoked or expired: its token is dead and its mark holds nothing back.
    pub revoked: bool,
}

impl Store {
    /// Whose token this is; `None` when it is unknown, replaced, revoked or expired. The account may be
    /// disabled.
    pub async fn token(&self, token: &SecretString) -> Result<Option<TokenOwner>, StoreError> {
        let query = query(sql::BY_TOKEN).bind(crypto::token_hash(token.expose_secret()));
        let Some(row) = query.fetch_optional(self.readers()).await? else { return Ok(None) };
        let mut columns = Columns::of(&row);
        Ok(Some(TokenOwner {
            account: Account::columns(&mut columns)?,
            device: DeviceId(columns.next()?),
            device_token: columns.next()?,
        }))
    }

    /// The account's devices, revoked ones too, oldest first.
    pub async fn devices(&self, account: AccountId) -> Result<Vec<DeviceRow>, StoreError> {
        let rows = query(sql::OF_ACCOUNT).bind(account.0).fetch_all(self.readers()).await?;
        rows.iter().map(read).collect()
    }

    /// One device.
    pub async fn device(&self, device: DeviceId) -> Result<Option<DeviceRow>, StoreError> {
        let row = query(sql::BY_ID).bind(device.0).fetch_optional(self.readers()).await?;
        row.as_ref().map(read).transpose()
    }

    /// Kills the device's token and its session; gives the account. [`StoreError::NotFound`] for an unknown
    /// device.
    pub async fn device_revoke(&self, device: DeviceId) -> Result<AccountId, StoreError> {
        self.plain(Revoke(device)).await
    }

    /// Revokes the devices that were not heard of since; at most 256 a call.
    pub async fn expire_devices(
        &self,
        unseen_since: Timestamp,
    ) -> Result<Vec<(AccountId, DeviceId)>, StoreError> {
        self.plain(Expire(unseen_since)).await
    }

    /// The device's acknowledged mark; [`StoreError::NotFound`] for an unknown device.
    pub async fn acknowledged(&self, device: DeviceId) -> Result<Seq, StoreError> {
        let row = query(sql::ACKNOWLEDGED).bind(device.0).fetch_optional(self.readers()).await?;
        Ok(Seq(row.ok_or_else(|| unknown(device))?.try_get(0)?))
    }
}

fn read(row: &Row) -> Result<DeviceRow, StoreError> {
    let mut columns = Columns::of(row);
    Ok(DeviceRow {
        id: DeviceId(columns.next()?),
        account: AccountId(columns.next()?),
        name: columns.next()?,
        platform: columns.next()?,
        app_version: columns.next()?,
        locale: columns.next()?,
        created_at: Timestamp(columns.next()?),
        last_seen: Timestamp(columns.next()?),
        acknowledged: Seq(columns.next()?),
        revoked: columns.next()?,
    })
}

struct Revoke(DeviceId);

#[async_trait]
impl PlainCommand for Revoke {
    type Answer = AccountId;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<AccountId, Fault> {
        revoke(change.sql, self.0).await?.ok_or_else(|| unknown(self.0).into())
    }
}

struct Expire(Timestamp);

#[async_trait]
impl PlainCommand for Expire {
    type Answer = Vec<(AccountId, DeviceId)>;

    async fn run(&self, change: &mut Transaction<'_>) -> Result<Self::Answer, Fault> {
        let unseen = query(sql::UNSEEN).bind(self.0.0).fetch_all(&mut *change.sql).await?;
        let mut expired = Vec::with_capacity(unseen.len());
        for row in unseen {
            let device = DeviceId(row.try_get(0)?);
            if let Some(account) = revoke(change.sql, device).await? {
                expired.push((account, device));
            }
        }
        Ok(expired)
    }
}

/// The row stays, so that what the device sent keeps its place; `None` for an unknown device.
async fn revoke(connection: &mut Connection, device: DeviceId) -> Result<Option<AccountId>, Fault> {
    let row = query(sql::REVOKE).bind(device.0).bind(true).fetch_optional(&mut *connection).await?;
    query(sql::END_SESSION).bind(device.0).execute(connection).await?;
    row.map(|row| Ok(AccountId(row.try_get(0)?))).transpose()
}

fn unknown(device: DeviceId) -> StoreError {
    StoreError::NotFound(format!("there is no device {device}"))
}
