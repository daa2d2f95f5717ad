use trunkline_sip::body::{
    Categories, Category, Content, ExpireType,
    presence::{Change, StateKind},
    publication::{Publication, Publish, instance},
};

use super::{event::OwnState, own::manual, shown};
use crate::flat::Flat;

/// Most publications that are remembered.
const MOST: usize = 512;

/// Which publication.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    category: String,
    instance: u32,
    container: u32,
}

impl Key {
    pub(super) fn device(number: u32) -> Self {
        Self { category: "device".to_owned(), instance: number, container: 2 }
    }

    pub(super) fn state(number: u32, container: u32) -> Self {
        Self { category: "state".to_owned(), instance: number, container }
    }

    pub(super) fn note(container: u32) -> Self {
        Self { category: "note".to_owned(), instance: instance::NOTE, container }
    }

    /// Whether it is the same in another container.
    pub(super) fn belongs_to(&self, other: &Self) -> bool {
        self.category == other.category && self.instance == other.instance
    }

    /// Whether it is what the person chose.
    pub(super) fn is_choice(&self) -> bool {
        self.category == "state" && self.instance == instance::USER_STATE
    }

    fn of(publication: &Publication) -> Self {
        let Publication { category, instance, container, .. } = publication;
        Self { category: category.clone(), instance: *instance, container: *container }
    }

    /// What the endpoint says of itself goes with it; what the person says stays.
    fn lasts(&self) -> ExpireType {
        let persons = self.category == "note" || self.is_choice();
        if persons { ExpireType::Static } else { ExpireType::Endpoint }
    }
}

/// What is kept of a publication: thousands of accounts have several each.
#[derive(Debug)]
struct Held {
    version: Option<u64>,
    /// When, in milliseconds since 1970.
    published: Option<i64>,
    /// A note, or a state that the person has chosen or the server made up; of others only the version counts.
    said: Option<Box<Content>>,
}

/// What the person has published from all endpoints, as the server last told it.
#[derive(Debug, Default)]
pub(super) struct Published {
    held: Flat<Key, Held>,
    /// Versions that the server named when it refused another.
    versions: Flat<Key, u64>,
}

impl Published {
    /// Takes a document: a category that it names is complete in it.
    pub(super) fn replace(&mut self, categories: &Categories) {
        let named: std::collections::BTreeSet<&str> =
            categories.categories.iter().map(|category| category.name.as_str()).collect();
        for name in named {
            self.held.retain(|key, _| key.category != name);
            self.versions.retain(|key, _| key.category != name);
            if let Change::Replaced(all) = categories.change(name) {
                all.into_iter().for_each(|category| self.put(category));
            }
        }
    }

    /// The server has taken these.
    pub(super) fn accepted(&mut self, publish: &Publish) {
        for publication in &publish.publications {
            let key = Key::of(publication);
            self.versions.remove(&key);
            if publication.content == Content::Absent {
                self.held.remove(&key);
            } else {
                let version = Some(publication.version.saturating_add(1));
                let held = Held { version, published: None, said: said(&publication.content) };
                self.held.insert(key, held);
            }
        }
    }

    /// The server has other versions, as they stand here.
    pub(super) fn correct(&mut self, publish: &Publish) {
        for publication in &publish.publications {
            self.versions.insert(Key::of(publication), publication.version);
        }
    }

    pub(super) fn holds(&self, key: &Key) -> bool {
        self.held.contains_key(key)
    }

    /// Whether there is something that can be taken back, as far as is known.
    pub(super) fn shows(&self, key: &Key) -> bool {
        self.held.contains_key(key) || self.versions.get(key).is_some_and(|version| *version > 0)
    }

    /// The publication to make, or to delete.
    pub(super) fn publication(&self, key: &Key, content: Option<Content>) -> Publication {
        let held = self.held.get(key).and_then(|held| held.version);
        let version = self.versions.get(key).copied().or(held).unwrap_or(0);
        let deletes = content.is_none();
        let publication = Publication {
            category: key.category.clone(),
            instance: key.instance,
            container: key.container,
            version,
            lasts: key.lasts(),
            expires: None,
            content: content.unwrap_or_default(),
        };
        if deletes { publication.deletion() } else { publication }
    }

    /// The numbers of the endpoints that are signed in.
    pub(super) fn devices(&self) -> impl Iterator<Item = u32> {
        let all = self.held.keys().filter(|key| key.category == "device").map(|key| key.instance);
        all.collect::<std::collections::BTreeSet<_>>().into_iter()
    }

    /// What the server shows of the person.
    pub(super) fn shown(&self) -> OwnState {
        let states = || self.held.iter().filter_map(|(key, held)| Some((key, held.said.as_ref()?.state()?)));
        let sums = || states().filter(|(_, state)| state.kind == StateKind::Aggregate);
        let sum = sums().find(|(key, _)| key.container == 2).or_else(|| sums().next());
        let notes = self.held.values().filter_map(|held| match held.said.as_deref() {
            Some(Content::Note(note)) => Some((held.published, note)),
            _ => None,
        });
        let note = notes.max_by_key(|(published, _)| *published).map(|(_, note)| note);
        let mut presence = shown::presence(sum.map(|(_, state)| state), note);
        presence.devices = u32::try_from(self.devices().count()).unwrap_or(u32::MAX);
        OwnState { presence, chosen: self.held.values().find_map(|held| manual(held.said.as_deref()?)) }
    }

    fn put(&mut self, category: &Category) {
        let (Some(instance), Some(container)) = (category.instance, category.container) else { return };
        if self.held.len() < MOST {
            let key = Key { category: category.name.clone(), instance, container };
            let Category { version, published, content, .. } = category;
            let held = Held {
                version: *version,
                published: published.map(|at| at.as_millisecond()),
                said: said(content),
            };
            self.held.insert(key, held);
        }
    }
}

fn said(content: &Content) -> Option<Box<Content>> {
    let counts = match content {
        Content::State(state) => matches!(state.kind, StateKind::Aggregate | StateKind::User),
        Content::Note(_) => true,
        _ => false,
    };
    counts.then(|| Box::new(content.clone()))
}
