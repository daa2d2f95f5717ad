use tokio::time::Instant;

use super::{CloseReason, Direction, Limits};

/// When a connection must say something, and when it is given up. Owns no clock and no chance.
#[derive(Debug)]
pub struct Schedule {
    direction: Direction,
    limits: Limits,
    /// A Front End that has said nothing yet is given up then.
    fresh_until: Option<Instant>,
    last_byte: Instant,
    ping_at: Instant,
}

/// What the time means for a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is given up.
    Close(CloseReason),
    /// It may live on until then.
    Until(Instant),
    /// It may live for ever.
    Always,
}

impl Schedule {
    /// A connection that opens now; `draw` is a random number in 0..1.
    pub fn new(direction: Direction, limits: Limits, now: Instant, draw: f64) -> Self {
        let fresh_until = (direction == Direction::Inbound).then(|| now + limits.fresh);
        let mut schedule = Self { direction, limits, fresh_until, last_byte: now, ping_at: now };
        schedule.said(now, draw);
        schedule
    }

    /// Bytes came.
    pub fn heard(&mut self, now: Instant) {
        self.last_byte = now;
    }

    /// Something came that could be understood.
    pub fn understood(&mut self) {
        self.fresh_until = None;
    }

    /// Bytes went.
    pub fn said(&mut self, now: Instant, draw: f64) {
        self.last_byte = now;
        let (least, most) = self.limits.keep_alive;
        self.ping_at = now + least + most.saturating_sub(least).mul_f64(draw.clamp(0.0, 1.0));
    }

    /// When CRLF CRLF is to be written; never on what a Front End opened, which keeps it alive or lets it end.
    pub fn ping_at(&self) -> Option<Instant> {
        (self.direction == Direction::Outbound).then_some(self.ping_at)
    }

    /// Whether it may live on. What happens later only moves the moment further away.
    pub fn verdict(&self, now: Instant) -> Verdict {
        if self.direction == Direction::Outbound {
            return Verdict::Always;
        }
        let idle_at = self.last_byte + self.limits.idle;
        match self.fresh_until {
            Some(until) if until <= now => Verdict::Close(CloseReason::Silent),
            _ if idle_at <= now => Verdict::Close(CloseReason::Idle),
            Some(until) => Verdict::Until(until.min(idle_at)),
            None => Verdict::Until(idle_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_outbound_connection_is_kept_alive_and_never_given_up() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Direction::Outbound, Limits::default(), start, 0.0);
        assert_eq!(schedule.ping_at(), Some(start + 60 * SECOND));
        schedule.said(start + 50 * SECOND, 0.5);
        assert_eq!(schedule.ping_at(), Some(start + 140 * SECOND));
        schedule.heard(start + 139 * SECOND);
        assert_eq!(
            schedule.ping_at(),
            Some(start + 140 * SECOND),
            "what the peer says keeps nothing alive here"
        );
        assert_eq!(schedule.verdict(start + 100_000 * SECOND), Verdict::Always);
    }

    #[test]
    fn a_front_end_that_connects_says_something_or_is_given_up() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Direction::Inbound, Limits::default(), start, 0.0);
        assert_eq!(schedule.ping_at(), None);
        assert_eq!(schedule.verdict(start), Verdict::Until(start + 60 * SECOND));
        schedule.heard(start + 59 * SECOND);
        assert_eq!(
            schedule.verdict(start + 60 * SECOND),
            Verdict::Close(CloseReason::Silent),
            "bytes alone are nothing"
        );
        schedule.understood();
        assert_eq!(schedule.verdict(start + 60 * SECOND), Verdict::Until(start + (59 + 900) * SECOND));
        schedule.said(start + 500 * SECOND, 0.0);
        assert_eq!(schedule.verdict(start + 1_399 * SECOND), Verdict::Until(start + 1_400 * SECOND));
        assert_eq!(schedule.verdict(start + 1_400 * SECOND), Verdict::Close(CloseReason::Idle));
    }
}
