//! What is read from a connection, and whether it stood there as it was understood.

use trunkline_sip::{Frame, Framer, Limits, Message};

/// What was understood.
pub(super) struct Heard {
    pub(super) frame: Frame,
    /// The bytes in which it was, if they are not just those of a message.
    pub(super) odd: Option<Vec<u8>>,
}

/// Reads as a server does that is generous, and keeps what it was generous with.
pub(super) struct Ear {
    framer: Framer,
    /// Whatever came after the last message.
    since: Vec<u8>,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self { framer: Framer::new(Limits::default()), since: Vec::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
        self.since.extend_from_slice(bytes);
    }

    pub(super) fn pull(&mut self) -> Option<Heard> {
        let Some(frame) = self.framer.pull() else {
            if self.framer.end().is_ok() {
                self.since.clear();
            }
            return None;
        };
        let odd = match &frame {
            Frame::Message(message) => self.take(message),
            Frame::Ping => None,
            Frame::Refused(_) => Some(self.since.clone()),
        };
        Some(Heard { frame, odd })
    }

    /// Nothing if the message is made of the next bytes and of no others, but for empty lines before it.
    fn take(&mut self, message: &Message) -> Option<Vec<u8>> {
        let before = self.since.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let bytes = message.to_bytes();
        if self.since.get(before..).is_some_and(|rest| rest.starts_with(&bytes)) {
            self.since.drain(..before + bytes.len());
            return None;
        }
        Some(std::mem::take(&mut self.since))
    }
}
