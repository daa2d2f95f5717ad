use std::time::{Duration, SystemTime};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::{self, Message, protocol::CloseFrame};
use trunkline_wire::{
    ApiError, ErrorCode,
    phone::{self, ServerFrame},
};

use super::{CUT, End, Link, State, inbox::Handed, refused, requests::Origin, room};
use crate::{
    Event, Received, RequestError, Session, StopReason,
    handshake::{Socket, goodbye},
};

/// How long a write may take before the connection counts as dead.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// After a sleep of this length the connection is taken for dead: to find out would take longer than to open another.
const SLEPT: Duration = Duration::from_secs(15);

/// An open socket, with or without a session on it.
pub(super) struct Wire {
    socket: Socket,
    signed_in: Option<Instant>,
    heard: Instant,
    pinged: Instant,
    /// The last tick, by the process's clock and by the wall's.
    ticked: (Instant, SystemTime),
    /// Why the session ended, if the relay said so before it closes.
    farewell: Option<String>,
}

impl Wire {
    pub(super) fn new(socket: Socket) -> Self {
        let now = Instant::now();
        Self {
            socket,
            signed_in: None,
            heard: now,
            pinged: now,
            ticked: (now, SystemTime::now()),
            farewell: None,
        }
    }
}

impl Wire {
    /// Whether the device slept since the last tick: a process's clock stands still meanwhile, the wall's does not.
    fn slept(&mut self) -> bool {
        let now = (Instant::now(), SystemTime::now());
        let before = std::mem::replace(&mut self.ticked, now);
        let passed = now.1.duration_since(before.1).unwrap_or_default();
        passed.saturating_sub(now.0.saturating_duration_since(before.0)) > SLEPT
    }
}

impl Link {
    /// Reads and writes until the connection ends.
    pub(super) async fn pump(&mut self, mut wire: Wire) -> End {
        let end = self.exchange(&mut wire).await;
        let stood = wire.signed_in.map(|since| since.elapsed());
        match end {
            End::Stop(reason) => {
                goodbye(&mut wire.socket, 1000).await;
                End::Stop(reason)
            }
            End::Cut => {
                wire.socket.into_inner().cut();
                End::Lost { reason: CUT.to_owned(), stood }
            }
            End::Lost { reason, .. } => End::Lost { reason, stood },
        }
    }

    async fn exchange(&mut self, wire: &mut Wire) -> End {
        let period = (self.profile.ping_every / 6).clamp(Duration::from_millis(50), Duration::from_secs(5));
        let mut tick = interval(period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Err(end) = self.write(wire).await {
                return end;
            }
            let result = tokio::select! {
                frame = wire.socket.next(), if self.inbox.has_room() => self.frame(wire, frame),
                command = self.commands.recv(), if self.requests.has_room() => match command {
                    Some(command) => {
                        self.requests.push(command);
                        Ok(())
                    }
                    None => Err(End::Stop(StopReason::Closed)),
                },
                () = room(&self.events), if self.inbox.waits() && self.requests.acks_have_room() => {
                    self.hand_over();
                    Ok(())
                }
                _ = self.control.changed() => Err(self.interrupted()),
                _ = tick.tick() => self.tick(wire).await,
            };
            if let Err(end) = result {
                return end;
            }
        }
    }

    /// Writes what may be written.
    async fn write(&mut self, wire: &mut Wire) -> Result<(), End> {
        let work = async {
            let mut any = false;
            while let Some(frame) = self.requests.next(wire.signed_in.is_some()) {
                wire.socket.feed(Message::text(frame)).await?;
                any = true;
            }
            if any { wire.socket.flush().await } else { Ok(()) }
        };
        in_time(work).await
    }

    async fn tick(&mut self, wire: &mut Wire) -> Result<(), End> {
        if self.requests.tidy() {
            return Err(End::lost("the relay did not answer BeginSession"));
        }
        if wire.slept() {
            return Err(End::lost("this device was asleep"));
        }
        if !self.inbox.has_room() {
            // What is not read cannot be heard.
            wire.heard = Instant::now();
        }
        if wire.heard.elapsed() > self.profile.ping_every * 3 / 2 {
            return Err(End::lost("the relay has gone silent"));
        }
        if wire.pinged.elapsed() >= self.profile.ping_every {
            wire.pinged = Instant::now();
            return in_time(wire.socket.send(Message::Ping(Vec::new().into()))).await;
        }
        Ok(())
    }

