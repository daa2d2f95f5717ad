use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// TLS with a peer that the judge has let pass.
#[derive(Debug)]
pub struct Stream<Io>(pub(crate) Spoken<Io>);

/// Who speaks it.
#[derive(Debug)]
pub(crate) enum Spoken<Io> {
    Usual(Box<TlsStream<Io>>),
    #[cfg(feature = "legacy-tls")]
    Legacy(tokio_openssl::SslStream<Io>),
}

impl<Io> Stream<Io> {
    /// What the peer has shown, its own certificate first.
    pub fn peer_chain(&self) -> Vec<CertificateDer<'static>> {
        match &self.0 {
            Spoken::Usual(stream) => {
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                chain.iter().map(|one| one.clone().into_owned()).collect()
            }
            #[cfg(feature = "legacy-tls")]
            Spoken::Legacy(stream) => crate::legacy::chain(stream.ssl()),
        }
    }

    /// Which version is spoken: `TLS 1.2`.
    pub fn version(&self) -> String {
        match &self.0 {
            Spoken::Usual(stream) => {
                let version = stream.get_ref().1.protocol_version();
                version.map_or_else(String::new, |version| format!("{version:?}").replace("TLSv1_", "TLS 1."))
            }
            #[cfg(feature = "legacy-tls")]
            Spoken::Legacy(stream) => crate::legacy::version(stream.ssl()),
        }
    }
}

/// Passes on to whichever it is.
macro_rules! spoken {
    ($stream:expr, $io:ident => $call:expr) => {
        match &mut $stream.get_mut().0 {
            Spoken::Usual($io) => {
                let $io = Pin::new(&mut **$io);
                $call
            }
            #[cfg(feature = "legacy-tls")]
            Spoken::Legacy($io) => {
                let $io = Pin::new($io);
                $call.map_err(crate::legacy::told)
            }
        }
    };
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        spoken!(self, io => io.poll_read(cx, buffer))
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<Io> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        spoken!(self, io => io.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        spoken!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        spoken!(self, io => io.poll_shutdown(cx))
    }
}
