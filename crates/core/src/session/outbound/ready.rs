use std::collections::VecDeque;

/// A frame on its way to the phone.
#[derive(Clone)]
pub(super) struct Numbered {
    /// `None` for a first phase.
    pub(super) sequence: Option<i64>,
    pub(super) text: String,
}

/// Frames that wait for the reader, and how large they are together.
#[derive(Default)]
pub(super) struct Ready {
    frames: VecDeque<Numbered>,
    bytes: usize,
}

impl Ready {
    pub(super) fn push(&mut self, sequence: Option<i64>, text: String) {
        self.bytes += text.len();
        self.frames.push_back(Numbered { sequence, text });
    }

    pub(super) fn take(&mut self) -> Option<Numbered> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.text.len();
        Some(frame)
    }

    /// Drops everything, and the room that it took.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The memory that it takes.
    pub(super) fn weight(&self) -> usize {
        self.bytes + self.frames.len() * size_of::<Numbered>()
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}
