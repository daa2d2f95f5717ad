use trunkline_model::{AccountId, DeviceId, Seq};

use crate::{
    Receipt, StoreError,
    draft::{Draft, Needs},
    job::ChatCommand,
};

/// Moves a device's acknowledged mark.
pub(crate) struct Acknowledge {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) up_to: Seq,
}

impl ChatCommand for Acknowledge {
    type Answer = Vec<Receipt>;

    fn needs(&self, needs: &mut Needs) {
        needs.account(self.account);
        needs.cursor(self.device, self.up_to);
    }

    fn apply(&self, draft: &mut Draft<'_>) -> Result<Vec<Receipt>, StoreError> {
        draft.address(self.account)?;
        let up_to = self.up_to.min(draft.head(self.account));
        let Some(after) = draft.move_cursor(self.account, self.device, up_to)? else { return Ok(Vec::new()) };
        let at = draft.tick();
        let mut receipts = Vec::new();
        for reached in draft.undelivered(self.account, after, up_to) {
            let Some(row) = draft.message(reached.message) else { continue };
            let (own, local) = (row.account == Some(self.account), row.account.is_some());
            let (id, key) = (row.id.clone(), row.key);
            if !own && draft.deliver(key, at) {
                receipts.push(Receipt { peer: reached.peer, id, key, local });
            }
        }
        Ok(receipts)
    }
}
