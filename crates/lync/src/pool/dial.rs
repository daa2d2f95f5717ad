use std::{io, net::SocketAddr, time::Duration};

use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use trunkline_tls::Stream;

use super::{DialLimits, RoundError};
use crate::{
    address::{Route, Target},
    connection::Peer,
    fraction,
    tls::{Credentials, Refusal, Tls, trouble},
};

/// What a dial came to.
pub(super) struct Dialled {
    pub(super) stream: Stream<TcpStream>,
    pub(super) peer: Peer,
    pub(super) credentials: Credentials,
}

/// Tries each address once; the error is the last one's.
pub(super) async fn round(
    target: &Target,
    route: &mut Route,
    tls: &Tls,
    limits: &DialLimits,
) -> Result<Dialled, RoundError> {
    let name = ServerName::try_from(target.name.clone());
    let name = name.map_err(|_| RoundError::Name(target.name.clone()))?;
    let (found, mut last) = match resolve(target, limits.resolve).await {
        Ok(found) => {
            let problem = "it has none".to_owned();
            (found, RoundError::Resolve { host: target.host().to_owned(), problem })
        }
        Err(error) => (Vec::new(), error),
    };
    route.begin(&found, Instant::now(), fraction);
    while let Some(address) = route.next_address() {
        match one(address, &name, tls, limits).await {
            Ok(dialled) => {
                route.connected(address);
                return Ok(dialled);
            }
            Err(error) => {
                route.failed(address);
                last = error;
            }
        }
    }
    Err(last)
}

async fn resolve(target: &Target, limit: Duration) -> Result<Vec<SocketAddr>, RoundError> {
    let looked_up = timeout(limit, target.look_up()).await;
    let found = looked_up.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    found.map_err(|error| RoundError::Resolve { host: target.host().to_owned(), problem: error.to_string() })
}

async fn one(
    address: SocketAddr,
    name: &ServerName<'static>,
    tls: &Tls,
    limits: &DialLimits,
) -> Result<Dialled, RoundError> {
    let connected = timeout(limits.connect, TcpStream::connect(address)).await;
    let tcp = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let tcp = tcp.map_err(|error| RoundError::Connect { address, problem: error.to_string() })?;
    tend(&tcp);
    let shaking = tls.connector().connect(name.clone(), tcp);
    let shaken = timeout(limits.handshake, shaking).await;
    let stream = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = stream.map_err(|error| match Refusal::of(&error) {
        Some(refusal) => RoundError::Refused { address, refusal },
        None => RoundError::Handshake { address, problem: trouble(&error) },
    })?;
    let credentials = Credentials::of(&stream, Some(name.clone()));
    let names = credentials.names();
    let dialled = name.to_str();
    let allowed = || tls.peers().find(&names).unwrap_or_default();
    let name = if names.has(&dialled) { dialled.as_ref() } else { allowed() }.to_owned();
    let peer = Peer { name, names, address, until: credentials.end() };
    Ok(Dialled { stream, peer, credentials })
}

/// A peer whose plug was pulled is noticed within about a minute, whether the connection is silent or not.
pub(crate) fn tend(tcp: &TcpStream) {
    const TIME: Duration = Duration::from_secs(45);
    let socket = SockRef::from(tcp);
    let probes = TcpKeepalive::new().with_time(TIME).with_interval(Duration::from_secs(15));
    // Each is a help; without it connections work all the same.
    let _ = tcp.set_nodelay(true);
    let _ = socket.set_tcp_keepalive(&probes);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(TIME));
}
