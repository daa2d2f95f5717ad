use std::{
    io,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    sync::{Semaphore, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    CloseReason, Connection, Decoder, Direction, Event, Limits, Peer, Queued, Schedule, Shared, Verdict,
};
use crate::{fraction, tls::trouble};

/// Read at a time.
const READ_BYTES: usize = 16 * 1024;
/// What keeps a connection alive (RFC 5626 section 4.4.1).
const PING: &[u8] = b"\r\n\r\n";
/// How long what came before a failed write may take to be read.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How often the computer's clock is looked at for the end of a peer's certificate.
const CLOCK: Duration = Duration::from_secs(60);
/// How long a connection that ends may take to say so.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection's task, before it runs.
pub(crate) struct Task<D: Decoder> {
    connection: Connection,
    queue: mpsc::Receiver<Queued>,
    limits: Limits,
    events: mpsc::Sender<Event<D::Item>>,
    schedule: Mutex<Schedule>,
}

impl<D: Decoder> Task<D> {
    pub(crate) fn new(
        id: u64,
        peer: Peer,
        direction: Direction,
        limits: Limits,
        events: mpsc::Sender<Event<D::Item>>,
    ) -> Self {
        let (outgoing, queue) = mpsc::channel(limits.queued.max(1));
        let shared = Shared {
            id,
            peer,
            direction,
            outgoing,
            room: Arc::new(Semaphore::new(limits.queued_bytes as usize)),
            room_bytes: limits.queued_bytes,
            closing: CancellationToken::new(),
            why: OnceLock::new(),
            cut: watch::Sender::new(None),
            closed: watch::Sender::new(None),
        };
        let schedule = Mutex::new(Schedule::new(direction, limits, Instant::now(), fraction()));
        Self { connection: Connection(Arc::new(shared)), queue, limits, events, schedule }
    }

    /// A connection that is neither read nor written, and what gives what was queued on it, piece by piece.
    #[cfg(test)]
    pub(crate) fn idle(id: u64, peer: Peer) -> (Connection, impl FnMut() -> Option<bytes::Bytes>) {
        let (events, _) = mpsc::channel(1);
        let Self { connection, mut queue, .. } =
            Self::new(id, peer, Direction::Outbound, Limits::default(), events);
        (connection, move || queue.try_recv().ok().map(|queued| queued.bytes))
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Lives until the connection ends and all of what came before is taken over; `forget` is called as soon as it has
    /// ended.
    pub(crate) async fn run<Io>(self, io: Io, forget: impl FnOnce(&Connection, &CloseReason))
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { connection, mut queue, limits, events, schedule } = self;
        if events.send(Event::Opened(connection.clone())).await.is_err() {
            connection.close();
        }
        let (mut reader, mut writer) = split(io);
        let said = Said { schedule: &schedule, limits: &limits };
        let reason = {
            let mut reading = pin!(read::<D>(&mut reader, &connection, &schedule, &events));
            let (reason, is_unread) = tokio::select! {
                reason = &mut reading => (reason, false),
                reason = said.write(&mut writer, &mut queue, &connection) => {
                    let is_unread = matches!(reason, CloseReason::There | CloseReason::Broken(_));
                    (reason, is_unread)
                }
                reason = wait_out(&schedule) => (reason, false),
                reason = cut(&connection) => (reason, false),
                () = outlive(connection.peer().until) => (CloseReason::Expired, false),
            };
            connection.close();
            if is_unread {
                // A peer that takes nothing more may have said something before, which counts.
                let _ = timeout(LAST_WORDS, reading).await;
            }
            match reason {
                CloseReason::Here => connection.0.why.get().cloned().unwrap_or(CloseReason::Here),
                other => other,
            }
        };
        connection.0.closed.send_replace(Some(reason.clone()));
        forget(&connection, &reason);
        // The peer may be gone; then there is nobody to tell.
        let _ = timeout(FAREWELL, writer.shutdown()).await;
        drop((reader, writer, queue));
        // Without a receiver everything has ended.
        let _ = events.send(Event::Closed(connection, reason)).await;
    }
}

fn lock(schedule: &Mutex<Schedule>) -> MutexGuard<'_, Schedule> {
    schedule.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads until the connection ends. Who takes the events sets the pace.
async fn read<D: Decoder>(
    reader: &mut (impl AsyncRead + Unpin),
    connection: &Connection,
    schedule: &Mutex<Schedule>,
    events: &mpsc::Sender<Event<D::Item>>,
) -> CloseReason {
    let (mut decoder, mut bytes) = (D::default(), vec![0; READ_BYTES]);
    loop {
        let count = match reader.read(&mut bytes).await {
            Ok(0) => return CloseReason::There,
            Ok(count) => count,
            Err(error) => return broken(&error),
        };
        lock(schedule).heard(Instant::now());
        decoder.push(&bytes[..count]);
        while let Some(item) = decoder.pull() {
            if D::is_sense(&item) {
                lock(schedule).understood();
            }
            if events.send(Event::Received(connection.clone(), item)).await.is_err() {
                return CloseReason::Here;
            }
        }
    }
}

fn broken(error: &io::Error) -> CloseReason {
    match error.kind() {
        // Schannel ends TCP without ending TLS.
        io::ErrorKind::UnexpectedEof => CloseReason::There,
        _ => CloseReason::Broken(trouble(error)),
    }
}

/// Waits until the schedule gives the connection up.
async fn wait_out(schedule: &Mutex<Schedule>) -> CloseReason {
    loop {
        let verdict = lock(schedule).verdict(Instant::now());
        match verdict {
            Verdict::Close(reason) => return reason,
            Verdict::Until(moment) => sleep_until(moment).await,
            Verdict::Always => std::future::pending().await,
        }
    }
}

async fn cut(connection: &Connection) -> CloseReason {
    let mut cut = connection.0.cut.subscribe();
    let reason = cut.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
    reason.unwrap_or(CloseReason::Here)
}

/// Waits until a moment of the computer's clock, which may be set meanwhile.
async fn outlive(until: Option<SystemTime>) {
    let Some(until) = until else { return std::future::pending().await };
    while let Ok(left) = until.duration_since(SystemTime::now())
        && !left.is_zero()
    {
        sleep(left.min(CLOCK)).await;
    }
}

/// The writing side.
struct Said<'s> {
    schedule: &'s Mutex<Schedule>,
    limits: &'s Limits,
}

