use std::{io, net::SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// A stretch of network between phones and the relay that can be cut: bytes pass both ways until then, and a cut drops
/// every connection without a word of goodbye.
pub(super) struct Network {
    address: SocketAddr,
    up: watch::Sender<bool>,
    carrier: tokio::task::JoinHandle<()>,
}

impl Network {
    /// Carries connections to `relay` from a free port on loopback.
    pub(super) async fn to(relay: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (up, watched) = watch::channel(true);
        let carrier = tokio::spawn(carry(listener, relay, watched));
        Ok(Self { address, up, carrier })
    }

    /// Where phones connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection, and each new one at once.
    pub(super) fn cut(&self) {
        self.up.send_replace(false);
    }

    /// Lets connections pass again.
    pub(super) fn mend(&self) {
        self.up.send_replace(true);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

async fn carry(listener: TcpListener, relay: SocketAddr, up: watch::Receiver<bool>) {
    let mut pipes = JoinSet::new();
    loop {
        let phone = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = pipes.join_next() => continue,
        };
        if let Ok((phone, _)) = phone
            && *up.borrow()
        {
            pipes.spawn(pipe(phone, relay, up.clone()));
        }
    }
}

async fn pipe(mut phone: TcpStream, relay: SocketAddr, mut up: watch::Receiver<bool>) {
    let Ok(mut relay) = TcpStream::connect(relay).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut phone, &mut relay) => {}
        _ = up.wait_for(|up| !up) => {}
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::Network;

    #[tokio::test]
    async fn a_cut_drops_what_is_open_and_what_comes() {
        let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let network = Network::to(relay.local_addr().unwrap()).await.unwrap();
        let mut phone = TcpStream::connect(network.address()).await.unwrap();
        let (mut peer, _) = relay.accept().await.unwrap();
        phone.write_all(b"a").await.unwrap();
        assert_eq!(peer.read_u8().await.unwrap(), b'a');

        network.cut();
        assert_eq!(phone.read(&mut [0]).await.unwrap_or(0), 0);
        assert_eq!(peer.read(&mut [0]).await.unwrap_or(0), 0);
        let mut refused = TcpStream::connect(network.address()).await.unwrap();
        assert_eq!(refused.read(&mut [0]).await.unwrap_or(0), 0);

        network.mend();
        let mut again = TcpStream::connect(network.address()).await.unwrap();
        let (mut peer, _) = relay.accept().await.unwrap();
        again.write_all(b"b").await.unwrap();
        assert_eq!(peer.read_u8().await.unwrap(), b'b');
    }
}
