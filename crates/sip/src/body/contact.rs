//! The list of contacts and its changes (roaming-contacts, MS-SIP).

use super::{
    BodyError, Element,
    scalar::{with_scheme, without_scheme},
    xml,
};

/// The media type of both documents.
pub const TYPE: &str = "application/vnd-microsoft-roaming-contacts+xml";

/// The name of the group of those who are in no other.
pub const OTHER_CONTACTS: &str = "~";

/// What a notification says of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roster {
    /// All of it.
    List(ContactList),
    /// What changed.
    Delta(ContactDelta),
}

impl Roster {
    /// # Errors
    /// What is neither document, or a number in it is none.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        let root = xml::parse(body)?;
        if root.local() == "contactDelta" {
            return ContactDelta::from_element(&root).map(Self::Delta);
        }
        ContactList::from_element(&root.root("contactList")?).map(Self::List)
    }

    /// The document.
    #[must_use]
    pub fn write(&self) -> String {
        match self {
            Self::List(list) => list.write(),
            Self::Delta(delta) => delta.write(),
        }
    }
}

/// The whole list at one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactList {
    /// Its version, which every change has to name.
    pub delta: u64,
    /// What the server says of a unified contact store; see [`ContactList::is_elsewhere`].
    pub store: Option<String>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Contacts.
    pub contacts: Vec<Contact>,
}

/// A group of contacts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// Its number.
    pub id: u32,
    /// Its name; [`OTHER_CONTACTS`] is not for people's eyes.
    pub name: String,
    /// What it expands, if it stands for a distribution list.
    pub external: Option<String>,
}

/// Somebody on the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// Who, with the scheme.
    pub uri: String,
    /// The name that the user gave; empty for the one that the contact bears.
    pub name: String,
    /// Numbers of groups.
    pub groups: Vec<u32>,
    /// Whether presence is wanted; `None` in a change that leaves it.
    pub subscribed: Option<bool>,
    /// What it expands, if it stands for something else.
    pub external: Option<String>,
    /// Settings that clients keep there.
    pub extension: Option<Element>,
}

/// What changed from one version to the next, in the order in which it has to be applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContactDelta {
    /// The version after the changes.
    pub delta: u64,
    /// The version before; another than one's own means that something was missed.
    pub previous: Option<u64>,
    /// Changes.
    pub changes: Vec<ListChange>,
}

/// One change of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListChange {
    /// A new group.
    GroupAdded(Group),
    /// A group has another name.
    GroupModified(Group),
    /// A new contact.
    ContactAdded(Contact),
    /// A contact has another name or other groups.
    ContactModified(Contact),
    /// A contact is gone.
    ContactDeleted(String),
    /// A group is gone.
    GroupDeleted(u32),
}

impl ContactList {
    /// # Errors
    /// What is no such document, or a number in it is none.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        Self::from_element(&xml::parse(body)?.root("contactList")?)
    }

    fn from_element(root: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            delta: root.need_number("deltaNum")?,
            store: root.attribute("ucsmode").map(str::to_owned),
            groups: root.all("group").map(Group::from_element).collect::<Result<_, _>>()?,
            contacts: root.all("contact").map(Contact::from_element).collect::<Result<_, _>>()?,
        })
    }

    /// The document; its addresses have no scheme.
    #[must_use]
    pub fn write(&self) -> String {
        let contact = |contact: &Contact| contact.to_element("contact", without_scheme(&contact.uri));
        Element::new("contactList")
            .with("deltaNum", self.delta)
            .with_some("ucsmode", self.store.as_ref())
            .children(self.groups.iter().map(|group| group.to_element("group")))
            .children(self.contacts.iter().map(contact))
            .write()
    }

    /// Takes over what changed. Says `false` if a change was missed: ask for the whole list then; nothing has changed.
    #[must_use]
    pub fn apply(&mut self, later: ContactDelta) -> bool {
        if later.previous.is_some_and(|previous| previous != self.delta) {
            return later.delta <= self.delta;
        }
        self.delta = later.delta;
        later.changes.into_iter().for_each(|change| self.change(change));
        true
    }

    fn change(&mut self, change: ListChange) {
        match change {
            ListChange::GroupAdded(group) | ListChange::GroupModified(group) => {
                match self.groups.iter_mut().find(|mine| mine.id == group.id) {
                    Some(mine) => *mine = group,
                    None => self.groups.push(group),
                }
            }
            ListChange::ContactAdded(contact) | ListChange::ContactModified(contact) => {
                match self.contacts.iter_mut().find(|mine| mine.uri.eq_ignore_ascii_case(&contact.uri)) {
                    Some(mine) => mine.merge(contact),
                    None => self.contacts.push(contact),
                }
            }
            ListChange::ContactDeleted(uri) => {
                self.contacts.retain(|mine| !mine.uri.eq_ignore_ascii_case(&uri))
            }
            ListChange::GroupDeleted(id) => {
                self.groups.retain(|mine| mine.id != id);
                self.contacts.iter_mut().for_each(|contact| contact.groups.retain(|group| *group != id));
            }
        }
    }

    /// Whether the list has moved to the mail server, and this one can be read at most.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.store.as_deref().is_some_and(|mode| mode.eq_ignore_ascii_case("migrated"))
    }
}

