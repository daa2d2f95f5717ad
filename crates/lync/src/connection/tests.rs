use std::time::Duration;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
    time::Instant,
};

use trunkline_sip::{Frame, Framer};

use super::{CloseReason, Connection, Decoder, Direction, Event, Limits, Peer, SendError, Task};
use crate::tls::Names;

const SECOND: Duration = Duration::from_secs(1);

/// Lines that end with a newline.
#[derive(Debug, Clone, Default)]
struct Lines(String);

impl Decoder for Lines {
    type Item = String;

    fn push(&mut self, bytes: &[u8]) {
        self.0 += &String::from_utf8_lossy(bytes);
    }

    fn pull(&mut self) -> Option<String> {
        let end = self.0.find('\n')?;
        let line = self.0.drain(..=end).collect::<String>();
        Some(line.trim_end().to_owned())
    }

    fn is_sense(line: &String) -> bool {
        !line.trim().is_empty()
    }
}

struct Bench<D: Decoder = Lines> {
    peer: DuplexStream,
    connection: Connection,
    events: mpsc::Receiver<Event<D::Item>>,
}

impl<D: Decoder> Bench<D> {
    fn of(direction: Direction, limits: Limits, room: usize) -> Self {
        Self::wide(64, direction, limits, room)
    }

    /// Over a link that holds so many bytes each way.
    fn wide(bytes: usize, direction: Direction, limits: Limits, room: usize) -> Self {
        let (peer, here) = duplex(bytes);
        let (sender, events) = mpsc::channel(room);
        let who = Peer {
            name: "fe1.contoso.test".into(),
            names: Names::default(),
            address: ([192, 0, 2, 5], 5061).into(),
            until: None,
        };
        let task = Task::<D>::new(1, who, direction, limits, sender);
        let connection = task.connection().clone();
        tokio::spawn(task.run(here, |_, _| {}));
        Self { peer, connection, events }
    }
}

impl Bench {
    fn new(direction: Direction, limits: Limits, room: usize) -> Self {
        Self::of(direction, limits, room)
    }

    async fn lines(&mut self) -> (Vec<String>, CloseReason) {
        let mut lines = Vec::new();
        assert!(matches!(self.events.recv().await, Some(Event::Opened(opened)) if opened == self.connection));
        loop {
            match self.events.recv().await.expect("a connection ends with an event") {
                Event::Received(_, line) => lines.push(line),
                Event::Closed(_, reason) => return (lines, reason),
                Event::Opened(_) => panic!("it opens once"),
            }
        }
    }

    /// Everything that the peer reads.
    async fn read(&mut self) -> String {
        let mut text = String::new();
        self.peer.read_to_string(&mut text).await.expect("text");
        text
    }
}

