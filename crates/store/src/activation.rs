use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use trunkline_model::{AccountId, Address, DeviceId, Timestamp};
use zeroize::Zeroizing;

use crate::{
    AccessKey, Account, Store, StoreError, access_key, crypto,
    engine::{Place, query},
    fault::Fault,
    job::{PlainCommand, Transaction},
    key::Keyring,
    sql::{account, device as sql},
};

/// What a phone shows to become a device of an account.
#[derive(Debug)]
pub struct Activation<'a> {
    /// The account's address as it was typed.
    pub address: &'a str,
    /// The access key as it was typed: letter case, hyphens and spaces do not matter.
    pub access_key: &'a SecretString,
    /// The install's own id.
    pub device_token: String,
    /// Operating system.
    pub platform: String,
    /// What the person calls the device.
    pub name: String,
    /// Version of the app.
    pub app_version: String,
    /// Language tag.
    pub locale: String,
}

/// A device that was activated.
#[derive(Debug)]
pub struct Activated {
    /// Whose device it is.
    pub account: Account,
    /// The device.
    pub device: DeviceId,
    /// Its token, `tl1.` and 43 base64url characters: given out once, only its SHA-256 is stored.
    pub token: SecretString,
}

impl Store {
    /// Makes an access key; the oldest goes when the account has more than 16. [`StoreError::NotFound`] for
    /// an unknown account.
    pub async fn activation_issue(
        &self,
        account: AccountId,
        expires_at: Timestamp,
    ) -> Result<AccessKey, StoreError> {
        let key = AccessKey::fresh()?;
        let (keys, plain) = (Arc::clone(&self.shared.keys), key.copy());
        self.plain(Issue { account, plain, expires_at, keys }).await?;
        Ok(key)
    }

    /// Uses up an access key. `None` for every kind of wrong, at the same cost: unknown or disabled account,
    /// wrong, malformed, used or expired key. An install that the account knows keeps its device and gets a
    /// new token.
    pub async fn activate(&self, activation: Activation<'_>) -> Result<Option<Activated>, StoreError> {
        let key = access_key::typed(activation.access_key.expose_secret());
        let claim = Claim {
            // No address is empty, so what is no address is looked up as nobody's.
            address: activation
                .address
                .parse::<Address>()
                .map(|address| address.bare().to_owned())
                .unwrap_or_default(),
            hashes: self.shared.keys.all().iter().map(|keys| keys.access_key_hash(&key)).collect(),
        };
        if claim.check(self.readers().into(), Timestamp::now()).await?.is_none() {
            return Ok(None);
        }
        let token = fresh_token()?;
        let device = Install {
            device_token: activation.device_token,
            platform: activation.platform,
            name: activation.name,
            app_version: activation.app_version,
            locale: activation.locale,
            token_hash: crypto::token_hash(token.expose_secret()),
        };
        let activated = self.plain(Activate { claim, device }).await?;
        Ok(activated.map(|(account, device)| Activated { account, device, token }))
    }
}

fn fresh_token() -> Result<SecretString, StoreError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    rand::fill(bytes.as_mut_slice())
        .map_err(|_| StoreError::Crypto("the system gives no random bytes".to_owned()))?;
    Ok(SecretString::from(format!("tl1.{}", URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
}

pub(crate) struct Issue {
    pub(crate) account: AccountId,
    pub(crate) plain: Zeroizing<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) keys: Arc<Keyring>,
}

#[async_trait]
impl PlainCommand for Issue {
    type Answer = ();

    async fn run(&self, change: &mut Transaction<'_>) -> Result<(), Fault> {
        let hash = self.keys.in_force(change).await?.access_key_hash(&self.plain);
        query(sql::INSERT_ACCESS_KEY)
            .bind(hash)
            .bind(self.account.0)
            .bind(change.now.0)
            .bind(self.expires_at.0)
            .execute(&mut *change.sql)
            .await?;
        query(sql::TRIM_ACCESS_KEYS).bind(self.account.0).execute(&mut *change.sql).await?;
        Ok(())
    }
}

/// What a stranger says: I am a device of this account, by this key.
struct Claim {
    address: String,
    /// Of the access key, under each master key that may be in force: which one is, only the database knows.
    hashes: Vec<Vec<u8>>,
}

impl Claim {
    /// Always makes all look-ups, whatever the first one finds.
    async fn check(&self, mut place: Place<'_>, now: Timestamp) -> Result<Option<Account>, StoreError> {
        let account =
            query(account::BY_ADDRESS).bind(self.address.clone()).fetch_optional(place.again()).await?;
        let mut key = None;
        for hash in &self.hashes {
            let found = query(sql::ACCESS_KEY).bind(hash.clone()).fetch_optional(place.again()).await?;
            key = key.or(found);
        }
        let account = account.as_ref().map(Account::read).transpose()?;
        let key = key.map(|row| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
        let (owner, expires_at): (i64, i64) = key.unwrap_or_default();
        Ok(account.filter(|account| account.enabled && account.id.0 == owner && expires_at > now.0))
    }
}

/// An install as it describes itself, and the hash of its new token.
struct Install {
    device_token: String,
    platform: String,
    name: String,
    app_version: String,
    locale: String,
    token_hash: Vec<u8>,
}

struct Activate {
    claim: Claim,
    device: Install,
}

#[async_trait]
impl PlainCommand for Activate {
    type Answer = Option<(Account, DeviceId)>;

    /// Checks again, because another phone may have used the key meanwhile.
    async fn run(&self, change: &mut Transaction<'_>) -> Result<Self::Answer, Fault> {
        // By the system's clock, as the key was issued: after a jump back the writer's own is ahead of it.
        let Some(account) = self.claim.check((&mut *change.sql).into(), Timestamp::now()).await? else {
            return Ok(None);
        };
        for hash in &self.claim.hashes {
            query(sql::USE_ACCESS_KEY).bind(hash.clone()).execute(&mut *change.sql).await?;
        }
        let known = query(sql::BY_INSTALL).bind(account.id.0).bind(self.device.device_token.clone());
        let device = match known.fetch_optional(&mut *change.sql).await? {
            Some(row) => self.device.renew(change, DeviceId(row.try_get(0)?)).await?,
            None => self.device.insert(change, account.id).await?,
        };
        Ok(Some((account, device)))
    }
}

impl Install {
    async fn insert(&self, change: &mut Transaction<'_>, account: AccountId) -> Result<DeviceId, Fault> {
        let device = DeviceId::fresh();
        query(sql::INSERT)
            .bind(device.0)
            .bind(account.0)
            .bind(self.device_token.clone())
            .bind(self.name.clone())
            .bind(self.platform.clone())
            .bind(self.app_version.clone())
            .bind(self.locale.clone())
            .bind(self.token_hash.clone())
            .bind(change.now.0)
            .bind(false)
            .execute(&mut *change.sql)
            .await?;
        let cursor = query(sql::INSERT_CURSOR).bind(device.0).bind(account.0).bind(change.now.0);
        cursor.execute(&mut *change.sql).await?;
        Ok(device)
    }

    async fn renew(&self, change: &mut Transaction<'_>, device: DeviceId) -> Result<DeviceId, Fault> {
        query(sql::RENEW)
            .bind(device.0)
            .bind(self.name.clone())
            .bind(self.platform.clone())
            .bind(self.app_version.clone())
            .bind(self.locale.clone())
            .bind(self.token_hash.clone())
            .bind(false)
            .execute(&mut *change.sql)
            .await?;
        query(sql::SEEN).bind(device.0).bind(change.now.0).execute(&mut *change.sql).await?;
        Ok(device)
    }
}
