use std::collections::BTreeSet;

use trunkline_model::{Address, Group, GroupId};
use trunkline_sip::body::contact::{self, ContactDelta, ContactList, ListChange, OTHER_CONTACTS};

use super::shown::{MAX_LINE, cut};
use crate::flat::Flat;

/// The list of contacts as the server has it.
#[derive(Debug, Default)]
pub(super) struct List {
    /// Its version; 0 before it arrived.
    delta: u64,
    /// Something was missed: nothing may be changed before the list came anew.
    stale: bool,
    /// It is kept by the mail server.
    elsewhere: bool,
    /// A whole list that was older than the one here; if it comes again, it is true.
    doubted: Option<u64>,
    groups: Flat<u32, contact::Group>,
    contacts: Flat<Address, Entry>,
}

/// A contact as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) groups: BTreeSet<u32>,
    /// Whether presence is wanted.
    pub(super) subscribed: bool,
    pub(super) external: Option<String>,
}

impl Default for Entry {
    fn default() -> Self {
        Self { name: String::new(), groups: BTreeSet::new(), subscribed: true, external: None }
    }
}

/// What became different.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) contacts: BTreeSet<Address>,
    pub(super) groups: bool,
}

/// What became of a document.
#[derive(Debug)]
pub(super) enum Taken {
    /// It is in.
    In(Difference),
    /// Nothing new.
    Old,
    /// Something before it is missing: ask for the whole list.
    Missed,
}

/// Most contacts and groups that are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) contacts: usize,
    pub(super) groups: usize,
}

impl List {
    /// Takes the whole list.
    pub(super) fn load(&mut self, list: ContactList, most: Most) -> Taken {
        if list.delta < self.delta && self.doubted != Some(list.delta) {
            self.doubted = Some(list.delta);
            self.stale = true;
            return Taken::Missed;
        }
        self.doubted = None;
        let before = (self.contacts.clone(), self.groups.clone());
        self.elsewhere = list.is_elsewhere();
        self.delta = list.delta;
        self.stale = false;
        self.groups.clear();
        self.contacts.clear();
        list.groups.into_iter().for_each(|group| self.put_group(group, most));
        list.contacts.into_iter().for_each(|contact| self.put(contact, most));
        Taken::In(self.difference(before))
    }

    /// Takes a change, if it follows on what is here.
    pub(super) fn apply(&mut self, delta: ContactDelta, most: Most) -> Taken {
        if self.delta == 0 || self.stale || delta.delta <= self.delta {
            return Taken::Old;
        }
        if delta.previous.unwrap_or(delta.delta - 1) != self.delta {
            self.stale = true;
            return Taken::Missed;
        }
        let before = (self.contacts.clone(), self.groups.clone());
        self.delta = delta.delta;
        for change in delta.changes {
            self.change(change, most);
        }
        Taken::In(self.difference(before))
    }

    /// The list is kept by the mail server, which does not show it here.
    pub(super) fn move_elsewhere(&mut self) -> Difference {
        let before = (std::mem::take(&mut self.contacts), std::mem::take(&mut self.groups));
        self.elsewhere = true;
        self.stale = false;
        self.delta = self.delta.max(1);
        self.difference(before)
    }

    /// What is here may be outdated.
    pub(super) fn doubt(&mut self) {
        self.stale = true;
    }

    /// Nothing is known of the server's list any more; what it was stays to be seen.
    pub(super) fn lose(&mut self) {
        self.stale = true;
        self.delta = 0;
        self.doubted = None;
    }

    /// Whether what is here is what the server has, as far as is known.
    pub(super) fn is_ready(&self) -> bool {
        self.delta > 0 && !self.stale
    }

    pub(super) fn delta(&self) -> u64 {
        self.delta
    }

    pub(super) fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    pub(super) fn entry(&self, address: &Address) -> Option<&Entry> {
        self.contacts.get(address)
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.contacts.keys()
    }

    pub(super) fn contacts(&self) -> usize {
        self.contacts.len()
    }

