use std::time::Duration;

use trunkline_model::Timestamp;

/// How far in the future the last moment may lie for time to go on from there.
const BELIEVABLE: Duration = Duration::from_secs(86_400);

/// Gives strictly rising moments, also when the system's clock stands still or goes back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: Timestamp,
}

impl Clock {
    /// Goes on behind the last moment that the database holds, also when the system's clock went back while no relay
    /// ran; unless that moment lies so far ahead that the clock must have been wrong then.
    pub(crate) fn behind(last: Timestamp) -> Self {
        if last > Timestamp::now().plus(BELIEVABLE) {
            tracing::warn!(
                last = last.as_secs(),
                "the database holds something of a day to come; is the system's clock right?"
            );
            return Self::default();
        }
        Self { last }
    }

    pub(crate) fn tick(&mut self) -> Timestamp {
        self.last = Timestamp::now().max(Timestamp(self.last.0.saturating_add(1)));
        self.last
    }
}

#[cfg(test)]
mod tests {
    use trunkline_model::Timestamp;

    use super::{BELIEVABLE, Clock};

    #[test]
    fn time_goes_on_behind_what_is_stored() {
        let ahead = Timestamp::now().plus(BELIEVABLE / 24);
        let mut clock = Clock::behind(ahead);
        assert_eq!([clock.tick(), clock.tick()], [Timestamp(ahead.0 + 1), Timestamp(ahead.0 + 2)]);
        let absurd = Timestamp::now().plus(BELIEVABLE * 2);
        assert!(Clock::behind(absurd).tick() < absurd);
    }
}
