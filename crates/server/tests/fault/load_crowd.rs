use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use trunkline_testkit::{eventually, patience, trial};

use crate::{handset::Handset, house::House};

/// Sockets that one source may hold, as it is by default.
const A_SOURCE: usize = 256;

/// Opens sockets from as many loopback addresses as it takes, without a session, in groups; each source also tries for more
/// than it may have. Gives the sockets, and how many were refused.
async fn crowd(address: &str, size: usize) -> (Vec<TcpStream>, usize) {
    let (mut open, mut refused) = (Vec::with_capacity(size), 0);
    let sources = size.div_ceil(A_SOURCE);
    for source in 0..sources {
        let here = [127, 0, 1 + u8::try_from(source / 200).unwrap(), 1 + u8::try_from(source % 200).unwrap()];
        for _ in 0..A_SOURCE + 3 {
            match upgraded(address, here).await {
                Some(socket) => open.push(socket),
                None => refused += 1,
            }
        }
    }
    (open, refused)
}

/// A WebSocket from this address; `None` when it is refused with 429.
async fn upgraded(address: &str, source: [u8; 4]) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((source, 0).into()).unwrap();
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let request = format!(
        "GET /GaslampService/ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-GC-DeviceToken: d\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    let read = tokio::time::timeout(patience(), stream.read_exact(&mut status));
    read.await.expect("the relay answers").unwrap();
    match &status {
        b"HTTP/1.1 101" => Some(stream),
        b"HTTP/1.1 429" => None,
        other => panic!("{:?}", String::from_utf8_lossy(other)),
    }
}

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

fn resident(pid: u32) -> u64 {
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn talk(one: &mut Handset, other: &mut Handset, what: &str) {
    let begun = Instant::now();
    one.send(&other.address, what).await.unwrap();
    while !other.diary.incoming().any(|entry| entry.id == what) {
        other.hear().await.unwrap();
    }
    assert!(begun.elapsed() < patience(), "{what} took {:?}", begun.elapsed());
}

/// Thousands of sockets of another process: each source has its limit, phones that talk do not notice, and when the crowd
/// goes, everything that it cost comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_sockets_comes_and_goes_and_leaves_nothing() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    talk(&mut alice, &mut bob, "before").await;
    let pid = house.relay.pid().unwrap();
    let address = house.relay.listeners().http.clone().unwrap();
    // Once for the allocator and the tables, so that what stays is told from what leaks.
    drop(crowd(&address, A_SOURCE).await);
    sockets_are(&house, 2).await;
    let (files, memory) = (open_files(pid), resident(pid));

    let size = trial(2_048, 10_240);
    let (open, refused) = crowd(&address, size).await;
    assert_eq!((open.len(), refused), (size, size / A_SOURCE * 3));
    talk(&mut alice, &mut bob, "in the crowd").await;
    let each = resident(pid).saturating_sub(memory) / u64::try_from(size).unwrap();
    eprintln!("{size} sockets without a session: {each} bytes each");
    assert!(each < 32 * 1024, "{each} bytes for a socket without a session");
    drop(open);
    sockets_are(&house, 2).await;
    talk(&mut alice, &mut bob, "after").await;
    eventually("the files are closed", async || {
        let now = open_files(pid);
        if now <= files + 8 { Ok(()) } else { Err(now) }
    })
    .await
    .unwrap();
    let grown = resident(pid).saturating_sub(memory);
    assert!(grown < 48 << 20, "{} MiB stay", grown >> 20);
    house.check_log();
}

async fn sockets_are(house: &House, count: usize) {
    crate::reckoning::sockets(house, count).await;
}

/// No file descriptor is left: the relay waits for one without a word too many and without spinning, and those who are in
/// talk on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_out_of_file_descriptors_neither_kills_nor_spins() {
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    talk(&mut alice, &mut bob, "before").await;
    let pid = house.relay.pid().unwrap();
    let process = Pid::from_raw(i32::try_from(pid).unwrap());
    let most = u64::try_from(open_files(pid) + 20).unwrap();
    let usual = getrlimit(Resource::Nofile);
    let limit = prlimit(process, Resource::Nofile, Rlimit { current: Some(most), ..usual }).unwrap();

    let address = house.relay.listeners().http.clone().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..60 {
        waiting.push(TcpStream::connect(&address).await.unwrap());
    }
    let told = "cannot accept connections";
    eventually("the log tells of it", async || {
        house.relay.log().contains(told).then_some(()).ok_or("not yet")
    })
    .await
    .unwrap();
    let busy = processor(pid);
    for n in 0..20 {
        talk(&mut alice, &mut bob, &format!("without files {n}")).await;
        tokio::time::sleep(Duration::from_millis(50)).await; // tidy: poll
    }
    let lines = house.relay.log().lines().filter(|line| line.contains(told)).count();
    assert!(lines <= 4, "{lines} lines");
    let busy = processor(pid) - busy;
    assert!(busy < Duration::from_millis(700), "{busy:?} of processor time in a second of waiting");

    prlimit(process, Resource::Nofile, limit).unwrap();
    house.account("carol").await;
    let mut carol = house.handset("carol", 1).await;
    carol.open(true).await.unwrap();
    drop(waiting);
    talk(&mut alice, &mut carol, "after").await;
}

fn processor(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    Duration::from_millis((fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10)
}
