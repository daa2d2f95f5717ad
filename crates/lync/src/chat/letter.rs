use std::{collections::VecDeque, time::Duration};

use trunkline_core::port::Outcome;
use trunkline_model::{MessageKey, MessageText};
use trunkline_sip::body::text::{MAX_MESSAGE, split};

/// A message of the person's on its way, in as many parts as it takes.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) key: MessageKey,
    /// When it is given back if its turn has not come.
    pub(super) until: Duration,
    parts: VecDeque<MessageText>,
    total: usize,
    /// Whether it was sent once more already.
    pub(super) resent: bool,
    /// What a report said of a part that had arrived: whether it is permanent, and why.
    pub(super) returned: Option<(bool, String)>,
}

impl Letter {
    pub(super) fn new(key: MessageKey, text: &MessageText, until: Duration) -> Self {
        let part = |part: &str| MessageText::stored(part.to_owned());
        let parts: VecDeque<_> = split(text.expose(), MAX_MESSAGE).into_iter().map(part).collect();
        Self { key, until, total: parts.len(), parts, resent: false, returned: None }
    }

    /// The part that goes next.
    pub(super) fn part(&self) -> &str {
        self.parts.front().map(MessageText::expose).unwrap_or_default()
    }

    /// Notes that the part arrived, and says whether all have.
    pub(super) fn confirm_part(&mut self) -> bool {
        self.parts.pop_front();
        self.parts.is_empty()
    }

    /// The outcome of the whole, given that of the part; what arrived in part is not sent anew by itself.
    pub(super) fn outcome(self, of_part: Outcome) -> Outcome {
        if let Some((permanent, reason)) = self.returned {
            return Outcome::Refused { permanent, reason };
        }
        let arrived = self.total - self.parts.len();
        let partly = |reason: &str| format!("only {arrived} of {} parts arrived: {reason}", self.total);
        match of_part {
            outcome if arrived == 0 || arrived == self.total => outcome,
            Outcome::NotSent => Outcome::Refused { permanent: false, reason: partly("the line is down") },
            Outcome::Refused { permanent, reason } => Outcome::Refused { permanent, reason: partly(&reason) },
            outcome => outcome,
        }
    }
}
