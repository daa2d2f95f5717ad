use std::{net::IpAddr, time::Duration};

use trunkline_model::{Address, Timestamp};
use trunkline_store::{Account, OpenKey};

use super::{Executor, refusal};
use crate::admin::{KeyView, OpenKeyView, Refusal, RefusalKind, Reply, view::rfc3339};

impl Executor {
    pub(super) async fn activation_issue(
        &self,
        address: &Address,
        expires_secs: u64,
    ) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        if !account.enabled {
            let words = format!("{address} is disabled; enable it first: trunkline account enable {address}");
            return Err(Refusal::new(RefusalKind::Invalid, words));
        }
        let expires_at = Timestamp::now().plus(Duration::from_secs(expires_secs));
        let key = self.store.activation_issue(account.id, expires_at).await.map_err(refusal)?;
        let key = KeyView {
            address: account.address,
            access_key: key.to_string(),
            expires_at: rfc3339(expires_at),
        };
        Ok(Reply::Key { key })
    }

    pub(super) async fn activation_list(&self, after: Option<Address>) -> Result<Reply, Refusal> {
        let (page, next) = self.page(after).await?;
        let mut keys = Vec::new();
        for account in &page {
            keys.extend(self.open_keys(account).await?);
        }
        Ok(Reply::OpenKeys { keys, next })
    }

    pub(super) async fn activation_show(&self, address: &Address) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        Ok(Reply::OpenKeys { keys: self.open_keys(&account).await?, next: None })
    }

    pub(super) async fn activation_revoke(
        &self,
        address: &Address,
        id: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        let revoked = self.store.activation_revoke(account.id, id).await.map_err(refusal)?;
        if let (Some(id), []) = (id, revoked.as_slice()) {
            let words = format!("{address} has no open access key {id}");
            return Err(Refusal::new(RefusalKind::NotFound, words));
        }
        Ok(Reply::OpenKeys {
            keys: revoked.into_iter().map(|key| open_key_view(&account, key)).collect(),
            next: None,
        })
    }

    pub(super) fn activation_unblock(&self, source: IpAddr) -> Result<Reply, Refusal> {
        let Some(running) = &self.running else {
            let words = "no server runs, so no address is blocked: the limit is kept in its memory";
            return Err(Refusal::new(RefusalKind::NotFound, words));
        };
        if !running.relay.forgive(source) {
            let words = format!("no failed activation is remembered from {source}");
            return Err(Refusal::new(RefusalKind::NotFound, words));
        }
        Ok(Reply::Done)
    }

    async fn open_keys(&self, account: &Account) -> Result<Vec<OpenKeyView>, Refusal> {
        let keys = self.store.open_keys(account.id).await.map_err(refusal)?;
        Ok(keys.into_iter().map(|key| open_key_view(account, key)).collect())
    }
}

fn open_key_view(account: &Account, key: OpenKey) -> OpenKeyView {
    OpenKeyView {
        id: key.id,
        address: account.address.clone(),
        issued_at: rfc3339(key.created_at),
        expires_at: rfc3339(key.expires_at),
    }
}
