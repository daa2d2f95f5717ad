use std::{
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use trunkline_wire::{
    ApiError, ErrorCode,
    phone::{self, ServerFrame},
};

use super::{
    CUT, End, Link, State,
    form::Probe,
    inbox, polls, refused,
    requests::Origin,
    room,
    way::{Carried, Way},
};
use crate::{Event, Received, RequestError, Session, StopReason};

/// How long a write may take before the connection counts as dead.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// After a sleep of this length the connection is taken for dead: to find out would take longer than to open another.
const SLEPT: Duration = Duration::from_secs(15);

/// An open connection, with or without a session on it.
pub(super) struct Wire {
    way: Way,
    /// Finds out whether a WebSocket would work again.
    probe: Probe,
    /// A frame came over it.
    spoke: bool,
    signed_in: Option<Instant>,
    heard: Instant,
    pinged: Instant,
    /// The last tick, by the process's clock and by the wall's.
    ticked: (Instant, SystemTime),
    /// Why the session ended, if the relay said so before it closes.
    farewell: Option<String>,
}

impl Wire {
    pub(super) fn new(way: Way, probe: Probe) -> Self {
        let now = Instant::now();
        Self {
            way,
            probe,
            spoke: false,
            signed_in: None,
            heard: now,
            pinged: now,
            ticked: (now, SystemTime::now()),
            farewell: None,
        }
    }

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
        if let End::Lost { reason, .. } = &end
            && wire.way.is_socket()
            && !wire.spoke
        {
            self.form.broke(reason);
        }
        match end {
            End::Stop(reason) => {
                wire.way.goodbye().await;
                End::Stop(reason)
            }
            End::Cut => {
                wire.way.cut();
                End::Lost { reason: CUT.to_owned(), stood }
            }
            End::Lost { reason, .. } => End::Lost { reason, stood },
            End::Switch => End::Switch,
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
            let sequence = self.shared.last_sequence.load(Ordering::Relaxed);
            wire.way.handed(polls::Handed { sequence, waits: self.inbox.waits() });
            let result = tokio::select! {
                carried = wire.way.next(), if self.inbox.has_room() => self.carried(wire, carried),
                () = wire.probe.works(), if wire.signed_in.is_some() && self.requests.are_idle() => Err(End::Switch),
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
                wire.way.write(frame).await?;
                any = true;
            }
            if any { wire.way.flush().await } else { Ok(()) }
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
        if wire.way.is_socket() && wire.heard.elapsed() > self.profile.ping_every * 3 / 2 {
            return Err(End::lost("the relay has gone silent"));
        }
        if wire.pinged.elapsed() >= self.profile.ping_every {
            wire.pinged = Instant::now();
            return in_time(wire.way.ping()).await;
        }
        Ok(())
    }

    fn carried(&mut self, wire: &mut Wire, carried: Carried) -> Result<(), End> {
        wire.heard = Instant::now();
        match carried {
            Carried::Text(text) => {
                if wire.way.is_socket() {
                    self.form.works();
                }
                wire.spoke = true;
                self.text(wire, &text)
            }
            Carried::Life => Ok(()),
            Carried::Closed(frame) => Err(closed(frame, wire.farewell.take())),
            Carried::Lost(reason) => Err(End::lost(reason)),
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
                self.handed(inbox::Handed { sequence, ack: None });
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
        self.tell_form();
        Ok(())
    }
}

async fn in_time(work: impl Future<Output = Result<(), String>>) -> Result<(), End> {
    match timeout(WRITE_LIMIT, work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(reason)) => Err(End::lost(reason)),
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
