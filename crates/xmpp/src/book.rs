mod group;

use std::collections::{BTreeMap, BTreeSet};

use tokio_xmpp::parsers::{
    presence::Presence as Stanza,
    roster::{Ask, Item, Subscription},
};
use trunkline_core::port::{Roster, Search, SearchField, SearchResult};
use trunkline_model::{Address, Contact, Group, Profile};

use self::group::Groups;
use crate::{
    address::address_of,
    presence::Resources,
    text::{cut, xml_safe},
};

/// Most contacts of a roster that are kept.
const MAX_CONTACTS: usize = 20_000;
/// Most people outside the roster whose presence is kept.
const MAX_WATCHED: usize = 512;
/// Most characters of a contact's name or a group's.
const MAX_NAME: usize = 255;

/// The roster as the server last told it, and the presence of everybody in it.
#[derive(Debug, Default)]
pub(crate) struct Book {
    contacts: BTreeMap<Address, Card>,
    watched: BTreeMap<Address, Resources>,
    groups: Groups,
    loaded: bool,
}

#[derive(Debug, Clone, Default)]
struct Card {
    name: String,
    groups: BTreeSet<String>,
    subscription: Bond,
    resources: Resources,
}

/// Whether we may see a contact's presence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bond {
    /// No.
    #[default]
    None,
    /// We asked.
    Asked,
    /// Yes.
    Sees,
}

/// What a change to the roster means for those who look at it.
#[derive(Debug)]
pub(crate) struct Change {
    /// The contact as it is now.
    pub(crate) contact: Contact,
    /// A group came or went.
    pub(crate) groups: bool,
}

/// A contact as the server is to keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Empty for none.
    pub(crate) name: String,
    /// Group names.
    pub(crate) groups: BTreeSet<String>,
    pub(crate) bond: Bond,
}

impl Book {
    /// Takes the whole roster; presence known so far is forgotten, because the server tells it anew.
    pub(crate) fn load(&mut self, items: Vec<Item>) {
        self.contacts.clear();
        self.watched.values_mut().for_each(|resources| *resources = Resources::default());
        for item in items.into_iter().take(MAX_CONTACTS) {
            if let Some(address) = address_of(&item.jid.clone().into()) {
                self.contacts.insert(address, Card::new(&item, Resources::default()));
            }
        }
        self.number_groups();
        self.loaded = true;
    }

    /// True once the server has told the roster.
    pub(crate) fn loaded(&self) -> bool {
        self.loaded
    }

    /// Takes one changed item; `None` when it is no person's or the roster is full.
    pub(crate) fn push(&mut self, item: &Item) -> Option<Change> {
        let address = address_of(&item.jid.clone().into())?;
        let groups_before = self.group_list();
        let before = self.contacts.remove(&address);
        if item.subscription != Subscription::Remove {
            if self.contacts.len() >= MAX_CONTACTS {
                return None;
            }
            let card = Card::new(item, before.map(|card| card.resources).unwrap_or_default());
            self.contacts.insert(address.clone(), card);
        }
        self.number_groups();
        let groups = groups_before != self.group_list();
        Some(Change { contact: self.contact(&address).unwrap_or_else(|| Contact::unknown(address)), groups })
    }

    /// Takes a change that the server has agreed to: other groups for a contact, new or not, or no contact any more.
    pub(crate) fn amend(&mut self, address: &Address, groups: Option<BTreeSet<String>>) {
        match groups {
            None => drop(self.contacts.remove(address)),
            Some(groups) => self.contacts.entry(address.clone()).or_default().groups = groups,
        }
        self.number_groups();
    }

    /// Takes a presence; gives the contact if what it shows has changed.
    pub(crate) fn hear(&mut self, stanza: &Stanza) -> Option<Contact> {
        let address = address_of(stanza.from.as_ref()?)?;
        let resources = match self.contacts.get_mut(&address) {
            Some(card) => &mut card.resources,
            None => self.watched.get_mut(&address)?,
        };
        let before = resources.merged();
        if !resources.hear(stanza) || resources.merged() == before {
            return None;
        }
        self.contact(&address)
    }

    /// Keeps the presence of somebody outside the roster if it comes, or no longer; false when too many are kept.
    pub(crate) fn watch(&mut self, address: &Address, watch: bool) -> bool {
        if !watch {
            self.watched.remove(address);
        } else if self.watched.len() < MAX_WATCHED || self.watched.contains_key(address) {
            self.watched.entry(address.clone()).or_default();
        } else {
            return false;
        }
        true
    }