impl ContactDelta {
    /// # Errors
    /// What is no such document, or a number in it is none.
    pub fn read(body: &[u8]) -> Result<Self, BodyError> {
        Self::from_element(&xml::parse(body)?.root("contactDelta")?)
    }

    fn from_element(root: &Element) -> Result<Self, BodyError> {
        let read = root.elements().filter_map(|element| ListChange::from_element(element).transpose());
        let mut changes = read.collect::<Result<Vec<_>, BodyError>>()?;
        changes.sort_by_key(ListChange::rank);
        Ok(Self { delta: root.need_number("deltaNum")?, previous: root.number("prevDeltaNum")?, changes })
    }

    /// The document; its addresses have a scheme.
    #[must_use]
    pub fn write(&self) -> String {
        Element::new("contactDelta")
            .with("deltaNum", self.delta)
            .with_some("prevDeltaNum", self.previous)
            .children(self.changes.iter().map(ListChange::to_element))
            .write()
    }
}

impl ListChange {
    fn from_element(element: &Element) -> Result<Option<Self>, BodyError> {
        Ok(Some(match element.local() {
            "addedGroup" => Self::GroupAdded(Group::from_element(element)?),
            "modifiedGroup" => Self::GroupModified(Group::from_element(element)?),
            "addedContact" => Self::ContactAdded(Contact::from_element(element)?),
            "modifiedContact" => Self::ContactModified(Contact::from_element(element)?),
            "deletedContact" => Self::ContactDeleted(with_scheme(element.need_attribute("uri")?)),
            "deletedGroup" => Self::GroupDeleted(element.need_number("id")?),
            _ => return Ok(None),
        }))
    }

    fn to_element(&self) -> Element {
        match self {
            Self::GroupAdded(group) => group.to_element("addedGroup"),
            Self::GroupModified(group) => group.to_element("modifiedGroup"),
            Self::ContactAdded(contact) => contact.to_element("addedContact", &contact.uri),
            Self::ContactModified(contact) => contact.to_element("modifiedContact", &contact.uri),
            Self::ContactDeleted(uri) => Element::new("deletedContact").with("uri", uri),
            Self::GroupDeleted(id) => Element::new("deletedGroup").with("id", id),
        }
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::GroupAdded(_) => 0,
            Self::GroupModified(_) => 1,
            Self::ContactAdded(_) => 2,
            Self::ContactModified(_) => 3,
            Self::ContactDeleted(_) => 4,
            Self::GroupDeleted(_) => 5,
        }
    }
}

impl Group {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            id: element.need_number("id")?,
            name: element.attribute("name").unwrap_or_default().to_owned(),
            external: external(element),
        })
    }

    fn to_element(&self, name: &str) -> Element {
        Element::new(name)
            .with("id", self.id)
            .with("name", &self.name)
            .with("externalURI", self.external.as_deref().unwrap_or_default())
    }
}

impl Contact {
    fn from_element(element: &Element) -> Result<Self, BodyError> {
        Ok(Self {
            uri: with_scheme(element.need_attribute("uri")?),
            name: element.attribute("name").unwrap_or_default().to_owned(),
            groups: group_ids(element.attribute("groups").unwrap_or_default()),
            subscribed: element.flag("subscribed"),
            external: external(element),
            extension: element.first("contactExtension").cloned(),
        })
    }

    fn merge(&mut self, later: Self) {
        self.name = later.name;
        self.groups = later.groups;
        self.subscribed = later.subscribed.or(self.subscribed);
        self.external = later.external.or(self.external.take());
        self.extension = later.extension.or(self.extension.take());
    }

    fn to_element(&self, name: &str, uri: &str) -> Element {
        Element::new(name)
            .with("uri", uri)
            .with("name", &self.name)
            .with("groups", join(&self.groups))
            .with_some("subscribed", self.subscribed)
            .with("externalURI", self.external.as_deref().unwrap_or_default())
            .children(self.extension.clone())
    }
}

fn external(element: &Element) -> Option<String> {
    element.attribute("externalURI").filter(|uri| !uri.is_empty()).map(str::to_owned)
}

/// Numbers of groups, parted by white space; what is no number is left out.
pub(super) fn group_ids(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

pub(super) fn join(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}