    fn frame(&mut self, wire: &mut Wire, frame: Option<tungstenite::Result<Message>>) -> Result<(), End> {
        wire.heard = Instant::now();
        match frame {
            Some(Ok(Message::Text(text))) => self.text(wire, &text),
            Some(Ok(Message::Close(frame))) => Err(closed(frame, wire.farewell.take())),
            Some(Ok(_)) => Ok(()),
            Some(Err(error)) => Err(End::lost(format!("the connection broke: {error}"))),
            None => Err(closed(None, wire.farewell.take())),
        }
    }

    fn text(&mut self, wire: &mut Wire, text: &str) -> Result<(), End> {
        match phone::read(text) {
            Ok(ServerFrame::Event { sequence, method, data, .. }) => {
                if method == "SessionTerminated" {
                    wire.farewell = data.get("reason").and_then(Value::as_str).map(str::to_owned);
                }
                let received = Received::read(sequence, method, data);
                if let Event::LineState { state, .. } = &received.event {
                    self.line_changed(state);
                }
                let handed = self.inbox.push(received);
                self.handed(handed);
                Ok(())
            }
            Ok(ServerFrame::Early { id, result, complete, .. }) => {
                if complete || result.is_err() {
                    self.answer(wire, &id, result)
                } else {
                    Ok(())
                }
            }
            Ok(ServerFrame::Late { id, sequence, result }) => {
                let sequence = self.inbox.note(sequence);
                self.handed(Handed { sequence, ack: None });
                self.answer(wire, &id, result)
            }
            Err(error) => {
                tracing::debug!(%error, "a frame is passed over");
                Ok(())
            }
        }
    }

    fn answer(&mut self, wire: &mut Wire, id: &str, result: Result<Value, ApiError>) -> Result<(), End> {
        let Some(request) = self.requests.answered(id) else { return Ok(()) };
        let session_gone = result.as_ref().is_err_and(|error| error.code == ErrorCode::SessionTimeout);
        let signed_out = result.is_ok() && request.method.eq_ignore_ascii_case("TerminateSession");
        match request.origin {
            Origin::Begin { .. } => return self.began(wire, result),
            Origin::Ack { .. } => {}
            Origin::Caller { resend: true, .. } if session_gone => self.requests.again(request),
            Origin::Caller { reply, .. } => {
                // A caller that gave up is not there to be told.
                let _ = reply.send(result.map_err(RequestError::Refused));
            }
        }
        match (session_gone, signed_out) {
            (true, _) => Err(End::lost("the session has ended")),
            (_, true) => Err(End::Stop(StopReason::SignedOut)),
            _ => Ok(()),
        }
    }

    fn began(&mut self, wire: &mut Wire, result: Result<Value, ApiError>) -> Result<(), End> {
        let session = Session::read(&result.map_err(refused)?, self.session.as_deref());
        self.session = Some(session.id.clone());
        self.line_changed(&session.line_state);
        self.told = None;
        wire.signed_in = Some(Instant::now());
        self.shared.state.send_replace(State::Connected(session.clone()));
        self.inbox.push_own(Event::Connected(session));
        Ok(())
    }
}

async fn in_time(work: impl Future<Output = tungstenite::Result<()>>) -> Result<(), End> {
    match timeout(WRITE_LIMIT, work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::lost(format!("the connection broke: {error}"))),
        Err(_) => Err(End::lost("the connection takes no more data")),
    }
}

/// What the relay's close code means for the phone.
fn closed(frame: Option<CloseFrame>, farewell: Option<String>) -> End {
    let code = frame.as_ref().map(|frame| u16::from(frame.code));
    let said = frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty()).or(farewell);
    let because = said.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match (code, said.as_deref()) {
        (Some(4001), _) | (None, Some("replaced")) => End::Stop(StopReason::Replaced),
        (Some(4403), _) | (None, Some("revoked" | "admin")) => End::Stop(StopReason::Revoked),
        (Some(1008), _) => End::Stop(StopReason::SessionRefused(format!("closed with 1008{because}"))),
        (Some(code), _) => End::lost(format!("the relay closed the connection with {code}{because}")),
        (None, _) => End::lost(format!("the connection ended{because}")),
    }
}