    /// Somebody in the roster or watched.
    pub(crate) fn contact(&self, address: &Address) -> Option<Contact> {
        if let Some(card) = self.contacts.get(address) {
            return Some(self.shown(address, card));
        }
        let presence = self.watched.get(address)?.merged();
        Some(Contact { presence, ..Contact::unknown(address.clone()) })
    }

    /// Everybody in the roster, and all groups.
    pub(crate) fn roster(&self) -> Roster {
        let contacts = self.contacts.iter().map(|(address, card)| self.shown(address, card)).collect();
        Roster { contacts, groups: self.group_list() }
    }

    /// How the server keeps a contact; `None` for somebody outside the roster.
    pub(crate) fn entry(&self, address: &Address) -> Option<Entry> {
        let card = self.contacts.get(address)?;
        Some(Entry { name: card.name.clone(), groups: card.groups.clone(), bond: card.subscription })
    }

    pub(crate) fn groups(&self) -> &Groups {
        &self.groups
    }

    pub(crate) fn groups_mut(&mut self) -> &mut Groups {
        &mut self.groups
    }

    /// Who is in a group.
    pub(crate) fn members(&self, group: &str) -> Vec<Address> {
        let inside = self.contacts.iter().filter(|(_, card)| card.groups.contains(group));
        inside.map(|(address, _)| address.clone()).collect()
    }

    /// Finds contacts; whoever has no place in the roster is not found.
    pub(crate) fn search(&self, search: &Search) -> SearchResult {
        let term = search.term.to_lowercase();
        let mut found: Vec<Contact> = self
            .contacts
            .iter()
            .filter(|(address, card)| matches(address, card, &term, search.field))
            .map(|(address, card)| self.shown(address, card))
            .collect();
        found.sort_by_cached_key(|contact| contact.shown_name().to_lowercase());
        let more = found.len() > search.limit;
        found.truncate(search.limit);
        SearchResult { contacts: found, more }
    }

    fn shown(&self, address: &Address, card: &Card) -> Contact {
        Contact {
            address: address.clone(),
            profile: Profile { display_name: card.name.clone(), ..Profile::default() },
            presence: card.resources.merged(),
            groups: card.groups.iter().filter_map(|name| self.groups.by_name(name)).collect(),
            photo_hash: String::new(),
            in_roster: true,
        }
    }

    fn number_groups(&mut self) {
        let names: BTreeSet<&String> = self.contacts.values().flat_map(|card| &card.groups).collect();
        for name in names {
            self.groups.number(name);
        }
    }

    fn group_list(&self) -> Vec<Group> {
        let used: BTreeSet<&String> = self.contacts.values().flat_map(|card| &card.groups).collect();
        self.groups.list(|name| used.contains(name))
    }
}

impl Card {
    fn new(item: &Item, resources: Resources) -> Self {
        let subscription = match (&item.subscription, &item.ask) {
            (Subscription::To | Subscription::Both, _) => Bond::Sees,
            (_, Ask::Subscribe) => Bond::Asked,
            _ => Bond::None,
        };
        let groups = item.groups.iter().map(|group| group_name(&group.0)).filter(|name| !name.is_empty());
        let name = cut(item.name.as_deref().unwrap_or_default(), MAX_NAME);
        Self { name, groups: groups.collect(), subscription, resources }
    }
}

/// A group's name as XMPP can hold it; empty when nothing is left of it.
pub(crate) fn group_name(name: &str) -> String {
    cut(xml_safe(name).trim(), MAX_NAME)
}

/// A hit begins with the term at the start of a word; a roster knows no phone numbers.
fn matches(address: &Address, card: &Card, term: &str, field: SearchField) -> bool {
    let name =
        || begins_a_word(&card.name, term) || (card.name.is_empty() && begins_a_word(address.local(), term));
    let email = || begins_a_word(address.bare(), term);
    match field {
        SearchField::Name => name(),
        SearchField::Email => email(),
        SearchField::Phone => false,
        SearchField::Any => name() || email(),
    }
}

fn begins_a_word(text: &str, term: &str) -> bool {
    let text = text.to_lowercase();
    text.match_indices(term)
        .any(|(at, _)| text[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric()))
}

#[cfg(test)]
mod tests;
