use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::key::Key;

/// Room for so many is kept.
const ROOM: usize = 256;

/// Transactions by number, by key and by the time at which they want to be looked at.
#[derive(Debug)]
pub(super) struct Table<T> {
    last: u64,
    entries: HashMap<u64, Entry<T>>,
    by_key: HashMap<Key, u64>,
    deadlines: BTreeSet<(Duration, u64)>,
    /// Those of them that make room for others.
    over: BTreeSet<(Duration, u64)>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    key: Key,
    deadline: Duration,
    weight: usize,
    is_over: bool,
    value: T,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        let (entries, by_key) = (HashMap::new(), HashMap::new());
        Self { last: 0, entries, by_key, deadlines: BTreeSet::new(), over: BTreeSet::new(), bytes: 0 }
    }
}

impl<T> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether so many bytes more are within a limit; an empty table has room for anything.
    pub(super) fn has_room(&self, weight: usize, limit: usize) -> bool {
        self.entries.is_empty() || self.bytes.saturating_add(weight) <= limit
    }

    /// Adds one under a key that no other has, which keeps so many bytes.
    pub(super) fn insert(&mut self, key: Key, deadline: Duration, value: T, weight: usize) -> u64 {
        self.last += 1;
        self.bytes += weight;
        self.by_key.insert(key.clone(), self.last);
        self.deadlines.insert((deadline, self.last));
        self.entries.insert(self.last, Entry { key, deadline, weight, is_over: false, value });
        self.last
    }

    pub(super) fn find(&self, key: &Key) -> Option<u64> {
        self.by_key.get(key).copied()
    }

    /// The first that was added among those of which key and value fit.
    pub(super) fn find_by(&self, fits: impl Fn(&Key, &T) -> bool) -> Option<u64> {
        let fit = self.entries.iter().filter(|(_, entry)| fits(&entry.key, &entry.value));
        fit.map(|(id, _)| *id).min()
    }

    pub(super) fn get(&self, id: u64) -> Option<&T> {
        self.entries.get(&id).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        self.entries.get_mut(&id).map(|entry| &mut entry.value)
    }

    pub(super) fn key(&self, id: u64) -> Option<&Key> {
        self.entries.get(&id).map(|entry| &entry.key)
    }

    /// Says anew how many bytes one keeps.
    pub(super) fn weigh(&mut self, id: u64, weight: usize) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.bytes = self.bytes - entry.weight + weight;
            entry.weight = weight;
        }
    }

    pub(super) fn wake_at(&mut self, id: u64, deadline: Duration) {
        if let Some(entry) = self.entries.get_mut(&id) {
            self.deadlines.remove(&(entry.deadline, id));
            self.deadlines.insert((deadline, id));
            if entry.is_over {
                self.over.remove(&(entry.deadline, id));
                self.over.insert((deadline, id));
            }
            entry.deadline = deadline;
        }
    }

    /// It is over: kept until then, or until its place is needed.
    pub(super) fn over_until(&mut self, id: u64, deadline: Duration) {
        self.wake_at(id, deadline);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_over = true;
            self.over.insert((deadline, id));
        }
    }

    /// Forgets the one that is over and would be kept for the shortest time; false when none is.
    pub(super) fn forget_one(&mut self) -> bool {
        let first = self.over.first().copied();
        first.and_then(|(_, id)| self.remove(id)).is_some()
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<T> {
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.weight;
        self.by_key.remove(&entry.key);
        self.deadlines.remove(&(entry.deadline, id));
        self.over.remove(&(entry.deadline, id));
        self.shrink();
        Some(entry.value)
    }

    /// Gives back what a storm needed, when it is over.
    fn shrink(&mut self) {
        let (held, room) = (self.entries.len(), self.entries.capacity());
        if room > ROOM && held < room / 8 {
            self.entries.shrink_to(ROOM.max(held * 2));
            self.by_key.shrink_to(ROOM.max(held * 2));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Those whose time has come, the earliest first.
    pub(super) fn due(&self, now: Duration) -> Vec<u64> {
        self.deadlines.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, id)| *id).collect()
    }

    /// Those of which key and value fit, in the order in which they were added.
    pub(super) fn all(&self, fits: impl Fn(&Key, &T) -> bool) -> Vec<u64> {
        let mut all: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| fits(&entry.key, &entry.value))
            .map(|(id, _)| *id)
            .collect();
        all.sort_unstable();
        all
    }
}
