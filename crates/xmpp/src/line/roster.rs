use std::{collections::BTreeSet, time::Duration};

use tokio::time::timeout;
use tokio_xmpp::parsers::{
    presence::Presence as Stanza,
    roster::{Ask, Group, Item, Roster as Query, Subscription},
};
use trunkline_core::port::{LineError, RosterChange};
use trunkline_model::{Address, GroupId};

use super::{Question, XmppLine, known_jid};
use crate::{
    book::{Bond, Entry, group_name},
    worker::Command,
};

/// How long renaming a group may take: each of its contacts is changed by itself.
const RENAME_WAIT: Duration = Duration::from_secs(60);

impl XmppLine {
    pub(super) async fn change(&self, change: RosterChange) -> Result<Option<GroupId>, LineError> {
        self.connected()?;
        match change {
            RosterChange::AddContact(address, group) => self.add_contact(&address, group).await?,
            RosterChange::RemoveContact(address) => self.remove_contact(&address).await?,
            RosterChange::AddGroup(name) => return self.add_group(&name).map(Some),
            RosterChange::RenameGroup(id, name) => {
                let renaming = timeout(RENAME_WAIT, self.rename_group(id, &name));
                renaming
                    .await
                    .map_err(|_| LineError::NotConnected("the server did not answer in time".into()))??;
            }
            RosterChange::RemoveGroup(id) => self.remove_group(id)?,
            RosterChange::AddToGroup(address, id) => self.add_to_group(&address, id).await?,
            RosterChange::RemoveFromGroup(address, id) => self.remove_from_group(&address, id).await?,
        }
        Ok(None)
    }

    async fn add_contact(&self, address: &Address, group: Option<GroupId>) -> Result<(), LineError> {
        let jid = known_jid(address)?;
        let group = group.map(|id| self.group(id)).transpose()?;
        let known = self.shared.book().entry(address);
        let bond = known.as_ref().map(|entry| entry.bond);
        let mut entry =
            known.unwrap_or(Entry { name: String::new(), groups: BTreeSet::new(), bond: Bond::None });
        let new_group = group.is_some_and(|group| !entry.groups.insert(group));
        if new_group {
            return Err(LineError::AlreadyInGroup);
        }
        self.set(address, entry).await?;
        if bond != Some(Bond::Sees) {
            let request = Stanza::subscribe().with_to(jid);
            self.command(Command::Stanza(Box::new(request.into()))).await?;
        }
        Ok(())
    }

    async fn remove_contact(&self, address: &Address) -> Result<(), LineError> {
        self.entry(address)?;
        let item = Item { subscription: Subscription::Remove, ..item(known_jid(address)?, String::new()) };
        self.set_item(item).await?;
        self.shared.book().amend(address, None);
        Ok(())
    }

    fn add_group(&self, name: &str) -> Result<GroupId, LineError> {
        let name = usable(name)?;
        let mut book = self.shared.book();
        book.groups_mut().add(&name).ok_or_else(|| LineError::Refused("there are too many groups".into()))
    }

    async fn rename_group(&self, id: GroupId, name: &str) -> Result<(), LineError> {
        let (old, new) = (self.group(id)?, usable(name)?);
        if old == new {
            return Ok(());
        }
        let members = {
            let mut book = self.shared.book();
            if book.groups().id(&new).is_some() {
                return Err(LineError::Refused("there is a group of that name".into()));
            }
            book.groups_mut().alias(id, &new);
            book.members(&old)
        };
        for member in members {
            if let Err(error) = self.move_member(&member, &old, &new).await {
                self.shared.book().groups_mut().parted(&new);
                return Err(error);
            }
        }
        self.shared.book().groups_mut().renamed(&old, &new);
        Ok(())
    }

    async fn move_member(&self, member: &Address, old: &str, new: &str) -> Result<(), LineError> {
        let mut entry = self.entry(member)?;
        entry.groups.remove(old);
        entry.groups.insert(new.to_owned());
        self.set(member, entry).await
    }

    fn remove_group(&self, id: GroupId) -> Result<(), LineError> {
        let name = self.group(id)?;
        let mut book = self.shared.book();
        if !book.members(&name).is_empty() {
            return Err(LineError::GroupNotEmpty);
        }
        book.groups_mut().remove(&name);
        Ok(())
    }

    async fn add_to_group(&self, address: &Address, id: GroupId) -> Result<(), LineError> {
        let (group, mut entry) = (self.group(id)?, self.entry(address)?);
        if !entry.groups.insert(group) {
            return Err(LineError::AlreadyInGroup);
        }
        self.set(address, entry).await
    }

    async fn remove_from_group(&self, address: &Address, id: GroupId) -> Result<(), LineError> {
        let (group, mut entry) = (self.group(id)?, self.entry(address)?);
        if !entry.groups.remove(&group) {
            return Err(LineError::NotFound(format!("{address} is not in that group")));
        }
        self.set(address, entry).await
    }

    fn group(&self, id: GroupId) -> Result<String, LineError> {
        let book = self.shared.book();
        let name = book.groups().name(id).map(str::to_owned);
        name.ok_or_else(|| LineError::NotFound("there is no such group".into()))
    }

    fn entry(&self, address: &Address) -> Result<Entry, LineError> {
        let entry = self.shared.book().entry(address);
        entry.ok_or_else(|| LineError::NotFound(format!("{address} is not in the roster")))
    }

    async fn set(&self, address: &Address, entry: Entry) -> Result<(), LineError> {
        let mut item = item(known_jid(address)?, entry.name);
        item.groups = entry.groups.iter().cloned().map(Group).collect();
        self.set_item(item).await?;
        // The server's push may come later than its answer; who asks next is to see the change already.
        self.shared.book().amend(address, Some(entry.groups));
        Ok(())
    }

    async fn set_item(&self, item: Item) -> Result<(), LineError> {
        let query = Query { ver: None, items: vec![item] };
        self.ask(None, Question::Set(query.into())).await?;
        Ok(())
    }
}

fn item(jid: tokio_xmpp::jid::BareJid, name: String) -> Item {
    let name = Some(name).filter(|name| !name.is_empty());
    let (subscription, ask) = (Subscription::None, Ask::None);
    Item { jid, name, subscription, ask, groups: Vec::new(), approved: None }
}

fn usable(name: &str) -> Result<String, LineError> {
    let name = group_name(name);
    if name.is_empty() {
        return Err(LineError::Refused("a group needs a name".into()));
    }
    Ok(name)
}
