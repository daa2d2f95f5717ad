use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use trunkline_model::{Address, Availability, Timestamp};
use trunkline_wire::activation::ActivationRequest;

use crate::{
    ActivateError, Activated, AuthenticationError, Profile, Received, RequestError, Roster, Server, Session,
    StopReason,
    activate::activate,
    authentication::needs_password,
    link::{Command, Control, Link, Shared, State},
};

/// Requests that wait to be taken up; beyond that callers wait.
const MAX_COMMANDS: usize = 64;

/// Events that a receiver may leave lying before more pile up inside.
const MAX_EVENTS: usize = 64;

/// A handle on a phone that stays connected; cheap to clone. The phone closes when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Phone {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    commands: mpsc::Sender<Command>,
    control: watch::Sender<Control>,
    shared: Arc<Shared>,
    events: Mutex<Option<mpsc::Receiver<Received>>>,
    request_limit: Duration,
    send_limit: Duration,
}

/// A message that the relay has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The message's id, as sent.
    pub message_id: String,
    /// When the relay took it.
    pub timestamp: Timestamp,
    /// The conversation.
    pub chat_id: String,
    /// True when the relay had it from an earlier attempt.
    pub dup: bool,
}

impl Phone {
    /// Turns an address and an access key into a token.
    pub async fn activate(server: &Server, request: &ActivationRequest) -> Result<Activated, ActivateError> {
        activate(server, request).await
    }

    /// Whether BeginSession needs the person's password on the IM system.
    pub async fn needs_password(profile: &Profile) -> Result<bool, AuthenticationError> {
        needs_password(profile).await
    }

    /// Starts a phone on the present runtime; it connects, and reconnects, by itself.
    pub fn connect(profile: Profile) -> Self {
        let (commands, command_receiver) = mpsc::channel(MAX_COMMANDS);
        let (control, control_receiver) = watch::channel(Control::default());
        let (event_sender, events) = mpsc::channel(MAX_EVENTS);
        let state = watch::Sender::new(State::Connecting);
        let shared = Arc::new(Shared { last_sequence: AtomicI64::new(-1), state });
        let (request_limit, send_limit) = (profile.request_limit, profile.send_limit);
        let link = Link::new(profile, command_receiver, control_receiver, event_sender, shared.clone());
        tokio::spawn(link.run());
        let events = Mutex::new(Some(events));
        Self { inner: Arc::new(Inner { commands, control, shared, events, request_limit, send_limit }) }
    }

