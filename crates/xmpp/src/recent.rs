use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// A map that forgets its oldest keys beyond a limit.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    limit: usize,
    order: VecDeque<K>,
    known: HashMap<K, V>,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, order: VecDeque::new(), known: HashMap::new() }
    }

    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.known.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.known.remove(key)?;
        self.order.retain(|known| known != key);
        Some(value)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.known.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::new(2);
        for key in [1, 2, 1, 3] {
            recent.insert(key, key * 10);
        }
        assert_eq!([1, 2, 3].map(|key| recent.get(&key).copied()), [None, Some(20), Some(30)]);
    }
}
