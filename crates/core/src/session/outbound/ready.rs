use std::collections::VecDeque;

/// Frames that wait for the socket, and how large they are together.
#[derive(Default)]
pub(super) struct Ready {
    frames: VecDeque<String>,
    bytes: usize,
}

impl Ready {
    pub(super) fn push(&mut self, frame: String) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    pub(super) fn take(&mut self) -> Option<String> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    /// Drops everything, and the room that it took.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}
