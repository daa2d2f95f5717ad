use std::io;

use tokio::io::ReadBuf;

/// Bytes that are taken from the front, and whose memory goes with the last of them.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    bytes: Vec<u8>,
    taken: usize,
}

/// Why nothing was put into the room that [`Pending::append`] gave.
pub(crate) enum Short {
    /// It takes so many bytes.
    Needs(usize),
    Fails(io::Error),
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    pub(crate) fn take(&mut self, count: usize) {
        self.taken += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Moves what fits; false when there was nothing.
    pub(crate) fn give(&mut self, into: &mut ReadBuf<'_>) -> bool {
        let count = self.rest().len().min(into.remaining());
        into.put_slice(&self.rest()[..count]);
        self.take(count);
        count > 0
    }

    /// Gives `put` room for `guess` bytes, or for as many as it then asks for.
    pub(crate) fn append(
        &mut self,
        guess: usize,
        mut put: impl FnMut(&mut [u8]) -> Result<usize, Short>,
    ) -> io::Result<()> {
        let start = self.bytes.len();
        let mut room = guess;
        loop {
            self.bytes.resize(start + room, 0);
            match put(&mut self.bytes[start..]) {
                Ok(written) => {
                    self.bytes.truncate(start + written);
                    return Ok(());
                }
                Err(Short::Needs(more)) if more > room => room = more,
                Err(short) => {
                    self.bytes.truncate(start);
                    return Err(match short {
                        Short::Fails(error) => error,
                        Short::Needs(_) => io::Error::other("asked for less room than there was"),
                    });
                }
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn kept(&self) -> usize {
        self.bytes.capacity()
    }
}
