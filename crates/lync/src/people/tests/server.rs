//! A naive server: one list with a version, publications with versions.

use std::collections::{BTreeMap, BTreeSet};

use trunkline_sip::body::{
    Categories, Category, Content, ExpireType,
    contact::{Contact, ContactDelta, ContactList, Group, ListChange},
    publication::{Conflict, Operation, Publish},
    roaming::{Container, Member, RoamingData, SetContainerMembers},
    soap::{ListOperation, ListReply, ListRequest},
};

/// What a server keeps of one user.
#[derive(Default)]
pub(super) struct Server {
    pub(super) delta: u64,
    pub(super) groups: BTreeMap<u32, String>,
    pub(super) contacts: BTreeMap<String, (String, BTreeSet<u32>)>,
    last_group: u32,
    pub(super) held: BTreeMap<(String, u32, u32), (u64, ExpireType, Content)>,
    members: BTreeMap<u32, Vec<Member>>,
}

impl Server {
    pub(super) fn new() -> Self {
        Self { delta: 1, ..Self::default() }
    }

    pub(super) fn list(&self) -> ContactList {
        let groups =
            self.groups.iter().map(|(id, name)| Group { id: *id, name: name.clone(), external: None });
        let contacts = self.contacts.keys().map(|uri| self.contact(uri));
        ContactList { delta: self.delta, store: None, groups: groups.collect(), contacts: contacts.collect() }
    }

    fn contact(&self, uri: &str) -> Contact {
        let (name, groups) = self.contacts.get(uri).cloned().unwrap_or_default();
        let groups = groups.into_iter().collect();
        Contact { uri: uri.to_owned(), name, groups, subscribed: Some(true), ..Contact::default() }
    }

    /// Changes the list, if the version is right and it can be done.
    pub(super) fn change(&mut self, request: &ListRequest) -> Result<(ListReply, ContactDelta), u16> {
        if request.delta != self.delta {
            return Err(500);
        }
        let mut reply = ListReply::Done { operation: request.operation.name().to_owned() };
        let change = match &request.operation {
            ListOperation::SetContact { uri, name, groups, .. } => {
                if groups.is_empty() || groups.iter().any(|id| !self.groups.contains_key(id)) {
                    return Err(400);
                }
                let known = self.contacts.contains_key(uri);
                self.contacts.insert(uri.clone(), (name.clone(), groups.iter().copied().collect()));
                let contact = self.contact(uri);
                if known { ListChange::ContactModified(contact) } else { ListChange::ContactAdded(contact) }
            }
            ListOperation::DeleteContact { uri } => {
                self.contacts.remove(uri).ok_or(404_u16)?;
                ListChange::ContactDeleted(uri.clone())
            }
            ListOperation::AddGroup { name, .. } => {
                self.last_group += 1;
                let id = self.last_group;
                self.groups.insert(id, name.clone());
                reply = ListReply::GroupAdded { id };
                ListChange::GroupAdded(Group { id, name: name.clone(), external: None })
            }
            ListOperation::ModifyGroup { id, name, .. } => {
                *self.groups.get_mut(id).ok_or(404_u16)? = name.clone();
                ListChange::GroupModified(Group { id: *id, name: name.clone(), external: None })
            }
            ListOperation::DeleteGroup { id } => {
                if self.contacts.values().any(|(_, groups)| groups.contains(id)) {
                    return Err(403);
                }
                self.groups.remove(id).ok_or(404_u16)?;
                ListChange::GroupDeleted(*id)
            }
            ListOperation::Other(_) => return Err(400),
        };
        self.delta += 1;
        Ok((reply, ContactDelta { delta: self.delta, previous: Some(self.delta - 1), changes: vec![change] }))
    }

    /// Publishes all or nothing; names the categories that changed.
    pub(super) fn publish(&mut self, publish: &Publish) -> Result<BTreeSet<String>, Conflict> {
        let version = |key: &(String, u32, u32)| self.held.get(key).map_or(0, |(version, _, _)| *version);
        let key = |one: &trunkline_sip::body::publication::Publication| {
            (one.category.clone(), one.instance, one.container)
        };
        let wrong =
            publish.publications.iter().enumerate().filter(|(_, one)| one.version != version(&key(one)));
        let operations: Vec<Operation> = wrong
            .map(|(place, one)| Operation {
                index: place + 1,
                version: Some(one.version),
                current: Some(version(&key(one))),
            })
            .collect();
        if !operations.is_empty() {
            return Err(Conflict { code: Conflict::WRONG_DELTA.to_owned(), operations });
        }
        for one in &publish.publications {
            if one.expires == Some(0) {
                self.held.remove(&key(one));
            } else {
                self.held.insert(key(one), (one.version + 1, one.lasts, one.content.clone()));
            }
        }
        Ok(publish.publications.iter().map(|one| one.category.clone()).collect())
    }

    /// Puts people into containers, if the versions are right.
    pub(super) fn set_members(&mut self, set: SetContainerMembers) -> bool {
        let version = |id| self.members.get(&id).map_or(0, |members| members.len() as u64);
        if set.0.iter().any(|change| change.version != version(change.id)) {
            return false;
        }
        for change in set.0 {
            let members = self.members.entry(change.id).or_default();
            members.extend(change.members.into_iter().map(|(_, member)| member));
        }
        true
    }

    /// What the user is told of himself: the categories of these names, completely.
    pub(super) fn roaming(&self, names: &BTreeSet<String>, whole: bool) -> RoamingData {
        let shown = self.held.iter().filter(|((name, _, _), _)| whole || names.contains(name));
        let mut categories: Vec<Category> = shown
            .map(|((name, instance, container), (version, lasts, content))| Category {
                name: name.clone(),
                instance: Some(*instance),
                container: Some(*container),
                version: Some(*version),
                expires: Some(*lasts),
                content: content.clone(),
                ..Category::default()
            })
            .collect();
        let gone = names.iter().filter(|name| !self.held.keys().any(|(held, _, _)| held == *name));
        categories.extend(gone.map(|name| Category { name: name.clone(), ..Category::default() }));
        let containers = self.members.iter().map(|(id, members)| Container {
            id: *id,
            version: members.len() as u64,
            members: members.clone(),
        });
        RoamingData {
            categories: Some(Categories { uri: "sip:alice@example.com".to_owned(), categories }),
            containers: whole.then(|| containers.collect()),
            subscribers: None,
        }
    }

    /// Whether colleagues are let see the user.
    pub(super) fn is_open(&self) -> bool {
        self.members.get(&200).is_some_and(|members| members == &[Member::SameEnterprise])
    }

    /// The endpoint is gone, and with it what it said of itself.
    pub(super) fn drop_endpoint(&mut self) {
        self.held.retain(|_, (_, lasts, _)| *lasts != ExpireType::Endpoint);
    }
}
