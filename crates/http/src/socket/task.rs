use std::{
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, SinkExt, Stream, StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        protocol::{
            CloseFrame,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};
use tracing::{Instrument, debug, info_span};
use trunkline_core::{Connection, Outgoing};

use super::{Membership, Transport, pace::Pace};
use crate::phone::LogId;

/// Nothing from the phone for so long: it is gone, even if TCP does not know yet.
const SILENCE: Duration = Duration::from_secs(90);
/// For the phone's answer to a close.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// For the rest of a frame and the good-bye, on their way to a phone that takes too little.
const LAGGING_LIMIT: Duration = Duration::from_secs(30);
/// Written at a time, to see how much of it the phone takes.
const PIECE: usize = 16 * 1024;
/// The close code of a phone that takes too little of what waits for it.
const LAGGING: u16 = 4010;
/// Frames that are ready together share a write up to about this size.
const WRITE_TOGETHER: usize = 32 * 1024;

/// A WebSocket in its own task. Kept small: there is one for every phone, and most of them do nothing.
pub(super) struct Socket {
    id: LogId,
    stream: WebSocketStream<Transport>,
    connection: Arc<Connection>,
    membership: Membership,
    heard: Instant,
    pace: Pace,
}

/// How a conversation ended.
pub(super) enum End {
    /// We close it.
    Close(u16, &'static str),
    /// We close it because what came cannot be read on; the rest of it is thrown away.
    Broken(u16, &'static str),
    /// The phone closed it, with this code.
    Closed(u16),
    /// The phone takes too little of what waits for it; this is left of what was being written.
    Lagging(Bytes),
    /// The connection is lost.
    Lost,
}

const RESTART: End = End::Close(1001, "the server restarts");

impl Socket {
    pub(super) fn new(
        id: LogId,
        stream: WebSocketStream<Transport>,
        connection: Connection,
        membership: Membership,
    ) -> Self {
        let now = Instant::now();
        Self { id, stream, connection: Arc::new(connection), membership, heard: now, pace: Pace::new(now) }
    }

    /// Ends the socket; the core learns of it first.
    pub(super) async fn part(self, end: End) {
        let Self { id, mut stream, connection, membership, .. } = self;
        drop(connection);
        let code = match end {
            End::Close(code, _) | End::Broken(code, _) | End::Closed(code) => code,
            End::Lagging(_) => LAGGING,
            End::Lost => CloseCode::Abnormal.into(),
        };
        membership.sockets.metrics.socket_closed(code);
        debug!(socket = %id, code, "socket closed");
        let leave = &membership.sockets.leave;
        match end {
            End::Lagging(rest) => {
                // A server that stops does not wait for the slowest.
                leave.run_until_cancelled(catch_up(&mut stream, rest)).await;
            }
            end => finish(&mut stream, end).await,
        }
        let _ = timeout(CLOSE_LIMIT, stream.get_mut().shutdown()).await;
        drop(membership);
    }

    /// Carries frames both ways until either side is done.
    pub(super) async fn converse(&mut self) -> End {
        let leave = self.membership.sockets.leave.clone();
        let mut leave = pin!(leave.cancelled_owned());
        let mut leaving = false;
        let mut timer = pin!(sleep(SILENCE));
        let mut reading = false;
        // Kept over turns: what it has begun to read of the mailbox is not read again.
        let mut outgoing = pin!(stream::unfold(Arc::clone(&self.connection), async |connection| {
            Some((connection.next().await, connection))
        }));
        // What was read last and is not yet taken: nothing more is read meanwhile, but everything else goes on.
        let mut taking: Option<Taking> = None;
        let end = loop {
            let end = tokio::select! {
                message = self.stream.next(), if reading => {
                    self.heard = Instant::now();
                    // After each, whatever it was, it is asked anew whether the phone may send more.
                    reading = false;
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            taking = Some(self.take(text));
                            None
                        }
                        other => self.note(other),
                    }
                }
                () = taken(&mut taking), if taking.is_some() => {
                    taking = None;
                    None
                }
                () = self.connection.readable(), if !reading && taking.is_none() => {
                    reading = true;
                    self.heard = Instant::now();
                    None
                }
                Some(first) = outgoing.next() => Box::pin(self.tell(first, outgoing.as_mut())).await,
                () = timer.as_mut() => {
                    if leaving {
                        Some(RESTART)
                    } else {
                        // While we do not read, silence is our own doing.
                        let since = if reading { self.heard } else { Instant::now() };
                        timer.as_mut().reset(since + SILENCE);
                        let silent = since.elapsed() >= SILENCE;
                        silent.then_some(End::Close(CloseCode::Away.into(), "nothing heard for 90 s"))
                    }
                }
                () = leave.as_mut() => {
                    let sockets = &self.membership.sockets;
                    timer.as_mut().reset(sockets.moment());
                    leave.set(sockets.leave_now.clone().cancelled_owned());
                    std::mem::replace(&mut leaving, true).then_some(RESTART)
                }
            };
            if let Some(end) = end {
                break end;
            }
        };
        self.connection.gone();
        if let Some(taking) = taking {
            // Its requests are begun, and the session outlives this socket: they are carried out to their end.
            self.membership.sockets.tasks.spawn(taking);
        }
        end
    }

    /// Hands a text frame over. The core logs within the socket's span, which lives no longer than this.
    fn take(&self, text: Utf8Bytes) -> Taking {
        self.connection.heard();
        let span = info_span!("socket", id = %self.id);
        let connection = Arc::clone(&self.connection);
        Box::pin(async move { connection.receive(&text).await }.instrument(span))
    }

    /// Takes note of everything else that can come.
    fn note(&self, message: Option<Result<Message, Error>>) -> Option<End> {
        match message {
            Some(Ok(Message::Close(frame))) => {
                Some(End::Closed(frame.map_or(CloseCode::Status.into(), |frame| frame.code.into())))
            }
            Some(Ok(Message::Pong(payload))) => {
                self.connection.pass_over();
                self.connection.pong(&payload);
                None
            }
            // Pings are answered by the library; binary frames have no meaning.
            Some(Ok(_)) => {
                self.connection.pass_over();
                None
            }
            Some(Err(Error::Capacity(_))) => {
                Some(End::Broken(CloseCode::Size.into(), "the frame is too large"))
            }
            Some(Err(Error::Utf8(_))) => {
                Some(End::Broken(CloseCode::Invalid.into(), "text frames must be UTF-8"))
            }
            Some(Err(Error::Protocol(error))) => {
                use tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
                if error == ResetWithoutClosingHandshake {
                    return Some(End::Lost);
                }
                debug!(socket = %self.id, %error, "the phone breaks the WebSocket protocol");
                Some(End::Broken(CloseCode::Protocol.into(), "not the WebSocket protocol"))
            }
            Some(Err(_)) | None => Some(End::Lost),
        }
    }

    /// Writes what the core has to say now, in one go.
    async fn tell(
        &mut self,
        first: Outgoing,
        mut others: Pin<&mut impl Stream<Item = Outgoing>>,
    ) -> Option<End> {
        let mut bytes = Vec::new();
        let mut end = None;
        let mut next = Some(first);
        while let Some(outgoing) = next.take() {
            match outgoing {
                Outgoing::Text(text) => {
                    encode(Frame::message(Bytes::from(text), OpCode::Data(Data::Text), true), &mut bytes);
                }
                Outgoing::Ping(payload) => encode(Frame::ping(payload), &mut bytes),
                Outgoing::Close(code, reason) => {
                    end = Some(End::Close(code, reason));
                    break;
                }
            }
            if bytes.len() < WRITE_TOGETHER {
                next = others.next().now_or_never().flatten();
            }
        }
        let mut bytes = Bytes::from(bytes);
        while !bytes.is_empty() {
            let (begun, before) = (Instant::now(), bytes.len());
            let limit = self.membership.sockets.settings.get().pace();
            match timeout(self.pace.allows(limit, begun), write_some(&mut self.stream, &mut bytes)).await {
                Ok(Ok(())) => self.pace.took(limit, before - bytes.len(), begun, Instant::now()),
                Ok(Err(_)) => return Some(End::Lost),
                Err(_) => {
                    self.connection.lagging();
                    return Some(End::Lagging(bytes));
                }
            }
        }
        self.connection.wrote();
        end
    }
}

/// Writes a piece past the library's write buffer, once that is empty. Dropped midway, it leaves in `bytes` what is yet
/// to be written.
async fn write_some(stream: &mut WebSocketStream<Transport>, bytes: &mut Bytes) -> Result<(), Error> {
    stream.flush().await?;
    let transport = stream.get_mut();
    let count = transport.write(&bytes[..bytes.len().min(PIECE)]).await?;
    bytes.advance(count);
    transport.flush().await?;
    Ok(())
}

/// A frame on its way into the core.
type Taking = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn taken(taking: &mut Option<Taking>) {
    if let Some(taking) = taking {
        taking.await;
    }
}

/// Says good-bye as far as the end allows.
async fn finish(stream: &mut WebSocketStream<Transport>, end: End) {
    let farewell = async {
        match end {
            End::Lost | End::Lagging(_) => return Ok(()),
            End::Closed(_) => {}
            End::Close(code, reason) => stream.close(Some(frame(code, reason))).await?,
            End::Broken(code, reason) => return discard(stream, frame(code, reason)).await,
        }
        while let Some(Ok(_)) = stream.next().await {}
        Ok::<(), Error>(())
    };
    // Who does not answer is left alone.
    let _ = timeout(CLOSE_LIMIT, farewell).await;
}

/// Says good-bye to a phone that takes too little, behind what is left of the frame that it is at.
async fn catch_up(stream: &mut WebSocketStream<Transport>, mut rest: Bytes) {
    let farewell = async {
        while !rest.is_empty() {
            write_some(stream, &mut rest).await?;
        }
        stream.close(Some(frame(LAGGING, "lagging"))).await?;
        while let Some(Ok(_)) = stream.next().await {}
        Ok::<(), Error>(())
    };
    let _ = timeout(LAGGING_LIMIT, farewell).await;
}

/// Unread bytes at the end would reset the connection and take our close with them.
async fn discard(stream: &mut WebSocketStream<Transport>, frame: CloseFrame) -> Result<(), Error> {
    stream.close(Some(frame)).await?;
    let transport = stream.get_mut();
    transport.shutdown().await?;
    let mut waste = vec![0; 4096];
    while transport.read(&mut waste).await? > 0 {}
    Ok(())
}

fn frame(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame { code: code.into(), reason: reason.into() }
}

fn encode(frame: Frame, bytes: &mut Vec<u8>) {
    bytes.reserve(frame.len());
    // Writing to memory does not fail.
    let _ = frame.format(bytes);
}
