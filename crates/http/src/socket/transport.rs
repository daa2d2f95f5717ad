use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::either::Either;

use crate::tls::TlsStream;

/// The bare connection, without what HTTP kept around it.
pub(super) type Transport = Either<TcpStream, TlsStream>;

/// Takes the connection out of hyper, with what was read of it beyond the request; `None` for a foreign type.
pub(super) fn from_upgraded(upgraded: Upgraded) -> Option<(Transport, Vec<u8>)> {
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return Some((Either::Left(parts.io.into_inner()), parts.read_buf.to_vec())),
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TlsStream>>().ok()?;
    Some((Either::Right(parts.io.into_inner()), parts.read_buf.to_vec()))
}
