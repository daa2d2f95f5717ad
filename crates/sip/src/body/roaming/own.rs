use std::collections::BTreeMap;

use super::{Container, Member, RoamingData, Subscriber};
use crate::body::{Categories, Category, Content, presence::State, presence::StateKind};

/// What a user's own documents have said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    categories: BTreeMap<String, Vec<Category>>,
    containers: Vec<Container>,
    subscribers: Vec<Subscriber>,
}

/// Who somebody is to the server, for the choice of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// A colleague.
    SameEnterprise,
    /// A user of a partner.
    Federated,
    /// A user of a public service.
    PublicCloud,
}

impl Own {
    /// Takes over a document; a category that it names is complete in it, and so are the other lists.
    pub fn learn(&mut self, data: RoamingData) {
        if let Some(Categories { categories, .. }) = data.categories {
            for category in &categories {
                self.categories.insert(category.name.clone(), Vec::new());
            }
            let whole = |category: &Category| category.instance.is_some() && category.container.is_some();
            for category in categories.into_iter().filter(whole) {
                self.categories.entry(category.name.clone()).or_default().push(category);
            }
        }
        if let Some(containers) = data.containers {
            for container in containers {
                self.containers.retain(|mine| mine.id != container.id);
                self.containers.push(container);
            }
        }
        if let Some(subscribers) = data.subscribers {
            self.subscribers = subscribers;
        }
    }

    /// The version to publish with: the last that the server named, or 0.
    #[must_use]
    pub fn version(&self, category: &str, instance: u32, container: u32) -> u64 {
        let key = (Some(instance), Some(container));
        let one = self.all(category).find(|one| (one.instance, one.container) == key);
        one.and_then(|one| one.version).unwrap_or(0)
    }

    /// All instances of a category.
    pub fn all(&self, category: &str) -> impl Iterator<Item = &Category> {
        self.categories.get(category).into_iter().flatten()
    }

    /// The state that the server makes of everything.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        let input = self.all("state").filter(|one| one.container == Some(2));
        input.filter_map(|one| one.content.state()).find(|state| state.kind == StateKind::Aggregate)
    }

    /// How many endpoints of the user are signed in, going by their devices.
    #[must_use]
    pub fn endpoints(&self) -> usize {
        let mut instances: Vec<_> = self.all("device").filter_map(|one| one.instance).collect();
        instances.sort_unstable();
        instances.dedup();
        instances.len()
    }

    /// The personal note that any watcher sees.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        let notes = self.all("note").filter_map(|one| match &one.content {
            Content::Note(note) => Some((one.published, note.text.as_str())),
            _ => None,
        });
        notes.max_by_key(|(published, _)| *published).map(|(_, text)| text).filter(|text| !text.is_empty())
    }

    /// Watchers whom the user has not been told of.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &Subscriber> {
        self.subscribers.iter().filter(|subscriber| !subscriber.acknowledged)
    }

    /// The version of a container, 0 if it has none yet.
    #[must_use]
    pub fn container_version(&self, id: u32) -> u64 {
        self.containers.iter().find(|container| container.id == id).map_or(0, |container| container.version)
    }

    /// Whether no colleague sees anything: a user who never signed in with a client of the server's has to let them.
    #[must_use]
    pub fn is_secluded(&self) -> bool {
        let open = [Member::SameEnterprise, Member::Federated];
        !self.containers.iter().any(|container| container.members.iter().any(|member| open.contains(member)))
    }

    /// The container that somebody with an address is in, if any: by name before by domain before by kind.
    #[must_use]
    pub fn container_of(&self, uri: &str, access: Access) -> Option<u32> {
        let domain =
            uri.rsplit_once('@').map_or("", |(_, rest)| rest.split([';', '?']).next().unwrap_or_default());
        let kind = match access {
            Access::SameEnterprise => Member::SameEnterprise,
            Access::Federated => Member::Federated,
            Access::PublicCloud => Member::PublicCloud,
        };
        let by_user =
            |member: &Member| matches!(member, Member::User(user) if user.eq_ignore_ascii_case(uri));
        let by_domain =
            |member: &Member| matches!(member, Member::Domain(name) if name.eq_ignore_ascii_case(domain));
        self.holding(by_user)
            .or_else(|| self.holding(by_domain))
            .or_else(|| self.holding(|member| *member == kind))
            .or_else(|| self.holding(|member| *member == Member::Everyone))
    }

    /// The strictest container with such a member.
    fn holding(&self, fits: impl Fn(&Member) -> bool) -> Option<u32> {
        let holding = self.containers.iter().filter(|container| container.members.iter().any(&fits));
        holding.map(|container| container.id).max()
    }
}