    /// How many groups the server counts.
    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The number of the group of those who are in no other.
    pub(super) fn others(&self) -> Option<u32> {
        self.groups.values().find(|group| group.name == OTHER_CONTACTS).map(|group| group.id)
    }

    /// The groups that a phone sees, by number. Not among them are that of those in no group, and distribution lists,
    /// which nobody can be put into.
    pub(super) fn shown_groups(&self) -> impl Iterator<Item = Group> {
        self.groups.values().filter(|group| is_shown(group)).map(shown)
    }

    /// A group that a phone sees.
    pub(super) fn group(&self, id: GroupId) -> Option<&contact::Group> {
        self.groups.get(&u32::try_from(id.0).ok()?).filter(|group| is_shown(group))
    }

    /// The number of the group of that name, in any letter case.
    pub(super) fn named(&self, name: &str) -> Option<u32> {
        let name = name.to_lowercase();
        self.groups.values().find(|group| group.name.to_lowercase() == name).map(|group| group.id)
    }

    /// Whether somebody is in a group.
    pub(super) fn has_members(&self, id: u32) -> bool {
        self.contacts.values().any(|entry| entry.groups.contains(&id))
    }

    /// The groups of a contact that a phone sees.
    pub(super) fn groups_of(&self, entry: &Entry) -> Vec<Group> {
        let groups = entry.groups.iter().filter_map(|id| self.groups.get(id));
        groups.filter(|group| is_shown(group)).map(shown).collect()
    }

    fn change(&mut self, change: ListChange, most: Most) {
        match change {
            ListChange::GroupAdded(group) => self.put_group(group, most),
            ListChange::GroupModified(group) => {
                if let Some(known) = self.groups.get_mut(&group.id) {
                    known.name = cut(&group.name, MAX_LINE);
                }
            }
            ListChange::ContactAdded(contact) | ListChange::ContactModified(contact) => {
                self.put(contact, most)
            }
            ListChange::ContactDeleted(uri) => {
                if let Ok(address) = uri.parse::<Address>() {
                    self.contacts.remove(&address);
                }
            }
            ListChange::GroupDeleted(id) => {
                self.groups.remove(&id);
                for entry in self.contacts.values_mut() {
                    entry.groups.remove(&id);
                }
            }
        }
    }

    fn put_group(&mut self, group: contact::Group, most: Most) {
        if self.groups.len() < most.groups || self.groups.contains_key(&group.id) {
            let name = cut(&group.name, MAX_LINE);
            self.groups.insert(group.id, contact::Group { name, ..group });
        }
    }

    /// Whoever has no address of the usual form (a telephone, a room) is not shown.
    fn put(&mut self, contact: contact::Contact, most: Most) {
        let Ok(address) = contact.uri.parse::<Address>() else { return };
        if self.contacts.len() >= most.contacts && !self.contacts.contains_key(&address) {
            return;
        }
        let before = self.contacts.get(&address);
        let entry = Entry {
            name: cut(&contact.name, MAX_LINE),
            groups: contact.groups.into_iter().take(most.groups).collect(),
            subscribed: contact.subscribed.or(before.map(|entry| entry.subscribed)).unwrap_or(true),
            external: contact.external.or_else(|| before.and_then(|entry| entry.external.clone())),
        };
        self.contacts.insert(address, entry);
    }

    fn difference(&self, before: (Flat<Address, Entry>, Flat<u32, contact::Group>)) -> Difference {
        let (contacts, groups) = before;
        let all: BTreeSet<&Address> = contacts.keys().chain(self.contacts.keys()).collect();
        let changed = all.into_iter().filter(|address| contacts.get(address) != self.contacts.get(address));
        Difference { contacts: changed.cloned().collect(), groups: groups != self.groups }
    }
}

fn is_shown(group: &contact::Group) -> bool {
    group.name != OTHER_CONTACTS && group.external.is_none()
}

fn shown(group: &contact::Group) -> Group {
    Group { id: GroupId(i64::from(group.id)), name: group.name.clone() }
}
