//! What carries a phone's frames: a WebSocket, or requests and polls over HTTP.

use std::{cell::Cell, collections::VecDeque, time::Duration};

use secrecy::ExposeSecret;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};
use trunkline_client::{Handshake, Incoming, RawSocket, Server};

use crate::plain::{Answer, exchange, post};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Socket,
    Polls,
}

thread_local! {
    static FORM: Cell<Form> = const { Cell::new(Form::Socket) };
}

/// Runs a test whose devices all use this form.
pub(crate) fn run_by(form: Form, test: fn()) {
    FORM.set(form);
    test();
}

/// An open channel.
pub(crate) enum Channel {
    Socket(Box<RawSocket>),
    Polls(Polls),
}

/// A phone that POSTs, and polls whenever something is awaited.
pub(crate) struct Polls {
    address: String,
    headers: String,
    /// `Set-Cookie` of the last answer that had one.
    set_cookie: Option<String>,
    session: Option<String>,
    /// The last sequence that was received.
    pub(crate) last: i64,
    inbox: VecDeque<String>,
}

impl Channel {
    /// In the form that the test runs by.
    pub(crate) async fn open(server: &Server, handshake: &Handshake) -> Self {
        Self::open_by(FORM.get(), server, handshake).await
    }

    pub(crate) async fn open_by(form: Form, server: &Server, handshake: &Handshake) -> Self {
        match form {
            Form::Socket => Self::Socket(Box::new(RawSocket::connect(server, handshake).await.unwrap())),
            Form::Polls => Self::Polls(Polls::new(server.authority(), handshake)),
        }
    }

    /// A header of the answer that opened it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self {
            Self::Socket(socket) => socket.header(name),
            Self::Polls(polls) => polls.set_cookie.as_deref().filter(|_| name == "set-cookie"),
        }
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) -> std::io::Result<()> {
        match self {
            Self::Socket(socket) => socket.send(text).await,
            Self::Polls(polls) => {
                polls.send(&text.into()).await;
                Ok(())
            }
        }
    }

    pub(crate) async fn next_text(&mut self, limit: Duration) -> Result<String, Option<Incoming>> {
        match self {
            Self::Socket(socket) => socket.next_text(limit).await,
            Self::Polls(polls) => match polls.next(limit).await {
                Some(Incoming::Text(text)) => Ok(text),
                other => Err(other),
            },
        }
    }

    pub(crate) async fn next(&mut self, limit: Duration) -> Option<Incoming> {
        match self {
            Self::Socket(socket) => socket.next(limit).await,
            Self::Polls(polls) => polls.next(limit).await,
        }
    }

    /// Ends it as a dead network does.
    pub(crate) fn cut(self) {
        if let Self::Socket(socket) = self {
            socket.cut();
        }
    }

    /// Ends it politely.
    pub(crate) async fn close(self, code: u16) {
        if let Self::Socket(socket) = self {
            socket.close(code).await;
        }
    }

    /// For what only a WebSocket can do.
    pub(crate) fn socket(&mut self) -> &mut RawSocket {
        match self {
            Self::Socket(socket) => socket,
            Self::Polls(_) => panic!("this phone has no WebSocket"),
        }
    }
}

impl Polls {
    pub(crate) fn new(address: &str, handshake: &Handshake) -> Self {
        let token = handshake.auth_token.as_ref().map_or("null", |token| token.expose_secret());
        let mut headers = format!(
            "X-User-Agent: {}\r\nx-good-background: {}\r\nx-good-gd-authtoken: {token}\r\n",
            handshake.platform, handshake.background
        );
        for (name, value) in &handshake.extra {
            headers.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(device) = &handshake.device_token {
            headers.push_str(&format!("X-GC-DeviceToken: {device}\r\n"));
        }
        let (address, last) = (address.to_owned(), handshake.sequence);
        Self { address, headers, set_cookie: None, session: None, last, inbox: VecDeque::new() }
    }

    fn headers(&self) -> String {
        let session = self.session.as_ref().map(|id| format!("Cookie: sessionId={id}\r\n"));
        format!("{}{}", self.headers, session.unwrap_or_default())
    }

    /// POSTs; the answers are the next to be read.
    pub(crate) async fn send(&mut self, text: &str) -> Answer {
        let answer = post(&self.address, "/GaslampService", &self.headers(), text).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if let Some(cookie) = answer.headers.iter().find(|(_, value)| value.starts_with("sessionId=")) {
            self.session = cookie.1.split(['=', ';']).nth(1).map(str::to_owned);
            self.set_cookie = Some(cookie.1.clone());
        }
        self.inbox.extend(frames(&answer.body));
        answer
    }

    /// One poll; gives how many frames it brought, which are the next to be read.
    pub(crate) async fn poll(&mut self) -> usize {
        let (address, headers, last) = (&self.address, self.headers(), self.last);
        let request = format!(
            "GET /GaslampService/notify HTTP/1.1\r\nHost: {address}\r\nX-Notify: true\r\nsequence: {last}\r\n{headers}\r\n"
        );
        let answer = exchange(address, request.as_bytes()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let frames = frames(&answer.body);
        for frame in &frames {
            let json: serde_json::Value = serde_json::from_str(frame).unwrap();
            if let Some(sequence) = json["sequence"].as_i64() {
                assert!(sequence > self.last, "after {}: {frame}", self.last);
                self.last = sequence;
            }
        }
        self.inbox.extend(frames.iter().cloned());
        frames.len()
    }

    /// Everything that came and was not read.
    pub(crate) fn take_all(&mut self) -> Vec<String> {
        self.inbox.drain(..).collect()
    }

    async fn next(&mut self, limit: Duration) -> Option<Incoming> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(text) = self.inbox.pop_front() {
                let over = text.starts_with(r#"{"id":null,"error":{"code":1017"#);
                return Some(if over { Incoming::Gone } else { Incoming::Text(text) });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            timeout(left, self.poll()).await.ok()?;
        }
    }
}

/// The frames of a body: one, or an array.
fn frames(body: &str) -> Vec<String> {
    if !body.starts_with('[') {
        return vec![body.to_owned()];
    }
    let frames: Vec<&RawValue> = serde_json::from_str(body).unwrap();
    frames.into_iter().map(|frame| frame.get().to_owned()).collect()
}
