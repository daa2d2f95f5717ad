use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::either::Either;

use crate::{listener::Progress, pending::Pending, tls::TlsStream};

/// Read from the socket at a time; on the stack, so that a waiting stream keeps no buffer.
const READ_BYTES: usize = 8 * 1024;

/// The bare connection, without what HTTP kept around it. It may be read in small pieces: each is a copy, not a call
/// to the system.
pub(super) type Transport = Either<PlainStream, TlsStream>;

/// Takes the connection out of hyper, with what was read of it beyond the request; `None` for a foreign type.
pub(super) fn from_upgraded(upgraded: Upgraded) -> Option<(Transport, Vec<u8>)> {
    let upgraded = match upgraded.downcast::<TokioIo<Progress<TcpStream>>>() {
        Ok(parts) => {
            let tcp = parts.io.into_inner().into_inner();
            let plain = PlainStream { tcp, incoming: Pending::default() };
            return Some((Either::Left(plain), parts.read_buf.to_vec()));
        }
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<Progress<TlsStream>>>().ok()?;
    Some((Either::Right(parts.io.into_inner().into_inner()), parts.read_buf.to_vec()))
}

/// TCP with a read buffer that exists only while something is in it.
pub(super) struct PlainStream {
    tcp: TcpStream,
    incoming: Pending,
}

impl AsyncRead for PlainStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if stream.incoming.give(into) || into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut space = [MaybeUninit::uninit(); READ_BYTES];
        let mut bytes = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut stream.tcp).poll_read(cx, &mut bytes))?;
        let (now, later) = bytes.filled().split_at(bytes.filled().len().min(into.remaining()));
        into.put_slice(now);
        stream.incoming.put(later);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for PlainStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}
