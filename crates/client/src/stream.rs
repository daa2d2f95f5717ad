use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::{ConnectError, Server};

/// How long TCP and TLS may take, each.
pub(crate) const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// A connection to a relay, plain or TLS.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Opens TCP, and TLS if the server's URL says so.
    pub(crate) async fn open(server: &Server) -> Result<Self, ConnectError> {
        let authority = || server.authority().to_owned();
        let late = |_| ConnectError::TimedOut { authority: authority(), after: DIAL_LIMIT };
        let unreachable = |source| ConnectError::Unreachable { authority: authority(), source };
        let tcp = timeout(DIAL_LIMIT, TcpStream::connect(server.endpoint()))
            .await
            .map_err(late)?
            .map_err(unreachable)?;
        tcp.set_nodelay(true).map_err(unreachable)?;
        let Some((connector, name)) = server.tls() else { return Ok(Self::Plain(tcp)) };
        let tls = timeout(DIAL_LIMIT, connector.connect(name.clone(), tcp))
            .await
            .map_err(late)?
            .map_err(|source| ConnectError::Tls { authority: authority(), source: own_words(source) })?;
        Ok(Self::Tls(Box::new(tls)))
    }

    /// Ends the connection as a dead network does: no goodbye of any layer, the peer gets a reset.
    pub(crate) fn cut(self) {
        let tcp = match &self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref().0,
        };
        if let Err(error) = tcp.set_zero_linger() {
            tracing::debug!(%error, "the connection closes instead of resetting");
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
/// What our own check of the certificate says stands in an error of rustls that calls it unexpected.
fn own_words(source: io::Error) -> io::Error {
    let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::General(words)) => io::Error::new(source.kind(), words.clone()),
        _ => source,
    }
}
