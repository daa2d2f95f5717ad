use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    time::{Duration, Instant},
};

/// Keys that have a record of their own.
const MOST: usize = 20_000;
/// Records for all others together.
const SHARED: usize = 1_024;
/// How often a full table is searched for records that are over.
const SEARCH: Duration = Duration::from_secs(1);

/// Records by key, of bounded number. A record is forgotten only when it is over by itself: a key that finds no room
/// shares a record with others, so that nobody loses his by making the table full.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    own: HashMap<K, V>,
    /// Empty until needed.
    shared: Vec<V>,
    searched: Option<Instant>,
    hasher: RandomState,
}

/// Where a key's record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Own,
    Shared(usize),
}

/// What a record must tell of itself.
pub(super) trait Record: Default {
    /// Whether it says no more than a fresh one.
    fn is_over(&self, now: Instant) -> bool;
}

impl<K, V: Default> Default for Table<K, V> {
    fn default() -> Self {
        Self { own: HashMap::new(), shared: Vec::new(), searched: None, hasher: RandomState::new() }
    }
}

impl<K: Eq + Hash + Clone, V: Record> Table<K, V> {
    /// The key's record, a fresh one if it has none.
    pub(super) fn record(&mut self, key: &K, now: Instant) -> (Place, &mut V) {
        let place = self.place(key, now);
        let record = match place {
            Place::Own => self.own.entry(key.clone()).or_default(),
            Place::Shared(at) => &mut self.shared[at],
        };
        (place, record)
    }

    /// The record in which something was noted before.
    pub(super) fn again(&mut self, key: &K, place: Place) -> Option<&mut V> {
        match place {
            Place::Own => self.own.get_mut(key),
            Place::Shared(at) => self.shared.get_mut(at),
        }
    }

    fn place(&mut self, key: &K, now: Instant) -> Place {
        if self.own.len() >= MOST && !self.own.contains_key(key) {
            self.search(now);
            if self.own.len() >= MOST {
                self.shared.resize_with(SHARED, V::default);
                let at = self.hasher.hash_one(key) % SHARED as u64;
                return Place::Shared(usize::try_from(at).unwrap_or(0));
            }
        }
        Place::Own
    }

    fn search(&mut self, now: Instant) {
        if self.searched.is_none_or(|last| now.saturating_duration_since(last) >= SEARCH) {
            self.own.retain(|_, record| !record.is_over(now));
            self.searched = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MOST, Place, Record, SHARED, Table};

    #[derive(Debug, Default)]
    struct Note(Option<Instant>);

    impl Record for Note {
        fn is_over(&self, now: Instant) -> bool {
            self.0.is_none_or(|noted| now - noted > Duration::from_secs(60))
        }
    }

    #[test]
    fn a_full_table_forgets_nobody_before_his_time() {
        let (mut table, now) = (Table::<usize, Note>::default(), Instant::now());
        for key in 0..MOST + 5_000 {
            table.record(&key, now).1.0 = Some(now);
        }
        assert_eq!((table.own.len(), table.shared.len()), (MOST, SHARED));
        let (place, record) = table.record(&7, now);
        assert!(place == Place::Own && record.0.is_some());
        let (place, record) = table.record(&(MOST + 7), now);
        assert!(matches!(place, Place::Shared(_)) && record.0.is_some());
        let later = now + Duration::from_secs(61);
        assert_eq!(table.record(&(MOST + 8), later).0, Place::Own);
        assert_eq!(table.own.len(), 1);
    }
}
