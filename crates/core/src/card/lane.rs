use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Work that is done piece by piece in each lane, and in all lanes side by side. A lane is there while somebody works in it.
pub(super) struct Lanes<L, P> {
    lanes: Mutex<HashMap<L, VecDeque<P>>>,
    /// Pieces that wait in a lane.
    most: usize,
}

/// What became of a piece.
pub(super) enum Put<P> {
    /// It is the first of its lane: the caller has somebody work there.
    First,
    /// It waits for those before it.
    Waits,
    /// The lane is full.
    Full(P),
}

impl<L: Eq + Hash, P> Lanes<L, P> {
    pub(super) fn new(most: usize) -> Self {
        Self { lanes: Mutex::default(), most }
    }

    pub(super) fn put(&self, lane: L, piece: P) -> Put<P> {
        match self.lock().entry(lane) {
            Entry::Vacant(place) => {
                place.insert(VecDeque::from([piece]));
                Put::First
            }
            Entry::Occupied(lane) if lane.get().len() >= self.most => Put::Full(piece),
            Entry::Occupied(mut lane) => {
                lane.get_mut().push_back(piece);
                Put::Waits
            }
        }
    }

    /// The next piece; without one the lane is gone, and who works there ends.
    pub(super) fn next(&self, lane: &L) -> Option<P> {
        let mut lanes = self.lock();
        let piece = lanes.get_mut(lane)?.pop_front();
        if piece.is_none() {
            lanes.remove(lane);
        }
        piece
    }

    /// Forgets what waits in a lane.
    pub(super) fn clear(&self, lane: &L) {
        if let Some(pieces) = self.lock().get_mut(lane) {
            pieces.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<L, VecDeque<P>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
