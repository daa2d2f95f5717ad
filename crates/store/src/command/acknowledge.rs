use trunkline_model::{AccountId, DeviceId, Seq};

use crate::{
    Acknowledged, Receipt, StoreError,
    draft::{Draft, Needs},
    job::ChatCommand,
};

/// Moves a device's acknowledged mark, by one step at most.
pub(crate) struct Acknowledge {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) up_to: Seq,
}

impl ChatCommand for Acknowledge {
    type Answer = Acknowledged;

    fn needs(&self, needs: &mut Needs) {
        needs.account(self.account);
        needs.cursor(self.device, self.up_to);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Acknowledged, StoreError> {
        draft.address(self.account)?;
        let up_to = self.up_to.min(draft.head(self.account));
        let moved = draft.move_cursor(self.account, self.device, up_to)?;
        let Some((after, reached)) = moved else { return Ok(Acknowledged::default()) };
        let at = draft.tick();
        let mut receipts = Vec::new();
        for arrived in draft.undelivered(self.account, after, reached) {
            let Some(row) = draft.message(arrived.message) else { continue };
            let (own, local) = (row.account == Some(self.account), row.account.is_some());
            let (id, key) = (row.id.clone(), row.key);
            if !own && draft.deliver(key, at) {
                receipts.push(Receipt { peer: arrived.peer, id, key, local });
            }
        }
        Ok(Acknowledged { receipts, more: reached < up_to })
    }
}
