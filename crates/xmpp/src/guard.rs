mod filter;

use std::{
    io,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::filter::Filter;

/// Bytes that are looked at together.
const CHUNK: usize = 1_024;

/// Stands between a server and the XML library, so that nothing that a stranger can make the server pass on hurts the
/// process or the connection; see [`Filter`].
#[derive(Debug)]
pub(crate) struct Guard<Io> {
    io: Io,
    filter: Filter,
    restarted: AtomicBool,
    passed: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<Io> Guard<Io> {
    pub(crate) fn new(io: Io) -> Self {
        let restarted = AtomicBool::new(false);
        Self { io, filter: Filter::default(), restarted, passed: Vec::new(), taken: 0, ended: false }
    }

    /// Expects a new stream header next (RFC 6120 section 4.3.3); only while the server waits for ours.
    pub(crate) fn restart(&self) {
        self.restarted.store(true, Ordering::Relaxed);
    }

    /// The connection came to its end, or failed: what could not be read then was not the server's last word.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    pub(crate) fn into_inner(self) -> Io {
        self.io
    }
}

impl<Io: AsyncRead + Unpin> Guard<Io> {
    /// Reads more; `Ok(false)` at the end of the connection.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut chunk = [0; CHUNK];
        let mut chunk = ReadBuf::new(&mut chunk);
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, &mut chunk));
        self.ended = read.is_err() || chunk.filled().is_empty();
        read?;
        if self.restarted.swap(false, Ordering::Relaxed) {
            self.filter = Filter::default();
        }
        self.passed.clear();
        self.taken = 0;
        self.filter
            .pass(chunk.filled(), &mut self.passed)
            .map_err(|excess| io::Error::new(io::ErrorKind::InvalidData, excess))?;
        Poll::Ready(Ok(!chunk.filled().is_empty()))
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Guard<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // A chunk of which nothing passes must not look like the end of the connection.
        while this.taken == this.passed.len() {
            if !ready!(this.poll_more(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
        let ready = &this.passed[this.taken..];
        let fitting = ready.len().min(buf.remaining());
        buf.put_slice(&ready[..fitting]);
        this.taken += fitting;
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Guard<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, data)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

    use super::Guard;

    #[tokio::test]
    async fn chunks_of_any_size_come_through_and_the_end_is_the_end() {
        let xml = format!("<s><m a='{}'>{}</m>", "ü".repeat(900), "x".repeat(5_000));
        for pieces in [1, 7, 1_024, 10_000] {
            let mut builder = tokio_test_io(&xml, pieces);
            let mut read = String::new();
            Guard::new(&mut builder).read_to_string(&mut read).await.unwrap();
            assert_eq!(read, xml);
        }
    }

    #[tokio::test]
    async fn the_end_of_the_connection_is_told_from_what_cannot_be_read() {
        let (mut server, wire) = tokio::io::duplex(64);
        let mut guard = Guard::new(wire);
        tokio::io::AsyncWriteExt::write_all(&mut server, b"<s><m>").await.unwrap();
        let mut some = [0; 6];
        guard.read_exact(&mut some).await.unwrap();
        assert!(!guard.ended());
        drop(server);
        assert_eq!(guard.read(&mut some).await.unwrap(), 0);
        assert!(guard.ended());

        let mut failing = Guard::new(BrokenRecord);
        assert!(failing.read(&mut some).await.is_err());
        assert!(failing.ended());
    }

    /// What rustls says of a record that somebody has changed on the way.
    struct BrokenRecord;

    impl AsyncRead for BrokenRecord {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "a broken record")))
        }
    }

    /// A reader that gives at most so many bytes at a time.
    fn tokio_test_io(text: &str, piece: usize) -> impl tokio::io::AsyncRead + Unpin {
        let pieces: Vec<Vec<u8>> = text.as_bytes().chunks(piece).map(<[u8]>::to_vec).collect();
        let (mut writer, reader) = tokio::io::duplex(piece.max(1));
        tokio::spawn(async move {
            for piece in pieces {
                tokio::io::AsyncWriteExt::write_all(&mut writer, &piece).await.unwrap();
            }
        });
        reader
    }
}
