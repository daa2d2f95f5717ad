mod filter;
#[cfg(test)]
mod fuzz;

use std::{
    io,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use self::filter::{Filter, Passed};

/// Bytes that are looked at together.
const CHUNK: usize = 1_024;

/// Stands between a server and the XML library, so that nothing that a stranger can make the server pass on hurts the
/// process or the connection; see [`Filter`]. It is the library's read buffer, too: so it knows how far that came.
#[derive(Debug)]
pub(crate) struct Guard<Io> {
    io: Io,
    filter: Filter,
    restarted: AtomicBool,
    passed: Passed,
    taken: usize,
    /// Before and behind the last byte that was taken.
    inside_stanza: [bool; 2],
    ended: bool,
}

impl<Io> Guard<Io> {
    pub(crate) fn new(io: Io) -> Self {
        Self {
            io,
            filter: Filter::default(),
            restarted: AtomicBool::new(false),
            passed: Passed::default(),
            taken: 0,
            inside_stanza: [false; 2],
            ended: false,
        }
    }

    /// Expects a new stream header next (RFC 6120 section 4.3.3); only while the server waits for ours.
    pub(crate) fn restart(&self) {
        self.restarted.store(true, Ordering::Relaxed);
    }

    /// Whether what could not be read is a stanza that the server sent: neither the end or a fault of the connection,
    /// nor something between stanzas.
    pub(crate) fn broke_inside_stanza(&self) -> bool {
        !self.ended && self.inside_stanza.contains(&true)
    }

    pub(crate) fn into_inner(self) -> Io {
        self.io
    }

    fn take(&mut self, count: usize) {
        let borders = &self.passed.borders;
        let at_start = self.inside_stanza[1] ^ (borders_up_to(borders, self.taken) % 2 == 1);
        let at = |place: usize| at_start ^ (borders_up_to(borders, place) % 2 == 1);
        self.taken += count;
        if count > 0 {
            self.inside_stanza = [at(self.taken - 1), at(self.taken)];
        }
    }
}

fn borders_up_to(borders: &[usize], place: usize) -> usize {
    borders.partition_point(|border| *border <= place)
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
        self.passed.bytes.clear();
        self.passed.borders.clear();
        self.taken = 0;
        self.filter
            .pass(chunk.filled(), &mut self.passed)
            .map_err(|excess| io::Error::new(io::ErrorKind::InvalidData, excess))?;
        Poll::Ready(Ok(!chunk.filled().is_empty()))
    }
}

impl<Io: AsyncRead + Unpin> AsyncBufRead for Guard<Io> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        // A chunk of which nothing passes must not look like the end of the connection.
        while this.taken == this.passed.bytes.len() {
            if !ready!(this.poll_more(cx))? {
                break;
            }
        }
        Poll::Ready(Ok(&this.passed.bytes[this.taken..]))
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        self.get_mut().take(count);
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Guard<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let ready = ready!(self.as_mut().poll_fill_buf(cx))?;
        let fitting = ready.len().min(buf.remaining());
        buf.put_slice(&ready[..fitting]);
        self.consume(fitting);
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

    use futures_util::StreamExt;
    use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufWriter, ReadBuf};
    use tokio_xmpp::{
        parsers::ns,
        xmlstream::{StreamHeader, Timeouts, XmppStream, initiate_stream},
    };

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
        let mut guard = Guard::new(wire.chain(BrokenRecord));
        server.write_all(b"<s><m>").await.unwrap();
        let mut some = [0; 6];
        guard.read_exact(&mut some).await.unwrap();
        assert!(guard.broke_inside_stanza());
        drop(server);
        assert!(guard.read(&mut some).await.is_err());
        assert!(!guard.broke_inside_stanza());
    }

    /// Has the library read a stanza and then this.
    async fn broke_inside_stanza(broken: &str) -> bool {
        let (mut server, wire) = tokio::io::duplex(10_000);
        let header = "<?xml version='1.0'?><stream:stream id='1' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'><stream:features/>";
        let sent = format!("{header}<message><body>one</body></message>{broken}");
        server.write_all(sent.as_bytes()).await.unwrap();
        let wire = BufWriter::new(Guard::new(wire));
        let to = StreamHeader { to: Some("corp.test".into()), ..StreamHeader::default() };
        let pending = initiate_stream(wire, ns::JABBER_CLIENT, to, Timeouts::tight()).await.unwrap();
        let (_, mut stream): (_, XmppStream<_>) = pending.recv_features().await.unwrap();
        assert!(matches!(stream.next().await, Some(Ok(_))));
        assert!(matches!(stream.next().await, Some(Err(_))), "{broken:?} was read");
        stream.get_stream().get_ref().broke_inside_stanza()
    }

    #[tokio::test]
    async fn a_stanza_that_cannot_be_read_is_told_from_what_lies_between_stanzas() {
        for broken in [
            "<message><body a='' a=''/></message>",
            "<message a='' a=''/>",
            "<presence></message>",
            "<iq>&nothing;</iq>",
            "<message>\x01",
            "<message><\x01",
            "<message to='\x01",
            "<message xmlns:a='b' xmlns:c='b' a:x='' c:x=''/>",
        ] {
            assert!(broke_inside_stanza(broken).await, "{broken:?}");
        }
        for broken in ["text", "\x01", "&nothing;", "</message>", "<!-- -->", "<r a='' a=''/>", "<\x01"] {
            assert!(!broke_inside_stanza(broken).await, "{broken:?}");
        }
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
                writer.write_all(&piece).await.unwrap();
            }
        });
        reader
    }
}
