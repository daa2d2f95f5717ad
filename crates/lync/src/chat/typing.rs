use std::time::Duration;

/// How often a peer is told that the person types.
const PACE: Duration = Duration::from_secs(5);
/// How long a peer types without another word.
const EXPIRY: Duration = Duration::from_secs(15);

/// Who types, in one chat.
#[derive(Debug, Default)]
pub(super) struct Typing {
    peer_until: Option<Duration>,
    told: Option<Duration>,
}

impl Typing {
    /// The peer types or stopped; says whether that is news.
    pub(super) fn heard(&mut self, now: Duration, composing: bool) -> bool {
        let was = self.peer_until.is_some();
        self.peer_until = composing.then(|| now.saturating_add(EXPIRY));
        was != composing
    }

    /// The person types or stopped; says whether the peer is to be told.
    pub(super) fn tells(&self, now: Duration, composing: bool) -> bool {
        match self.told {
            Some(told) if composing => now >= told.saturating_add(PACE),
            None => composing,
            Some(_) => true,
        }
    }

    /// The peer was told.
    pub(super) fn told(&mut self, now: Duration, composing: bool) {
        self.told = composing.then_some(now);
    }

    /// When the peer stops without a word.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.peer_until
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Typing};

    #[test]
    fn typing_is_told_every_five_seconds_and_the_end_of_it_once() {
        let (mut typing, at) = (Typing::default(), Duration::from_secs);
        assert!(!typing.tells(at(0), false), "nothing was begun");
        assert!(typing.tells(at(0), true));
        typing.told(at(0), true);
        assert!(!typing.tells(at(4), true));
        assert!(typing.tells(at(5), true));
        assert!(typing.tells(at(1), false));
        typing.told(at(1), false);
        assert!(!typing.tells(at(2), false));
    }
}
