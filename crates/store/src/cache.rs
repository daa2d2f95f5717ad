use std::{collections::HashMap, hash::Hash};

use trunkline_model::{AccountId, Address, Conversation, Seq, Timestamp};

const ACCOUNTS: usize = 32_768;
const CONVERSATIONS: usize = 32_768;

/// What the writer remembers of committed state, which nobody else changes.
#[derive(Debug)]
pub(crate) struct Cache {
    /// Address and mailbox head of accounts.
    pub(crate) accounts: Recent<AccountId, (Address, Seq)>,
    /// Sides of conversations.
    pub(crate) sides: Recent<(AccountId, Address), Side>,
}

/// One account's side of a conversation and when its state began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) conversation: Conversation,
    pub(crate) since: Timestamp,
}

/// A bounded map that forgets what was not used lately: two generations, the older one is dropped as a whole.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    generation: usize,
}

impl Cache {
    pub(crate) fn new() -> Self {
        Self { accounts: Recent::new(ACCOUNTS), sides: Recent::new(CONVERSATIONS) }
    }

    /// Forgets everything: after a transaction that failed, or a change beside the cache.
    pub(crate) fn clear(&mut self) {
        self.accounts.clear();
        self.sides.clear();
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    pub(crate) fn new(generation: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), generation }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.put(key, value);
        }
        self.young.get(key)
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.generation && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, value);
    }

    fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn keeps_what_is_used_and_stays_bounded() {
        let mut recent = Recent::new(10);
        recent.put(0, "kept");
        for key in 1..1_000 {
            recent.put(key, "other");
            assert_eq!(recent.get(&0), Some(&"kept"));
            assert!(recent.young.len() + recent.old.len() <= 20);
        }
        assert_eq!(recent.get(&1), None);
    }

    #[test]
    fn the_newest_value_wins() {
        let mut recent = Recent::new(2);
        for (key, value) in [(1, 1), (2, 2), (3, 3), (1, 4)] {
            recent.put(key, value);
        }
        assert_eq!(recent.get(&1), Some(&4));
        recent.put(5, 5);
        assert_eq!(recent.get(&1), Some(&4));
    }
}
