use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What the system keeps for a weak link, instead of the megabytes that it would.
const WINDOW: u32 = 8 * 1024;

/// Stands between phones and the relay and breaks connections at a given byte.
pub(crate) struct Proxy {
    address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    /// How many of the connections so far are frozen.
    frozen: watch::Sender<usize>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Plan {
    cut: Option<Cut>,
    /// Bytes a second that go down; all that come when `None`.
    rate: Option<u32>,
    /// Bytes of the last connection, up and down.
    carried: [usize; 2],
    /// How many connections there were.
    connections: usize,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the phone to the relay.
    Up = 0,
    /// From the relay to the phone.
    Down = 1,
}

/// Where a connection breaks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) way: Way,
    /// So many bytes go this way, and not one more.
    pub(crate) after: usize,
    /// Ends with a FIN both ways, else with a reset.
    pub(crate) polite: bool,
}

impl Proxy {
    /// Before `host:port`.
    pub(crate) async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (target, shared) = (target.to_owned(), Arc::clone(&plan));
        let frozen = watch::Sender::new(0);
        let ice = frozen.subscribe();
        let task = tokio::spawn(async move {
            while let Ok((mut phone, _)) = listener.accept().await {
                let (cut, number) = {
                    let mut plan = shared.lock().unwrap();
                    plan.connections += 1;
                    (plan.cut.take(), plan.connections)
                };
                // A relay that is down is what some tests want.
                let Ok(mut relay) = dial(&target).await else { continue };
                let (shared, mut ice) = (Arc::clone(&shared), ice.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = carry(&mut phone, &mut relay, cut, shared) => {}
                        () = freezing(&mut ice, number) => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, plan, frozen, task }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Breaks the next connection.
    pub(crate) fn cut_next(&self, cut: Cut) {
        self.plan.lock().unwrap().cut = Some(cut);
    }

    /// Carries no more than so many bytes a second down.
    pub(crate) fn slow_down(&self, rate: u32) {
        self.plan.lock().unwrap().rate = Some(rate);
    }

    /// The present connections carry nothing any more, and neither side is told.
    pub(crate) fn freeze(&self) {
        let connections = self.plan.lock().unwrap().connections;
        self.frozen.send_replace(connections);
    }

    /// How many bytes the last connection has carried, up and down.
    pub(crate) fn carried(&self) -> [usize; 2] {
        self.plan.lock().unwrap().carried
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Resolves when the connection of this number is to carry nothing any more.
async fn freezing(ice: &mut watch::Receiver<usize>, number: usize) {
    if ice.wait_for(|frozen| *frozen >= number).await.is_err() {
        // The test is over.
        std::future::pending::<()>().await;
    }
}

async fn dial(target: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(WINDOW)?;
    socket.connect(target.parse().map_err(std::io::Error::other)?).await
}

async fn carry(phone: &mut TcpStream, relay: &mut TcpStream, cut: Option<Cut>, plan: Arc<Mutex<Plan>>) {
    plan.lock().unwrap().carried = [0, 0];
    let mut carried = [0_usize, 0];
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    loop {
        if cut.is_some_and(|cut| carried[cut.way as usize] >= cut.after) {
            break;
        }
        let (way, bytes, to) = tokio::select! {
            read = phone.read(&mut up) => (Way::Up, read.map(|count| &up[..count]), &mut *relay),
            read = relay.read(&mut down) => (Way::Down, read.map(|count| &down[..count]), &mut *phone),
        };
        let Ok(bytes) = bytes else { break };
        if bytes.is_empty() {
            break;
        }
        let room = cut.filter(|cut| cut.way == way).map(|cut| cut.after - carried[way as usize]);
        let part = &bytes[..bytes.len().min(room.unwrap_or(usize::MAX))];
        if to.write_all(part).await.is_err() {
            break;
        }
        let rate = plan.lock().unwrap().rate.filter(|_| way == Way::Down);
        if let Some(rate) = rate {
            let bytes = u32::try_from(part.len()).unwrap();
            let time = Duration::from_secs_f64(f64::from(bytes) / f64::from(rate));
            tokio::time::sleep(time).await; // tidy: poll
        }
        carried[way as usize] += part.len();
        plan.lock().unwrap().carried = carried;
    }
    if cut.is_some_and(|cut| !cut.polite) {
        // Without lingering, the end of the socket is a reset.
        let _ = (phone.set_zero_linger(), relay.set_zero_linger());
    }
}

#[tokio::test]
async fn not_a_byte_more_goes_through() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::before(&listener.local_addr().unwrap().to_string()).await;
    for (after, polite) in [(0, true), (1, true), (3, true), (3, false)] {
        proxy.cut_next(Cut { way: Way::Up, after, polite });
        let mut phone = TcpStream::connect(proxy.address).await.unwrap();
        let (mut relay, _) = listener.accept().await.unwrap();
        phone.write_all(b"12345").await.unwrap();
        let mut got = Vec::new();
        let end = relay.read_to_end(&mut got).await;
        assert_eq!((got.as_slice(), end.is_ok()), (&b"12345"[..after], polite), "{after} {polite}");
    }
}
