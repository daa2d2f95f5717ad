use trunkline_model::{Address, DeviceId};
use trunkline_store::{Account, DeviceRow};

use super::{Executor, refusal};
use crate::admin::{DeviceView, Refusal, RefusalKind, Reply, view::rfc3339};

impl Executor {
    pub(super) async fn device_list(&self, after: Option<Address>) -> Result<Reply, Refusal> {
        let (page, next) = self.page(after).await?;
        let mut devices = Vec::new();
        for account in &page {
            devices.extend(self.devices(account).await?);
        }
        Ok(Reply::Devices { devices, next })
    }

    pub(super) async fn device_revoke(&self, device: DeviceId) -> Result<Reply, Refusal> {
        let view = self.device(device).await?;
        let account = self.store.device_revoke(device).await.map_err(refusal)?;
        if let Some(running) = &self.running {
            running.relay.device_revoked(account, device).await;
        }
        Ok(Reply::Devices { devices: vec![DeviceView { revoked: true, ..view }], next: None })
    }

    pub(super) async fn devices(&self, account: &Account) -> Result<Vec<DeviceView>, Refusal> {
        let head = self.store.mailbox_bounds(account.id).await.map_err(refusal)?.head;
        let rows = self.store.devices(account.id).await.map_err(refusal)?;
        Ok(rows.into_iter().map(|row| device_view(row, &account.address, head.0)).collect())
    }

    pub(super) async fn device(&self, device: DeviceId) -> Result<DeviceView, Refusal> {
        let unknown = || Refusal::new(RefusalKind::NotFound, format!("there is no device {device}"));
        let row = self.store.device(device).await.map_err(refusal)?.ok_or_else(unknown)?;
        let account = self.store.account(row.account).await.map_err(refusal)?.ok_or_else(unknown)?;
        let head = self.store.mailbox_bounds(account.id).await.map_err(refusal)?.head;
        Ok(device_view(row, &account.address, head.0))
    }
}

fn device_view(row: DeviceRow, address: &Address, head: i64) -> DeviceView {
    DeviceView {
        id: row.id,
        address: address.clone(),
        name: row.name,
        platform: row.platform,
        app_version: row.app_version,
        created_at: rfc3339(row.created_at),
        last_seen: rfc3339(row.last_seen),
        revoked: row.revoked,
        behind: head.saturating_sub(row.acknowledged.0).max(0),
    }
}
