use std::collections::{BTreeMap, BTreeSet, HashMap};

use trunkline_sip::body::Categories;

use super::{subscription::Subscription, user::Key};

/// All subscriptions, found by who made them and by whom they watch: thousands of users have several each.
#[derive(Default)]
pub(super) struct Book {
    /// In the order in which they were made.
    all: BTreeMap<u64, Subscription>,
    /// By `user@host` of the subscriber.
    made_by: HashMap<String, BTreeSet<u64>>,
    /// By `user@host` of the watched.
    watching: HashMap<String, BTreeSet<u64>>,
}

impl Book {
    pub(super) fn get(&self, id: u64) -> Option<&Subscription> {
        self.all.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Subscription> {
        self.all.get_mut(&id)
    }

    pub(super) fn add(&mut self, subscription: Subscription) {
        let id = subscription.id;
        self.made_by.entry(subscription.subscriber.0.clone()).or_default().insert(id);
        self.all.insert(id, subscription);
    }

    /// Those of one user's clients, the oldest first.
    pub(super) fn of(&self, address: &str) -> impl Iterator<Item = &Subscription> {
        self.made_by.get(address).into_iter().flatten().filter_map(|id| self.all.get(id))
    }

    /// The ids of those that watch a user, the oldest first.
    pub(super) fn watching(&self, address: &str) -> Vec<u64> {
        self.watching.get(address).into_iter().flatten().copied().collect()
    }

    /// Notes what a subscription asks of a user, and what it was told of him.
    pub(super) fn watch(&mut self, id: u64, address: &str, names: &[String], told: Categories) {
        if let Some(subscription) = self.all.get_mut(&id) {
            subscription.watched.insert(address.to_owned(), (names.to_vec(), Some(told)));
            self.watching.entry(address.to_owned()).or_default().insert(id);
        }
    }

    pub(super) fn unwatch(&mut self, id: u64, address: &str) {
        if let Some(subscription) = self.all.get_mut(&id) {
            subscription.watched.remove(address);
        }
        drop_from(&mut self.watching, address, id);
    }

    pub(super) fn remove(&mut self, id: u64) {
        let Some(subscription) = self.all.remove(&id) else { return };
        drop_from(&mut self.made_by, &subscription.subscriber.0, id);
        for address in subscription.watched.keys() {
            drop_from(&mut self.watching, address, id);
        }
    }

    /// Removes those of a client that fit.
    pub(super) fn remove_of(&mut self, key: &Key, fits: impl Fn(&Subscription) -> bool) {
        let those = self.of(&key.0).filter(|known| known.subscriber == *key && fits(known));
        let those: Vec<_> = those.map(|known| known.id).collect();
        those.into_iter().for_each(|id| self.remove(id));
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn drop_from(index: &mut HashMap<String, BTreeSet<u64>>, address: &str, id: u64) {
    if let Some(ids) = index.get_mut(address) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(address);
        }
    }
}