    /// The events, once; `None` the second time. They must be read (or the receiver dropped): when about a thousand
    /// wait, the socket is no longer read and answers do not come either.
    pub fn events(&self) -> Option<mpsc::Receiver<Received>> {
        self.inner.events.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until the session stands.
    pub async fn ready(&self, limit: Duration) -> Result<Session, RequestError> {
        let mut state = self.inner.shared.state.subscribe();
        let settled = async {
            match state.wait_for(|state| *state != State::Connecting).await.as_deref() {
                Ok(State::Connected(session)) => Ok(session.clone()),
                Ok(State::Stopped(reason)) => Err(RequestError::Stopped(reason.clone())),
                Ok(State::Connecting) | Err(_) => Err(RequestError::Stopped(StopReason::Closed)),
            }
        };
        timeout(limit, settled).await.unwrap_or(Err(RequestError::TimedOut(limit)))
    }

    /// True while the session stands on an open socket.
    pub fn is_connected(&self) -> bool {
        matches!(*self.inner.shared.state.borrow(), State::Connected(_))
    }

    /// Sends a message under a fresh id. Resolves once, whatever becomes of the connection in between: a repeat
    /// goes under the same id, and the relay knows it.
    pub async fn send(&self, contact: &Address, text: &str) -> Result<Sent, RequestError> {
        self.send_as(&format!("m-{}", uuid::Uuid::now_v7()), contact, text).await
    }

    /// Sends a message under this id: again after [`RequestError::TimedOut`] it is not doubled.
    pub async fn send_as(
        &self,
        message_id: &str,
        contact: &Address,
        text: &str,
    ) -> Result<Sent, RequestError> {
        let params = json!({"contactId": contact, "message": text, "messageId": message_id});
        let data = self.call("SendMessage", params, true, self.inner.send_limit).await?;
        let timestamp =
            data.get("timestamp").and_then(Value::as_i64).ok_or(RequestError::Answer("a timestamp"))?;
        let chat_id = data.get("chatId").and_then(Value::as_str).ok_or(RequestError::Answer("a chatId"))?;
        Ok(Sent {
            message_id: message_id.to_owned(),
            timestamp: Timestamp::from_millis(timestamp),
            chat_id: chat_id.to_owned(),
            dup: data.get("dup").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Any method; gives `result.data` of the last phase. It is not repeated when the connection breaks.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, RequestError> {
        self.call(method, params, false, self.inner.request_limit).await
    }

    /// Acknowledges a message, and thereby all before it.
    pub async fn ack(&self, message_id: &str, contact: &Address) -> Result<(), RequestError> {
        let params = json!({"messageId": message_id, "contactId": contact, "status": "delivered"});
        self.done("MessageAck", params).await
    }

    /// Tells the person that one types, or has stopped.
    pub async fn typing(&self, contact: &Address, composing: bool) -> Result<(), RequestError> {
        let method = if composing { "StartTyping" } else { "StopTyping" };
        self.done(method, json!({"contactId": contact, "chatId": ""})).await
    }

    /// Accepts an invitation.
    pub async fn accept(&self, request_id: &str) -> Result<(), RequestError> {
        self.done("AcceptChat", json!({"requestId": request_id})).await
    }

    /// Declines an invitation.
    pub async fn decline(&self, request_id: &str) -> Result<(), RequestError> {
        self.done("DeclineChat", json!({"requestId": request_id})).await
    }

    /// Ends the conversation with a person.
    pub async fn end_chat(&self, contact: &Address) -> Result<(), RequestError> {
        self.done("EndChat", json!({"contactId": contact})).await
    }

    /// The contacts, in as many requests as it takes.
    pub async fn roster(&self) -> Result<Roster, RequestError> {
        let mut roster = Roster::default();
        let mut params = json!({});
        loop {
            let data = self.request("GetContactList", params).await?;
            let Roster { contacts, groups } = Roster::read(&data);
            roster.contacts.extend(contacts);
            roster.groups = groups;
            match data.get("next").and_then(Value::as_str) {
                Some(next) => params = json!({ "after": next }),
                None => return Ok(roster),
            }
        }
    }

    /// Finds people whose name, e-mail address or phone has a word that begins so.
    pub async fn search(&self, term: &str) -> Result<Roster, RequestError> {
        let params = json!({"keySearch": term, "typeSearch": "all"});
        Ok(Roster::read(&self.request("SearchDirectory", params).await?))
    }

    /// Chooses what others see, with a note if one is given.
    pub async fn set_presence(&self, choice: Availability, note: Option<&str>) -> Result<(), RequestError> {
        let mut params = json!({"presence": choice.name()});
        if let Some(note) = note {
            params["personalMessage"] = note.into();
        }
        self.done("SetPresence", params).await
    }

    /// The last `sequence` up to which everything was handed over; -1 before the first.
    pub fn last_sequence(&self) -> i64 {
        self.inner.shared.last_sequence.load(Ordering::Relaxed)
    }

    /// Cuts the TCP connection as a dead network does; the phone reconnects by itself.
    pub fn drop_network(&self) {
        self.inner.control.send_modify(|control| control.cuts += 1);
    }

    /// Takes the network away until it is given back.
    pub fn set_offline(&self, offline: bool) {
        self.inner.control.send_if_modified(|control| {
            let change = control.offline != offline;
            control.offline = offline;
            control.cuts += u64::from(change && offline);
            change
        });
    }

    /// Closes the socket for good and waits for it; the session stays alive on the relay.
    pub async fn close(&self) {
        self.inner.control.send_modify(|control| control.closing = true);
        let mut state = self.inner.shared.state.subscribe();
        // Fails only when the task is gone, which is what is waited for.
        let _ = state.wait_for(|state| matches!(state, State::Stopped(_))).await;
    }

    /// Ends the session on the relay and closes.
    pub async fn sign_out(&self) -> Result<(), RequestError> {
        let ended = self.done("TerminateSession", json!({})).await;
        self.close().await;
        ended
    }

    async fn done(&self, method: &str, params: Value) -> Result<(), RequestError> {
        self.request(method, params).await.map(|_| ())
    }

    async fn call(
        &self,
        method: &str,
        params: Value,
        resend: bool,
        limit: Duration,
    ) -> Result<Value, RequestError> {
        let (reply, answer) = oneshot::channel();
        let command = Command { method: method.to_owned(), params, resend, reply };
        let work = async {
            if self.inner.commands.send(command).await.is_err() {
                return Err(self.stopped());
            }
            answer.await.unwrap_or_else(|_| Err(self.stopped()))
        };
        timeout(limit, work).await.unwrap_or(Err(RequestError::TimedOut(limit)))
    }

    fn stopped(&self) -> RequestError {
        match &*self.inner.shared.state.borrow() {
            State::Stopped(reason) => RequestError::Stopped(reason.clone()),
            State::Connecting | State::Connected(_) => RequestError::Stopped(StopReason::Closed),
        }
    }
}
