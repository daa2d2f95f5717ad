//! The embedded IM system: accounts that live on the relay itself, reached by a commit in the store.

mod line;
mod present;

use std::sync::Arc;

use async_trait::async_trait;
use trunkline_model::{Address, Contact, Presence};
use trunkline_store::{Account, Store, StoreError};

use self::{line::LocalLine, present::Presents};
use crate::port::{Backend, Inlet, Line, LineError, LineState, OpenLine, Person};

/// The backend of every domain that no other backend serves.
pub(crate) struct Local {
    here: Arc<Here>,
}

/// The embedded IM system as all its lines share it.
struct Here {
    store: Store,
    presents: Presents,
}

impl Local {
    pub(crate) fn new(store: Store) -> Self {
        Self { here: Arc::new(Here { store, presents: Presents::default() }) }
    }
}

#[async_trait]
impl Backend for Local {
    fn kind(&self) -> &'static str {
        "local"
    }

    fn domain(&self) -> Option<&str> {
        None
    }

    fn needs_password(&self) -> bool {
        false
    }

    fn delivers_by_commit(&self) -> bool {
        true
    }

    async fn profile_changed(&self, person: &Person) {
        if let Err(error) = self.here.announce(person).await {
            tracing::warn!(account = %person.address, %error, "could not tell others of a changed profile");
        }
    }

    async fn open(&self, request: OpenLine) -> Result<Arc<dyn Line>, LineError> {
        let OpenLine { person, inlet, password: _ } = request;
        self.here.presents.enter(&person, Arc::clone(&inlet));
        inlet.state_changed(LineState::Connected);
        Ok(Arc::new(LocalLine::new(person, inlet, Arc::clone(&self.here))))
    }
}

impl Here {
    /// What `viewer` may see of somebody's presence: people of the same domain see one another without asking.
    fn presence(&self, viewer: &Address, who: &Address) -> Presence {
        if viewer.domain() == who.domain() { self.presents.presence(who) } else { Presence::offline() }
    }

    /// An account as `viewer` sees it, without its place in the roster.
    fn contact(&self, viewer: &Address, account: Account) -> Contact {
        let presence = self.presence(viewer, &account.address);
        Contact { profile: account.profile, presence, ..Contact::unknown(account.address) }
    }

    /// Notes what a person shows on the line of this inlet, and tells everybody who is signed in and has them in the roster or watches them.
    async fn publish(
        &self,
        person: &Person,
        inlet: &Arc<dyn Inlet>,
        presence: &Presence,
    ) -> Result<(), StoreError> {
        if self.presents.publish(&person.address, inlet, presence) {
            self.announce(person).await
        } else {
            Ok(())
        }
    }

    async fn announce(&self, person: &Person) -> Result<(), StoreError> {
        let account = self.store.account(person.account).await?;
        let seen_by = |viewer: &Address| match &account {
            Some(account) => self.contact(viewer, account.clone()),
            None => Contact::unknown(person.address.clone()),
        };
        let mut told = Vec::new();
        for watcher in self.store.watchers(&person.address).await? {
            let Some((viewer, inlet)) = self.presents.signed_in(watcher) else { continue };
            let mut contact = seen_by(&viewer);
            if let Some(row) = self.store.contact(watcher, &person.address).await? {
                contact.in_roster = true;
                contact.groups = row.groups;
            }
            inlet.contact_changed(contact);
            told.push(watcher);
        }
        for watcher in self.presents.watchers(&person.address).into_iter().filter(|one| !told.contains(one)) {
            if let Some((viewer, inlet)) = self.presents.signed_in(watcher) {
                inlet.contact_changed(seen_by(&viewer));
            }
        }
        Ok(())
    }
}