impl Said<'_> {
    /// Writes what is queued, and a ping when nothing was for long, until the connection is closed here and all is
    /// written, or the peer takes nothing.
    async fn write(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        queue: &mut mpsc::Receiver<Queued>,
        connection: &Connection,
    ) -> CloseReason {
        loop {
            let written = tokio::select! {
                biased;
                queued = queue.recv() => match queued {
                    Some(queued) => self.put(writer, &queued.bytes, queue.is_empty()).await,
                    None => return CloseReason::Here,
                },
                () = connection.0.closing.cancelled(), if !queue.is_closed() => {
                    queue.close();
                    Ok(())
                }
                () = self.ping_time() => self.put(writer, PING, true).await,
            };
            if let Err(reason) = written {
                return reason;
            }
        }
    }

    async fn ping_time(&self) {
        let moment = lock(self.schedule).ping_at();
        match moment {
            Some(moment) => sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }

    async fn put(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        bytes: &[u8],
        flush: bool,
    ) -> Result<(), CloseReason> {
        let writing = async {
            writer.write_all(bytes).await?;
            if flush { writer.flush().await } else { Ok(()) }
        };
        match timeout(self.limits.stall, writing).await {
            Ok(Ok(())) => {
                lock(self.schedule).said(Instant::now(), fraction());
                Ok(())
            }
            Ok(Err(error)) => Err(broken(&error)),
            Err(_) => Err(CloseReason::Stalled),
        }
    }
}
