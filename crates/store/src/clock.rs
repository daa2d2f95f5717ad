use trunkline_model::Timestamp;

/// Gives strictly rising moments, also when the system's clock stands still or goes back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: Timestamp,
}

impl Clock {
    pub(crate) fn tick(&mut self) -> Timestamp {
        self.last = Timestamp::now().max(Timestamp(self.last.0.saturating_add(1)));
        self.last
    }
}
