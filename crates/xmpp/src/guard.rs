use std::{
    io,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bounds what a server may send before the XML library sees it: nesting (the library frees elements recursively, so
/// a deep one would end the process) and the size of one stanza.
#[derive(Debug)]
pub(crate) struct Guard<Io> {
    io: Io,
    scan: Scan,
    restarted: AtomicBool,
}

impl<Io> Guard<Io> {
    pub(crate) fn new(io: Io) -> Self {
        Self { io, scan: Scan::default(), restarted: AtomicBool::new(false) }
    }

    /// Expects a new stream header next (RFC 6120 section 4.3.3); only while the server waits for ours.
    pub(crate) fn restart(&self) {
        self.restarted.store(true, Ordering::Relaxed);
    }

    pub(crate) fn into_inner(self) -> Io {
        self.io
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Guard<Io> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let result = Pin::new(&mut this.io).poll_read(cx, buf);
        if matches!(result, Poll::Ready(Ok(()))) {
            if this.restarted.swap(false, Ordering::Relaxed) {
                this.scan = Scan::default();
            }
            let news = &buf.filled()[before..];
            if let Err(excess) = this.scan.feed(news) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, excess)));
            }
        }
        result
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

/// Deepest nesting, the stream header included.
const MAX_DEPTH: usize = 64;
/// Most bytes in one stanza: a roster of ten thousand contacts fits.
const MAX_STANZA: usize = 4 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Excess {
    #[error("the server sent XML nested deeper than {MAX_DEPTH} levels")]
    Depth,
    #[error("the server sent a stanza of more than {MAX_STANZA} bytes")]
    Size,
}

/// Follows the tags of the XML subset that XMPP allows (RFC 6120 section 11.1); whatever is malformed is the parser's
/// to refuse.
#[derive(Debug, Default)]
struct Scan {
    at: At,
    depth: usize,
    stanza: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Text,
    Open,
    Start {
        slash: bool,
    },
    Quoted(u8),
    End,
    Other,
    Bang,
    Cdata {
        brackets: u8,
    },
}

impl Scan {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), Excess> {
        for &byte in bytes {
            self.stanza += 1;
            self.step(byte);
            if self.depth > MAX_DEPTH {
                return Err(Excess::Depth);
            }
            if self.depth <= 1 && self.at == At::Text {
                self.stanza = 0;
            }
            if self.stanza > MAX_STANZA {
                return Err(Excess::Size);
            }
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) {
        self.at = match (self.at, byte) {
            (At::Text, b'<') => At::Open,
            (At::Text, _) => At::Text,
            (At::Open, b'/') => At::End,
            (At::Open, b'?') => At::Other,
            (At::Open, b'!') => At::Bang,
            (At::Open, _) => At::Start { slash: false },
            (At::Start { .. }, b'"' | b'\'') => At::Quoted(byte),
            (At::Start { slash }, b'>') => {
                self.depth += usize::from(!slash);
                At::Text
            }
            (At::Start { .. }, _) => At::Start { slash: byte == b'/' },
            (At::Quoted(quote), _) if quote == byte => At::Start { slash: false },
            (At::Quoted(quote), _) => At::Quoted(quote),
            (At::End, b'>') => {
                self.depth = self.depth.saturating_sub(1);
                At::Text
            }
            (At::End, _) => At::End,
            (At::Bang, b'[') => At::Cdata { brackets: 0 },
            (At::Bang | At::Other, b'>') => At::Text,
            (At::Bang | At::Other, _) => At::Other,
            (At::Cdata { brackets: 2 }, b'>') => At::Text,
            (At::Cdata { brackets }, b']') => At::Cdata { brackets: (brackets + 1).min(2) },
            (At::Cdata { .. }, _) => At::Cdata { brackets: 0 },
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Excess, MAX_DEPTH, MAX_STANZA, Scan};

    const HEADER: &str = "<?xml version='1.0'?><stream:stream from='a>b' xmlns=\"jabber:client\">";

    #[test]
    fn depth_is_counted_over_quotes_cdata_and_empty_elements() {
        let mut scan = Scan::default();
        let stanza = "<message to='a>b/'><body><![CDATA[<a><b>]]]></body><x/><y z='/'/></message> ";
        scan.feed(format!("{HEADER}{}", stanza.repeat(3)).as_bytes()).unwrap();
        assert_eq!((scan.depth, scan.stanza), (1, 0));
    }

    #[test]
    fn deep_nesting_is_stopped() {
        let mut scan = Scan::default();
        scan.feed(format!("{HEADER}{}", "<a>".repeat(MAX_DEPTH - 1)).as_bytes()).unwrap();
        assert_eq!(scan.feed(b"<a>"), Err(Excess::Depth));
    }

    #[test]
    fn an_endless_stanza_is_stopped_and_many_small_ones_are_not() {
        let mut scan = Scan::default();
        scan.feed(HEADER.as_bytes()).unwrap();
        let body = format!("<message><body>{}</body></message>", "x".repeat(MAX_STANZA / 2));
        for _ in 0..5 {
            scan.feed(body.as_bytes()).unwrap();
        }
        scan.feed(b"<message><body>").unwrap();
        assert_eq!(scan.feed("x".repeat(MAX_STANZA).as_bytes()), Err(Excess::Size));
    }
}
