use std::collections::{BTreeMap, BTreeSet};

use trunkline_model::{Group, GroupId};

/// Most groups without a contact that are kept.
const MAX_EMPTY: usize = 256;
/// Most groups that get a number; contacts show no others.
const MAX_GROUPS: usize = 4_096;

/// The numbers that phones know groups by. On XMPP a group is only a name on contacts, so the numbers, and groups
/// without a contact, live as long as the line does.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    ids: BTreeMap<String, GroupId>,
    /// Made or kept although no contact is in them.
    empty: BTreeSet<String>,
    last: i64,
}

impl Groups {
    /// The number of a group, a new one if it has none yet; `None` when too many groups have one.
    pub(crate) fn number(&mut self, name: &str) -> Option<GroupId> {
        if self.ids.len() < MAX_GROUPS && !self.ids.contains_key(name) {
            self.last += 1;
            self.ids.insert(name.to_owned(), GroupId(self.last));
        }
        self.id(name)
    }

    /// Makes a group that stays while it is empty; `None` when too many are.
    pub(crate) fn add(&mut self, name: &str) -> Option<GroupId> {
        if self.empty.len() >= MAX_EMPTY && !self.empty.contains(name) {
            return None;
        }
        let id = self.number(name)?;
        self.empty.insert(name.to_owned());
        Some(id)
    }

    /// Forgets a group that has no contact.
    pub(crate) fn remove(&mut self, name: &str) {
        self.ids.remove(name);
        self.empty.remove(name);
    }

    /// Lets a second name stand for the same number, while contacts move from the old name to the new.
    pub(crate) fn alias(&mut self, id: GroupId, name: &str) {
        self.ids.insert(name.to_owned(), id);
    }

    /// Ends a renaming: the old name goes, and with it its place.
    pub(crate) fn renamed(&mut self, old: &str, new: &str) {
        self.ids.remove(old);
        if self.empty.remove(old) {
            self.empty.insert(new.to_owned());
        }
    }

    /// Ends a renaming that failed half-way: from now on these are two groups.
    pub(crate) fn parted(&mut self, new: &str) {
        self.ids.remove(new);
        self.number(new);
    }

    pub(crate) fn name(&self, id: GroupId) -> Option<&str> {
        self.ids.iter().find(|(_, known)| **known == id).map(|(name, _)| name.as_str())
    }

    pub(crate) fn id(&self, name: &str) -> Option<GroupId> {
        self.ids.get(name).copied()
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<Group> {
        self.id(name).map(|id| Group { id, name: name.to_owned() })
    }

    /// All groups that are used or kept, by number.
    pub(crate) fn list(&self, used: impl Fn(&String) -> bool) -> Vec<Group> {
        let shown = self.ids.iter().filter(|(name, _)| used(name) || self.empty.contains(*name));
        let mut groups: Vec<Group> = shown.map(|(name, id)| Group { id: *id, name: name.clone() }).collect();
        groups.sort_by_key(|group| group.id);
        groups.dedup_by_key(|group| group.id);
        groups
    }
}
