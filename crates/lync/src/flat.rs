/// A map of few entries, or of a thousand at most: pairs in the order of their keys, with no more room than they need. The
/// nodes of a tree have room for eleven, and a relay has thousands of accounts with several maps each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flat<K, V>(Vec<(K, V)>);

impl<K, V> Default for Flat<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Flat<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.find(key).is_ok()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.find(key).ok().and_then(|at| self.0.get(at)).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.find(key).ok().and_then(|at| self.0.get_mut(at)).map(|(_, value)| value)
    }

    /// Puts a value in the place of the one that was there.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(at) => {
                if let Some((_, known)) = self.0.get_mut(at) {
                    *known = value;
                }
            }
            Err(at) => self.put(at, key, value),
        }
    }

    /// Puts a value where there is none.
    pub(crate) fn provide(&mut self, key: K, value: impl FnOnce() -> V) {
        if let Err(at) = self.find(&key) {
            self.put(at, key, value());
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.find(key).ok()?;
        let (_, value) = self.0.remove(at);
        self.shrink();
        Some(value)
    }

    pub(crate) fn retain(&mut self, mut stays: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| stays(key, value));
        self.shrink();
    }

    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(key))
    }

    fn put(&mut self, at: usize, key: K, value: V) {
        if self.0.len() == self.0.capacity() {
            self.0.reserve_exact(1 + self.0.len() / 8);
        }
        self.0.insert(at, (key, value));
    }

    fn shrink(&mut self) {
        if self.0.capacity() - self.0.len() > self.0.len() / 4 {
            self.0.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Flat;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_holds(steps in proptest::collection::vec((0..4_u8, 0..20_u8, any::<u8>()), 0..200)) {
            let (mut flat, mut tree) = (Flat::default(), BTreeMap::new());
            for (step, key, value) in steps {
                match step {
                    0 => {
                        flat.insert(key, value);
                        tree.insert(key, value);
                    }
                    1 => {
                        flat.provide(key, || value);
                        tree.entry(key).or_insert(value);
                    }
                    2 => prop_assert_eq!(flat.remove(&key), tree.remove(&key)),
                    _ => {
                        flat.retain(|known, _| known % 3 != key % 3);
                        tree.retain(|known, _| known % 3 != key % 3);
                    }
                }
                prop_assert!(flat.iter().eq(tree.iter()));
                prop_assert_eq!(flat.get(&key), tree.get(&key));
                prop_assert!(flat.0.capacity() <= flat.len() + flat.len() / 4 + 1);
            }
        }
    }
}