/// The moment at which a connection ends, in seconds.
async fn ends_at(bench: &Bench, start: Instant) -> (CloseReason, u64) {
    let reason = bench.connection.closed().await;
    (reason, start.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn an_outbound_connection_says_crlf_crlf_when_it_said_nothing_for_a_while() {
    let (mut bench, start) = (Bench::new(Direction::Outbound, Limits::default(), 4), Instant::now());
    let mut ping = [0; 4];
    for _ in 0..5 {
        let last = Instant::now();
        bench.peer.read_exact(&mut ping).await.unwrap();
        assert_eq!(&ping, b"\r\n\r\n");
        let waited = last.elapsed();
        assert!((60 * SECOND..=120 * SECOND).contains(&waited), "{waited:?}");
    }
    bench.connection.send(Bytes::from_static(b"BYE\n")).await.unwrap();
    bench.peer.read_exact(&mut ping).await.unwrap();
    assert_eq!(&ping, b"BYE\n");
    assert!(start.elapsed() >= 300 * SECOND && bench.connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_front_end_that_says_nothing_is_let_go_after_a_minute() {
    let (mut bench, start) = (Bench::new(Direction::Inbound, Limits::default(), 4), Instant::now());
    bench.peer.write_all(b"\n\n").await.unwrap();
    assert_eq!(ends_at(&bench, start).await, (CloseReason::Silent, 60));
    assert_eq!(bench.connection.send(Bytes::from_static(b"x")).await, Err(SendError::Closed));
}

#[tokio::test(start_paused = true)]
async fn an_idle_inbound_connection_ends_after_a_quarter_of_an_hour_and_is_not_pinged() {
    let (mut bench, start) = (Bench::new(Direction::Inbound, Limits::default(), 4), Instant::now());
    bench.peer.write_all(b"OPTIONS\n").await.unwrap();
    tokio::time::sleep(600 * SECOND).await;
    bench.connection.send(Bytes::from_static(b"OK\n")).await.unwrap();
    assert_eq!(ends_at(&bench, start).await, (CloseReason::Idle, 1_500));
    assert_eq!(bench.read().await, "OK\n");
    assert_eq!(bench.lines().await, (vec!["OPTIONS".to_owned()], CloseReason::Idle));
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_is_written_before_a_connection_closes() {
    let mut bench = Bench::new(Direction::Outbound, Limits::default(), 4);
    for n in 0..50 {
        bench.connection.send(Bytes::from(format!("line {n}\n"))).await.unwrap();
    }
    bench.connection.close();
    assert_eq!(bench.connection.try_send(Bytes::from_static(b"late")), Err(SendError::Closed));
    let written = bench.read().await;
    assert_eq!(written.lines().count(), 50);
    assert_eq!(bench.lines().await.1, CloseReason::Here);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up_and_its_queue_is_bounded() {
    let limits = Limits { queued: 100, queued_bytes: 1_000, ..Limits::default() };
    let bench = Bench::new(Direction::Outbound, limits, 4);
    let start = Instant::now();
    assert_eq!(bench.connection.try_send(Bytes::from(vec![b'x'; 1_001])), Err(SendError::TooLarge));
    let message = || Bytes::from(vec![b'x'; 300]);
    let taken = (0..100).take_while(|_| bench.connection.try_send(message()).is_ok()).count();
    assert_eq!(taken, 3, "its bytes count, not only its messages");
    assert_eq!(bench.connection.try_send(message()), Err(SendError::Full));
    let waiting = bench.connection.send(message());
    let (waited, ended) = tokio::join!(waiting, ends_at(&bench, start));
    assert_eq!((waited, ended), (Err(SendError::Closed), (CloseReason::Stalled, 30)));
}

#[tokio::test(start_paused = true)]
async fn requests_leave_room_for_answers_and_an_answer_that_finds_none_ends_the_connection() {
    for (queued, queued_bytes) in [(8, 1_000_000), (1_000, 80)] {
        let limits = Limits { queued, queued_bytes, ..Limits::default() };
        let bench = Bench::new(Direction::Outbound, limits, 4);
        let message = || Bytes::from_static(b"123456789\n");
        let asked = (0..100).take_while(|_| bench.connection.try_ask(message()).is_ok()).count();
        assert_eq!((asked, bench.connection.try_ask(message())), (6, Err(SendError::Full)));
        for _ in 0..2 {
            bench.connection.say(message());
            assert!(bench.connection.is_open(), "what is left is for answers");
        }
        bench.connection.say(message());
        assert!(!bench.connection.is_open(), "the peer has to know that it missed an answer");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_more_is_read_while_events_are_not_taken() {
    let mut bench = Bench::new(Direction::Outbound, Limits::default(), 2);
    let (mut peer, text) = (bench.peer, "INVITE\n".repeat(1_000));
    let written = async {
        let mut count = 0;
        let pause = tokio::time::timeout(SECOND, async {
            for line in text.split_inclusive('\n') {
                peer.write_all(line.as_bytes()).await?;
                count += 1;
            }
            Ok::<_, std::io::Error>(())
        });
        (pause.await.is_err(), count)
    };
    let (blocked, count) = written.await;
    assert!(blocked && count < 40, "{count}");
    bench.peer = peer;
    bench.peer.shutdown().await.unwrap();
    let (lines, reason) = bench.lines().await;
    assert_eq!((lines.len() >= count, reason), (true, CloseReason::There));
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_failed_write_is_taken() {
    let mut bench = Bench::<Lines>::wide(4_096, Direction::Outbound, Limits::default(), 1);
    for n in 0..20 {
        bench.peer.write_all(format!("MESSAGE {n}\n").as_bytes()).await.unwrap();
    }
    let (gone, _) = duplex(1);
    drop(std::mem::replace(&mut bench.peer, gone));
    bench.connection.try_send(Bytes::from_static(b"INFO\n")).unwrap();
    let (lines, reason) = bench.lines().await;
    assert_eq!(lines.len(), 20, "{reason}");
    assert!(!bench.connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_nobody_takes_its_events() {
    let Bench { mut peer, connection, events } = Bench::new(Direction::Outbound, Limits::default(), 4);
    drop(events);
    let _ = peer.write_all(b"INVITE\n").await;
    assert_eq!(connection.closed().await, CloseReason::Here);
}

#[tokio::test(start_paused = true)]
async fn sip_is_cut_into_messages_and_pings_and_what_is_neither_ends_nothing_by_itself() {
    let mut bench = Bench::<Framer>::of(Direction::Inbound, Limits::default(), 8);
    let options = "OPTIONS sip:relay.contoso.test SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.5\r\nFrom: <sip:fe1.contoso.test>;tag=1\r\n\
        To: <sip:relay.contoso.test>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    for part in [&options[..40], &options[40..], "\r\n\r\n", "rubbish\r\n\r\n"] {
        bench.peer.write_all(part.as_bytes()).await.unwrap();
    }
    assert!(matches!(bench.events.recv().await, Some(Event::Opened(_))));
    assert!(matches!(bench.events.recv().await, Some(Event::Received(_, Frame::Message(_)))));
    assert!(matches!(bench.events.recv().await, Some(Event::Received(_, Frame::Ping))));
    assert!(
        matches!(bench.events.recv().await, Some(Event::Received(_, Frame::Refused(refused))) if refused.close)
    );
    assert!(bench.connection.is_open());
}
