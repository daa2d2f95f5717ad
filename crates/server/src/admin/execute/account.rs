use trunkline_model::{Address, Profile};
use trunkline_store::{Account, StoreError};

use super::{Executor, refusal};
use crate::admin::{AccountView, ProfileChange, Refusal, RefusalKind, Reply};

impl Executor {
    pub(super) async fn account_add(
        &self,
        address: &Address,
        profile: ProfileChange,
    ) -> Result<Reply, Refusal> {
        let profile = checked(profile.over(Profile::default()))?;
        let account = self.store.account_add(address, &profile).await.map_err(|error| match error {
            StoreError::Conflict(_) => {
                Refusal::new(RefusalKind::Conflict, format!("there is already an account {address}"))
            }
            other => refusal(other),
        })?;
        self.told(account)
    }

    pub(super) async fn account_list(&self, after: Option<Address>) -> Result<Reply, Refusal> {
        let (page, next) = self.page(after).await?;
        Ok(Reply::Accounts { accounts: page.into_iter().map(|account| self.view(account)).collect(), next })
    }

    pub(super) async fn account_show(&self, address: &Address) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        let devices = self.devices(&account).await?;
        let view = AccountView { devices: Some(devices), ..self.view(account) };
        Ok(Reply::Account { account: Box::new(view) })
    }

    pub(super) async fn account_set(
        &self,
        address: &Address,
        change: ProfileChange,
    ) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        let profile = checked(change.over(account.profile.clone()))?;
        self.store.account_set(account.id, &profile).await.map_err(refusal)?;
        self.announce(&account).await?;
        self.told(Account { profile, ..account })
    }

    pub(super) async fn account_enable(&self, address: &Address, enabled: bool) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        self.store.account_enable(account.id, enabled).await.map_err(refusal)?;
        self.announce(&account).await?;
        self.told(Account { enabled, ..account })
    }

    pub(super) async fn account_remove(&self, address: &Address) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        self.store.account_remove(account.id).await.map_err(refusal)?;
        self.announce(&account).await?;
        self.told(account)
    }

    pub(super) async fn examine(&self, address: &Address) -> Result<Reply, Refusal> {
        let account = self.account(address).await?;
        let Some(running) = &self.running else {
            return Err(Refusal::new(RefusalKind::Invalid, "no server runs here that could examine it"));
        };
        let steps = running.relay.examine(account.id, &account.address).await.map_err(refusal)?;
        Ok(Reply::Examined { steps })
    }
}

/// Refuses fields that no directory would hold.
pub(super) fn checked(profile: Profile) -> Result<Profile, Refusal> {
    for (name, field) in ProfileChange::fields(&profile) {
        if let Some(fault) = ProfileChange::fault(field) {
            // Its value is of a person, and these words reach the log.
            return Err(Refusal::new(RefusalKind::Invalid, format!("the {name} cannot be kept: {fault}")));
        }
    }
    Ok(profile)
}
