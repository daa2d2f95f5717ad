use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use trunkline_model::{Address, Contact, GroupId, MessageId, Presence};
use trunkline_store::{Account, ContactRow, StoreError};

use super::Here;
use crate::port::{
    Inlet, Line, LineError, LineState, Outcome, OutgoingMessage, OwnPresence, Person, Roster, RosterChange,
    Search, SearchField, SearchResult,
};

/// One account's line on the embedded IM system.
pub(super) struct LocalLine {
    person: Person,
    inlet: Arc<dyn Inlet>,
    here: Arc<Here>,
}

impl LocalLine {
    pub(super) fn new(person: Person, inlet: Arc<dyn Inlet>, here: Arc<Here>) -> Self {
        Self { person, inlet, here }
    }

    /// A roster row with what is known of the person behind it.
    fn listed(&self, row: ContactRow, account: Option<Account>) -> Contact {
        let mut contact = match account {
            Some(account) => self.here.contact(&self.person.address, account),
            None => Contact::unknown(row.address),
        };
        contact.in_roster = true;
        contact.groups = row.groups;
        contact
    }

    async fn known(&self, address: &Address) -> Result<(), LineError> {
        match self.here.store.account_by_address(address).await? {
            Some(_) => Ok(()),
            None => Err(LineError::NotFound(format!("there is no account {address} on this relay"))),
        }
    }

    async fn add_contact(&self, address: &Address, group: Option<GroupId>) -> Result<(), LineError> {
        self.known(address).await?;
        self.here.store.contact_add(self.person.account, address, group).await?;
        self.tell(address).await
    }

    /// Tells the account's sessions how a roster entry looks after a change.
    async fn tell(&self, address: &Address) -> Result<(), LineError> {
        let Some((_, inlet)) = self.here.presents.signed_in(self.person.account) else { return Ok(()) };
        if let Some(row) = self.here.store.contact(self.person.account, address).await? {
            let account = self.here.store.account_by_address(address).await?;
            inlet.contact_changed(self.listed(row, account));
        }
        Ok(())
    }
}

impl From<StoreError> for LineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound(what),
            StoreError::Conflict(what) => Self::Conflict(what),
            other => Self::Store(other.to_string()),
        }
    }
}

#[async_trait]
impl Line for LocalLine {
    fn state(&self) -> LineState {
        LineState::Connected
    }

    async fn send(&self, _message: OutgoingMessage) -> Outcome {
        Outcome::Confirmed
    }

    async fn typing(&self, peer: &Address, composing: bool) -> Result<(), LineError> {
        self.known(peer).await?;
        if let Some(inlet) = self.here.presents.inlet(peer) {
            inlet.typing(&self.person.address, composing);
        }
        Ok(())
    }

    async fn delivered(&self, _peer: &Address, _id: &MessageId) -> Result<(), LineError> {
        Ok(())
    }

    async fn publish(&self, own: &OwnPresence) -> Result<(), LineError> {
        Ok(self.here.publish(&self.person, &self.inlet, &own.presence).await?)
    }

    async fn roster(&self) -> Result<Roster, LineError> {
        let (store, own) = (&self.here.store, self.person.account);
        let rows = store.contacts(own).await?;
        let known = store.known_contacts(own).await?.into_iter();
        let mut known: HashMap<_, _> = known.map(|account| (account.address.clone(), account)).collect();
        let listed = rows.into_iter().map(|row| {
            let account = known.remove(&row.address);
            self.listed(row, account)
        });
        Ok(Roster { contacts: listed.collect(), groups: store.groups(own).await? })
    }

    async fn change_roster(&self, change: RosterChange) -> Result<Option<GroupId>, LineError> {
        let (store, account) = (&self.here.store, self.person.account);
        match change {
            RosterChange::AddContact(address, group) => self.add_contact(&address, group).await?,
            RosterChange::RemoveContact(address) => store.contact_remove(account, &address).await?,
            RosterChange::AddGroup(name) => return Ok(Some(store.group_add(account, &name).await?)),
            RosterChange::RenameGroup(group, name) => store.group_rename(account, group, &name).await?,
            RosterChange::RemoveGroup(group) => match store.group_remove(account, group).await {
                Err(StoreError::Conflict(_)) => return Err(LineError::GroupNotEmpty),
                other => other?,
            },
            RosterChange::AddToGroup(address, group) => {
                if !store.group_put(account, &address, group).await? {
                    return Err(LineError::AlreadyInGroup);
                }
                self.tell(&address).await?;
            }
            RosterChange::RemoveFromGroup(address, group) => {
                store.group_take(account, &address, group).await?;
                self.tell(&address).await?;
            }
        }
        Ok(None)
    }

    async fn contact(&self, address: &Address) -> Result<Option<Contact>, LineError> {
        let row = self.here.store.contact(self.person.account, address).await?;
        let account = self.here.store.account_by_address(address).await?;
        if let Some(row) = row {
            return Ok(Some(self.listed(row, account)));
        }
        Ok(account.map(|account| self.here.contact(&self.person.address, account)))
    }

    async fn watch(&self, address: &Address, watch: bool) -> Result<(), LineError> {
        if watch {
            self.known(address).await?;
        }
        self.here.presents.watch(self.person.account, address, watch);
        Ok(())
    }

    async fn block(&self, _who: &Address, _blocked: bool) -> Result<(), LineError> {
        // The relay's own list is all there is.
        Ok(())
    }

    async fn search(&self, search: &Search) -> Result<SearchResult, LineError> {
        let field = match search.field {
            SearchField::Name => trunkline_store::SearchField::Name,
            SearchField::Email => trunkline_store::SearchField::Email,
            SearchField::Phone => trunkline_store::SearchField::Phone,
            SearchField::Any => trunkline_store::SearchField::Any,
        };
        let domain = Some(self.person.address.domain());
        let mut accounts = self.here.store.search(domain, &search.term, field, search.limit).await?;
        let more = accounts.len() > search.limit;
        accounts.truncate(search.limit);
        let viewer = &self.person.address;
        let contacts = accounts.into_iter().map(|account| self.here.contact(viewer, account)).collect();
        Ok(SearchResult { contacts, more })
    }

    async fn close(&self) {
        if let Err(error) = self.here.publish(&self.person, &self.inlet, &Presence::offline()).await {
            tracing::warn!(account = %self.person.address, %error, "could not tell others that a person went offline");
        }
        self.here.presents.leave(&self.person, &self.inlet);
    }
}
