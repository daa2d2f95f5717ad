use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::session::Session;

/// Read from the socket at a time; on the stack, so that a waiting stream keeps no buffer.
const READ_BYTES: usize = 8 * 1024;
/// Encrypted at a time; what does not go out at once waits in memory.
const WRITE_BYTES: usize = 64 * 1024;

/// A TLS connection, server side, that keeps no buffers while nothing happens.
pub(crate) struct TlsStream {
    tcp: TcpStream,
    session: Box<Session>,
    /// Our end is told, or cannot be.
    ended: bool,
}

impl TlsStream {
    /// Shakes hands. The caller bounds the time.
    pub(crate) async fn accept(config: Arc<ServerConfig>, tcp: TcpStream) -> io::Result<Self> {
        let session = Session::new(config).map_err(io::Error::other)?;
        let mut stream = Self { tcp, session: Box::new(session), ended: false };
        while stream.session.is_handshaking() {
            let filled = poll_fn(|cx| stream.poll_fill(cx)).await;
            // What was said before the error goes out too: it is the alert that explains it.
            let drained = poll_fn(|cx| stream.poll_drain(cx)).await;
            filled.and(drained)?;
        }
        Ok(stream)
    }

    /// Reads what the socket has and takes it in.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let mut bytes = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut bytes))?;
        if bytes.filled().is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        Poll::Ready(self.session.hear(bytes.filled()))
    }

    /// Writes everything that waits.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outgoing = self.session.outgoing();
        while !outgoing.is_empty() {
            let count = ready!(Pin::new(&mut self.tcp).poll_write(cx, outgoing.rest()))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            outgoing.take(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what goes out at once; the rest goes with the next call, and an error comes back there.
    fn push(&mut self, cx: &mut Context<'_>) {
        let _ = self.poll_drain(cx);
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        while into.remaining() > 0 && !stream.session.read(into) && !stream.session.is_finished() {
            let filled = stream.poll_fill(cx);
            // TLS itself answers: tickets, key updates, alerts.
            stream.push(cx);
            ready!(filled)?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        ready!(stream.poll_drain(cx))?;
        let some = &bytes[..bytes.len().min(WRITE_BYTES)];
        stream.session.say(some)?;
        stream.push(cx);
        Poll::Ready(Ok(some.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        ready!(stream.poll_drain(cx))?;
        Pin::new(&mut stream.tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if !stream.ended {
            stream.ended = true;
            // A broken session has no more to say; the connection is closed all the same.
            let _ = stream.session.end();
        }
        ready!(stream.poll_drain(cx))?;
        Pin::new(&mut stream.tcp).poll_shutdown(cx)
    }
}
