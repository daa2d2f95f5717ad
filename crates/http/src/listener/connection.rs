use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::extract::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tower::ServiceExt;
use tracing::debug;

use super::{Door, Progress};
use crate::{
    caller::Peer,
    limit::Place,
    metric::{Counted, Metrics},
    tls::TlsStream,
};

/// For the whole TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// For a request's head, and for the next request on a kept connection.
const HEAD_LIMIT: Duration = Duration::from_secs(20);
/// The system takes no more for a peer that does not read: what waits for a phone waits in the mailbox, not here.
const UNSENT_BYTES: u32 = 16 * 1024;
/// Request line and headers; a Dynamics token in a header can be some kilobytes.
const HEAD_BYTES: usize = 16 * 1024;
const HEAD_LINES: usize = 64;

/// One connection from its first byte until its last request is answered or it became a WebSocket.
pub(super) async fn serve(door: Arc<Door>, stream: TcpStream, peer: Peer, place: Option<Place>) {
    let _counted = (place, Counted::new(&door.metrics.connections));
    // A socket that cannot be set so still works.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
    match &door.tls {
        None => speak(&door, stream, peer).await,
        Some(certificate) => {
            let shaken =
                door.stop.run_until_cancelled(shake(certificate.config(), stream, &door.metrics)).await;
            if let Some(Some(stream)) = shaken {
                speak(&door, stream, peer).await;
            }
        }
    }
}

/// The TLS handshake; somebody who speaks plain HTTP to this port is told so.
async fn shake(config: Arc<ServerConfig>, mut stream: TcpStream, metrics: &Metrics) -> Option<TlsStream> {
    let handshake = Box::pin(async {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first[0].is_ascii_uppercase() {
            say_tls(&mut stream).await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP on a TLS port"));
        }
        TlsStream::accept(config, stream).await
    });
    match timeout(HANDSHAKE_LIMIT, handshake).await {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            debug!(%error, "TLS handshake failed");
            metrics.handshake_failed("tls");
            None
        }
        Err(_) => {
            debug!("TLS handshake took too long");
            metrics.handshake_failed("timeout");
            None
        }
    }
}

async fn say_tls(stream: &mut TcpStream) -> io::Result<()> {
    const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 39\r\n\
        Connection: close\r\n\r\nThis port speaks TLS: use https or wss\n";
    // Unread bytes would reset the connection and take the answer with them.
    let mut request = vec![0; 4096];
    let _ = stream.read(&mut request).await?;
    stream.write_all(ANSWER).await?;
    stream.shutdown().await
}

async fn speak<S>(door: &Door, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = door.router.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_headers(HEAD_LINES)
        .max_buf_size(HEAD_BYTES);
    let mut connection =
        pin!(builder.serve_connection(TokioIo::new(Progress::new(stream)), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = door.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "connection ended");
        if error.is_timeout() || error.is_parse() {
            door.metrics.handshake_failed(if error.is_timeout() { "timeout" } else { "http" });
        }
    }
}
