use std::{collections::VecDeque, time::Duration};

/// Whose turn it is to REGISTER: a token bucket of one second's worth, refilled at a rate, and two queues before it. Owns
/// no clock.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    interval: Duration,
    burst: Duration,
    /// When the bucket would be full again ("theoretical arrival time" of the generic cell rate algorithm).
    full_at: Duration,
    /// Who has something to lose.
    urgent: VecDeque<T>,
    waiting: VecDeque<T>,
}

impl<T> Turns<T> {
    /// `rate` turns a second; 0 counts as 1.
    pub(crate) fn new(rate: u32) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        let burst = interval * (rate.max(1) - 1);
        Self { interval, burst, full_at: Duration::ZERO, urgent: VecDeque::new(), waiting: VecDeque::new() }
    }

    /// Stands in line; who has something to lose goes before those who have not.
    pub(crate) fn wait(&mut self, who: T, urgent: bool) {
        if urgent { self.urgent.push_back(who) } else { self.waiting.push_back(who) }
    }

    /// When [`Turns::next`] has somebody; `None` while nobody waits.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let is_anybody = !(self.urgent.is_empty() && self.waiting.is_empty());
        is_anybody.then(|| self.full_at.saturating_sub(self.burst))
    }

    /// Whose turn it is now. Who does not use it gives it back.
    pub(crate) fn next(&mut self, now: Duration) -> Option<T> {
        if self.deadline()? > now {
            return None;
        }
        self.full_at = self.full_at.max(now) + self.interval;
        self.urgent.pop_front().or_else(|| self.waiting.pop_front())
    }

    /// The last turn was of no use.
    pub(crate) fn give_back(&mut self) {
        self.full_at = self.full_at.saturating_sub(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_is_spread() {
        let mut turns = Turns::new(4);
        (0..8).for_each(|who| turns.wait(who, false));
        turns.wait(100, true);
        turns.wait(101, true);
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
        turns.wait(9, false);
        assert_eq!(turns.next(now), None);
        turns.give_back();
        assert_eq!(turns.next(now), Some(9), "an unused turn is somebody else's");
    }
}
