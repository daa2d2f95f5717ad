use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

/// Whose turn it is to REGISTER: a token bucket of one second's worth, refilled at a rate, and two queues before it for each
/// server, which has a window of its own: one that is slow holds nobody else up. Owns no clock.
#[derive(Debug)]
pub(crate) struct Turns<K, T> {
    interval: Duration,
    burst: Duration,
    /// When the bucket would be full again ("theoretical arrival time" of the generic cell rate algorithm).
    full_at: Duration,
    window: usize,
    lanes: BTreeMap<K, Lane<T>>,
    /// How many have ever stood in line.
    came: u64,
}

/// Who waits for a server, by when they came.
#[derive(Debug)]
struct Lane<T> {
    /// Who has something to lose.
    urgent: VecDeque<(u64, T)>,
    waiting: VecDeque<(u64, T)>,
    /// What was asked and is not answered.
    open: usize,
}

impl<T> Lane<T> {
    fn queue(&mut self, urgent: bool) -> &mut VecDeque<(u64, T)> {
        if urgent { &mut self.urgent } else { &mut self.waiting }
    }

    /// Who is first: whether that is not urgent, and when he came.
    fn first(&self) -> Option<(bool, u64)> {
        let urgent = self.urgent.front().map(|(came, _)| (false, *came));
        urgent.or_else(|| self.waiting.front().map(|(came, _)| (true, *came)))
    }
}

impl<K: Ord + Clone, T> Turns<K, T> {
    /// `rate` turns a second, and at most `window` open ones with a server; 0 counts as 1.
    pub(crate) fn new(rate: u32, window: usize) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        let burst = interval * (rate.max(1) - 1);
        let (full_at, window) = (Duration::ZERO, window.max(1));
        Self { interval, burst, full_at, window, lanes: BTreeMap::new(), came: 0 }
    }

    /// Stands in line for a server; who has something to lose goes before those who have not.
    pub(crate) fn wait(&mut self, server: &K, who: T, urgent: bool) {
        self.came += 1;
        let came = self.came;
        self.lane(server).queue(urgent).push_back((came, who));
    }

    /// Something was asked of a server, in turn or not.
    pub(crate) fn asked(&mut self, server: &K) {
        self.lane(server).open += 1;
    }

    /// That is answered, or never will be.
    pub(crate) fn answered(&mut self, server: &K) {
        if let Some(lane) = self.lanes.get_mut(server) {
            lane.open = lane.open.saturating_sub(1);
        }
        self.tidy(server);
    }

    /// When [`Turns::next`] has somebody; `None` while nobody waits who may go.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.first().map(|_| self.full_at.saturating_sub(self.burst))
    }

    /// Whose turn it is now. Who does not use it gives it back.
    pub(crate) fn next(&mut self, now: Duration) -> Option<T> {
        let (server, is_calm) = self.first().filter(|_| self.full_at.saturating_sub(self.burst) <= now)?;
        let server = server.clone();
        let (_, who) = self.lanes.get_mut(&server)?.queue(!is_calm).pop_front()?;
        self.full_at = self.full_at.max(now) + self.interval;
        self.tidy(&server);
        Some(who)
    }

    /// The last turn was of no use.
    pub(crate) fn give_back(&mut self) {
        self.full_at = self.full_at.saturating_sub(self.interval);
    }

    /// Where the first one waits who may go, and whether he is not urgent.
    fn first(&self) -> Option<(&K, bool)> {
        let free = self.lanes.iter().filter(|(_, lane)| lane.open < self.window);
        let firsts = free.filter_map(|(server, lane)| Some((lane.first()?, server)));
        firsts.min_by_key(|(first, _)| *first).map(|((is_calm, _), server)| (server, is_calm))
    }

    fn lane(&mut self, server: &K) -> &mut Lane<T> {
        let new = || Lane { urgent: VecDeque::new(), waiting: VecDeque::new(), open: 0 };
        self.lanes.entry(server.clone()).or_insert_with(new)
    }

    fn tidy(&mut self, server: &K) {
        if self.lanes.get(server).is_some_and(|lane| lane.open == 0 && lane.first().is_none()) {
            self.lanes.remove(server);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_is_spread() {
        let mut turns = Turns::new(4, 100);
        (0..8).for_each(|who| turns.wait(&"fe1", who, false));
        turns.wait(&"fe1", 100, true);
        turns.wait(&"fe2", 101, true);
        let start = Duration::from_secs(10);
        let mut now = start;
        let mut taken = Vec::new();
        while let Some(deadline) = turns.deadline() {
            now = now.max(deadline);
            let who = turns.next(now).expect("somebody waits");
            taken.push((who, (now - start).as_millis()));
        }
        let expected = [
            (100, 0),
            (101, 0),
            (0, 0),
            (1, 0),
            (2, 250),
            (3, 500),
            (4, 750),
            (5, 1000),
            (6, 1250),
            (7, 1500),
        ];
        assert_eq!(
            taken, expected,
            "the urgent ones first, in their order, and four of a second's worth at once"
        );
        turns.wait(&"fe1", 9, false);
        assert_eq!(turns.next(now), None);
        turns.give_back();
        assert_eq!(turns.next(now), Some(9), "an unused turn is somebody else's");
    }

    #[test]
    fn a_slow_server_holds_up_nobody_who_waits_for_another() {
        let (mut turns, now) = (Turns::new(100, 2), Duration::from_secs(10));
        (0..4).for_each(|who| turns.wait(&"slow", who, false));
        turns.wait(&"slow", 4, true);
        turns.wait(&"quick", 5, false);
        let mut taken = Vec::new();
        while let Some(who) = turns.next(now) {
            turns.asked(if who == 5 { &"quick" } else { &"slow" });
            taken.push(who);
        }
        assert_eq!(taken, [4, 0, 5]);
        assert_eq!(turns.deadline(), None, "nothing is to be done before an answer comes");
        turns.wait(&"slow", 6, true);
        turns.answered(&"slow");
        assert_eq!((turns.next(now), turns.next(now)), (Some(6), Some(1)), "nobody asked yet");
        (0..2).for_each(|_| turns.answered(&"slow"));
        turns.answered(&"quick");
        assert_eq!((turns.next(now), turns.next(now), turns.next(now)), (Some(2), Some(3), None));
        assert!(turns.lanes.is_empty());
    }
}
