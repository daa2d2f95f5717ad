use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use trunkline_model::{AccountId, Address};
use trunkline_store::StoreError;

use super::{Lines, Slot};

/// Keeps the relay's list of whom an account blocks and the IM system's the same, as far as one line tells.
#[derive(Default)]
pub(super) struct Blocking {
    /// What the IM system said last and nobody has looked at yet.
    heard: Mutex<Option<BTreeSet<Address>>>,
    /// What both lists came from: the IM system's list as it was looked at last.
    base: tokio::sync::Mutex<BTreeSet<Address>>,
    /// Held while the IM system is asked for what it lacks.
    asking: tokio::sync::Mutex<()>,
}

/// What makes two lists the same again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Merge {
    /// For the relay's list: whom another client blocked or unblocked.
    here: Vec<(Address, bool)>,
    /// For the IM system's: whom a phone blocked or unblocked.
    there: Vec<(Address, bool)>,
}

impl Blocking {
    /// Takes the IM system's list, in a task: its last word counts.
    pub(super) fn learn(self: &Arc<Self>, lines: Arc<Lines>, slot: Arc<Slot>, theirs: BTreeSet<Address>) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(theirs);
        let (own, tasks) = (self.clone(), lines.tasks.clone());
        tasks.spawn(async move {
            let account = slot.person.account;
            match own.take(&lines, account).await {
                Ok(asked) => own.ask(&lines, &slot, asked).await,
                Err(error) => {
                    tracing::warn!(account = account.0, %error, "the list of the blocked was not taken over")
                }
            }
        });
    }

    /// Takes over what another client changed; gives what the IM system is to change.
    async fn take(&self, lines: &Lines, account: AccountId) -> Result<Vec<(Address, bool)>, StoreError> {
        let mut base = self.base.lock().await;
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(theirs) = heard else { return Ok(Vec::new()) };
        let ours = lines.blocks.of(account).await?.iter().cloned().collect();
        let Merge { here, there } = merge(&base, &ours, &theirs);
        for (who, blocked) in here {
            lines.blocks.set(account, &who, blocked).await?;
            let slot = lines.slot(account);
            if let Some(line) = slot.and_then(|slot| slot.line())
                && let Ok(Some(contact)) = line.contact(&who).await
            {
                lines.hub.contact_changed(account, &contact);
            }
        }
        *base = theirs;
        Ok(there)
    }

    /// Asks the IM system for what the relay's list still says when its turn has come.
    async fn ask(&self, lines: &Lines, slot: &Slot, asked: Vec<(Address, bool)>) {
        let _asking = self.asking.lock().await;
        let Some(line) = slot.line() else { return };
        for (who, blocked) in asked {
            if !matches!(lines.blocks.blocks(slot.person.account, &who).await, Ok(now) if now == blocked) {
                continue;
            }
            if let Err(error) = line.block(&who, blocked).await {
                tracing::warn!(account = %slot.person.address, %error, "the IM system does not block as the relay does");
            }
        }
    }
}

/// Both changed what they had in common.
fn merge(base: &BTreeSet<Address>, ours: &BTreeSet<Address>, theirs: &BTreeSet<Address>) -> Merge {
    let mut merge = Merge::default();
    for who in ours.symmetric_difference(theirs) {
        let is_theirs = theirs.contains(who);
        // Whoever differs from the base has changed it.
        match is_theirs == base.contains(who) {
            true => merge.there.push((who.clone(), !is_theirs)),
            false => merge.here.push((who.clone(), is_theirs)),
        }
    }
    merge
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<Address> {
        names.iter().map(|name| format!("{name}@corp.test").parse().unwrap()).collect()
    }

    fn list(changes: &[(&str, bool)]) -> Vec<(Address, bool)> {
        changes.iter().map(|(name, on)| (format!("{name}@corp.test").parse().unwrap(), *on)).collect()
    }

    #[test]
    fn each_side_gets_what_the_other_changed() {
        let (base, ours, theirs) =
            (set(&["bob", "carol", "dave"]), set(&["bob", "dave", "erin"]), set(&["bob", "carol", "frank"]));
        let Merge { here, there } = merge(&base, &ours, &theirs);
        assert_eq!(here, list(&[("dave", false), ("frank", true)]));
        assert_eq!(there, list(&[("carol", false), ("erin", true)]));
    }

    #[test]
    fn at_first_whom_either_blocks_is_blocked() {
        let Merge { here, there } = merge(&set(&[]), &set(&["bob", "carol"]), &set(&["carol", "dave"]));
        assert_eq!((here, there), (list(&[("dave", true)]), list(&[("bob", true)])));
    }
}
