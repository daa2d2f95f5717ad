use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A TCP proxy on a loopback port that goes wrong in the ways in which networks and firewalls do.
pub struct Wire {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From who connects to the server.
    Up = 0,
    /// From the server to who connected.
    Down = 1,
}

/// What becomes of a connection at a given byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It ends, both ways.
    End,
    /// It is reset, both ways.
    Reset,
    /// The byte is another one, and all goes on.
    Corrupt,
}

#[derive(Default)]
struct Shared {
    state: watch::Sender<State>,
    planned: Mutex<Option<Planned>>,
    accepted: AtomicUsize,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    cuts: usize,
    held: [bool; 2],
    down: bool,
    /// Before each piece is passed on.
    delay: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Planned {
    way: Way,
    after: usize,
    fault: Fault,
}

impl Wire {
    /// A wire to `127.0.0.1:port`; connects anew for each connection that it takes.
    pub async fn to(port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port for a wire")?;
        let own_port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let carrying = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                carrying.accepted.fetch_add(1, Ordering::Relaxed);
                if carrying.state.borrow().down {
                    continue;
                }
                // A server that is down is what some tests want.
                if let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await {
                    tokio::spawn(carry(near, far, Arc::clone(&carrying)));
                }
            }
        });
        Ok(Self { port: own_port, shared, accepting })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections came so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// Resets every connection at once; new ones pass.
    pub fn cut(&self) {
        self.shared.state.send_modify(|state| state.cuts += 1);
    }

    /// Resets every connection, and closes new ones at once, until [`Wire::release`].
    pub fn down(&self) {
        self.shared.state.send_modify(|state| {
            state.cuts += 1;
            state.down = true;
        });
    }

    /// From now on nothing passes this way, and nobody is told; new connections are taken, too. What is sent waits for
    /// [`Wire::release`].
    pub fn hold(&self, way: Way) {
        self.shared.state.send_modify(|state| state.held[way as usize] = true);
    }

    /// Holds both ways: a dead network.
    pub fn swallow(&self) {
        self.hold(Way::Up);
        self.hold(Way::Down);
    }

    /// Every piece takes so long, either way, as over a bad radio link.
    pub fn delay(&self, delay: Duration) {
        self.shared.state.send_modify(|state| state.delay = delay);
    }

    /// All is well again; what was held back passes.
    pub fn release(&self) {
        self.shared.state.send_modify(|state| *state = State { cuts: state.cuts, ..State::default() });
    }

    /// Lets so many more bytes of one connection pass this way, then the fault strikes, once.
    pub fn plan(&self, way: Way, after: usize, fault: Fault) {
        *self.shared.planned.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Planned { way, after, fault });
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(mut near: TcpStream, mut far: TcpStream, shared: Arc<Shared>) {
    let mut watching = shared.state.subscribe();
    let cuts = watching.borrow().cuts;
    let (mut up, mut down) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let reset = loop {
        let state = *watching.borrow_and_update();
        if state.cuts != cuts {
            break true;
        }
        let (way, read, to) = tokio::select! {
            _ = watching.changed() => continue,
            read = near.read(&mut up), if !state.held[0] => (Way::Up, read.map(|count| &mut up[..count]), &mut far),
            read = far.read(&mut down), if !state.held[1] => (Way::Down, read.map(|count| &mut down[..count]), &mut near),
        };
        let bytes = match read {
            Ok(bytes) if !bytes.is_empty() => bytes,
            Ok(_) => break false,
            Err(_) => break true,
        };
        if !state.delay.is_zero() {
            tokio::time::sleep(state.delay).await; // tidy: poll
        }
        let struck = shared.strike(way, bytes);
        let passing = struck.map_or(bytes.len(), |(count, _)| count);
        if to.write_all(&bytes[..passing]).await.is_err() {
            break true;
        }
        if let Some((_, fault)) = struck {
            break fault == Fault::Reset;
        }
    };
    if reset {
        // Without lingering, the end of the socket is a reset.
        let _ = (near.set_zero_linger(), far.set_zero_linger());
    }
}

impl Shared {
    /// Counts bytes against the plan; gives how many of them still pass when the connection is to end here.
    fn strike(&self, way: Way, bytes: &mut [u8]) -> Option<(usize, Fault)> {
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        let plan = planned.as_mut().filter(|plan| plan.way == way)?;
        if plan.after >= bytes.len() {
            plan.after -= bytes.len();
            return None;
        }
        let Planned { after, fault, .. } = *plan;
        *planned = None;
        if fault == Fault::Corrupt {
            bytes[after] ^= 1;
            return None;
        }
        Some((after, fault))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::{Fault, Way, Wire};

    async fn ends(wire: &Wire, listener: &TcpListener) -> (TcpStream, TcpStream) {
        let near = TcpStream::connect(("127.0.0.1", wire.port())).await.unwrap();
        (near, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn faults_strike_at_their_byte_and_held_bytes_come_later() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let wire = Wire::to(listener.local_addr().unwrap().port()).await.unwrap();
        for (after, fault) in [(0, Fault::End), (3, Fault::End), (3, Fault::Reset)] {
            wire.plan(Way::Up, after, fault);
            let (mut near, mut far) = ends(&wire, &listener).await;
            near.write_all(b"12345").await.unwrap();
            let mut got = Vec::new();
            let end = far.read_to_end(&mut got).await;
            assert_eq!((got.as_slice(), end.is_ok()), (&b"12345"[..after], fault == Fault::End));
        }
        let (mut near, mut far) = ends(&wire, &listener).await;
        wire.plan(Way::Down, 2, Fault::Corrupt);
        far.write_all(b"222").await.unwrap();
        let mut got = [0; 3];
        near.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"223");
        wire.hold(Way::Up);
        near.write_all(b"later").await.unwrap();
        far.write_all(b"now").await.unwrap();
        near.read_exact(&mut got).await.unwrap();
        wire.release();
        let mut late = [0; 5];
        far.read_exact(&mut late).await.unwrap();
        assert_eq!((&got, &late), (b"now", b"later"));
        wire.cut();
        assert!(near.read(&mut got).await.is_err());
    }
}
