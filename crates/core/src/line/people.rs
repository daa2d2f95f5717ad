//! What lines tell IM systems of their people, and what sessions are to tell their phones of others.

use trunkline_model::{AccountId, Address};

use super::{Lines, Slot};
use crate::{port::Person, presence};

impl Lines {
    /// Publishes what the account's sessions and its explicit choice add up to.
    pub(crate) async fn publish_account(&self, account: AccountId) {
        if let Some(slot) = self.slot(account) {
            self.publish(&slot).await;
        }
    }

    pub(super) async fn publish(&self, slot: &Slot) {
        let Some(line) = slot.line() else { return };
        let result = match presence::of(&self.store, &self.hub, slot.person.account).await {
            Ok(own) => line.publish(&own).await,
            Err(error) => Err(error.into()),
        };
        if let Err(error) = result {
            tracing::debug!(account = %slot.person.address, %error, "presence waits until the line is back");
        }
    }

    /// What an admin says of a person changed: others are told.
    pub(crate) async fn profile_changed(&self, person: &Person) {
        self.backend(&person.address).profile_changed(person).await;
        self.roster_outdated(person.account);
    }

    /// The line is up: sessions may tell their phones the roster.
    pub(super) fn wake(&self, account: AccountId) {
        for session in self.hub.sessions(account) {
            session.change(|_| ());
        }
    }

    /// Tells every session of the account the whole roster anew.
    pub(crate) fn roster_outdated(&self, account: AccountId) {
        for session in self.hub.sessions(account) {
            session.change(|state| state.people.outdated());
        }
    }

    /// Has a line that is new watch whom the account's sessions watch.
    pub(super) async fn watch_again(&self, slot: &Slot) {
        let sessions = self.hub.sessions(slot.person.account);
        let watched: Vec<Address> =
            sessions.iter().flat_map(|session| session.state().people.watched()).collect();
        let Some(line) = slot.line().filter(|_| !watched.is_empty()) else { return };
        for who in watched {
            if let Err(error) = line.watch(&who, true).await {
                tracing::debug!(%error, "somebody's presence is not watched, as was asked before");
            }
        }
    }
}
