//! A relay that does only what a test tells it, one socket and one frame at a time.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "not every test uses all of it, and a test may fail"
)]

use std::{collections::HashMap, io, time::Duration};

use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};
use trunkline_client::{Backoff, Event, Profile, Received, Server, Trust};

pub const PATIENCE: Duration = Duration::from_secs(10);
pub const CHAT: &str = "0f6a2c1e-93b1-7d40-8a55-3c21b7e9d001";

pub struct FakeRelay {
    listener: TcpListener,
}

pub struct FakeSocket {
    pub headers: HashMap<String, String>,
    socket: WebSocketStream<TcpStream>,
    sequence: i64,
}

/// A request as it came.
pub struct Asked {
    pub id: String,
    pub method: String,
    pub params: Value,
}

impl FakeRelay {
    pub async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub fn server(&self) -> Server {
        Server::new(&format!("http://{}", self.listener.local_addr().unwrap()), &Trust::System).unwrap()
    }

    /// A phone that connects to it and loses no time.
    pub fn profile(&self) -> Profile {
        let mut profile = Profile::new(self.server(), SecretString::from("tl1.token"), "device-1");
        profile.backoff = Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(100) };
        profile
    }

    /// The next socket that a phone opens.
    pub async fn accept(&self) -> FakeSocket {
        let accepted = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let mut headers = HashMap::new();
            #[allow(clippy::result_large_err, reason = "the library's own signature")]
            let note = |request: &Request, response: Response| {
                for (name, value) in request.headers() {
                    headers.insert(name.to_string(), value.to_str().unwrap().to_owned());
                }
                assert_eq!(request.uri().path(), "/GaslampService/ws");
                Ok(response)
            };
            let socket = accept_hdr_async(stream, note).await.unwrap();
            FakeSocket { headers, socket, sequence: 1_757_412_000_000_000 }
        };
        timeout(PATIENCE, accepted).await.expect("no phone came")
    }

    /// The next socket, with the session signed in.
    pub async fn signed_in(&self, session: &str) -> FakeSocket {
        let mut socket = self.accept().await;
        let asked = socket.asked("BeginSession").await;
        socket.take(&asked).await;
        let data = json!({"sessionId": session, "userId": "sip:ana@corp.test", "displayName": "Ana", "lineState": "up"});
        socket.complete(&asked, data).await;
        socket
    }

    /// Turns away whoever comes until told to stop.
    pub async fn refuse_one(&self) {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("no phone came").unwrap();
        stream.set_zero_linger().unwrap();
    }
}

impl FakeSocket {
    /// The next request, whatever it is.
    pub async fn any(&mut self) -> Asked {
        let next = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return text,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("the phone is gone: {other:?}"),
                }
            }
        };
        let text = timeout(PATIENCE, next).await.expect("the phone asks nothing");
        let frame: Value = serde_json::from_str(&text).unwrap();
        let text = |name: &str| frame[name].as_str().unwrap().to_owned();
        Asked { id: text("id"), method: text("method"), params: frame["params"].clone() }
    }

    /// The next request, which must be of this method.
    pub async fn asked(&mut self, method: &str) -> Asked {
        let asked = self.any().await;
        assert_eq!(asked.method, method);
        asked
    }

    /// Phase 1.
    pub async fn take(&mut self, asked: &Asked) {
        let data = json!({"method": asked.method, "state": "PROCESSING"});
        let frame = json!({"id": asked.id, "error": null, "result": {"data": data}, "jsonrpc": "2.0", "background": false});
        self.write(&frame).await.unwrap();
    }

    /// Phase 2.
    pub async fn complete(&mut self, asked: &Asked, mut data: Value) {
        data["method"] = asked.method.as_str().into();
        data["state"] = "COMPLETE".into();
        let frame =
            json!({"id": asked.id, "sequence": self.next(), "result": {"data": data}, "jsonrpc": "2.0"});
        self.write(&frame).await.unwrap();
    }

    /// The only phase of a method that has one.
    pub async fn answer(&mut self, asked: &Asked, mut data: Value) {
        data["method"] = asked.method.as_str().into();
        data["state"] = "COMPLETE".into();
        let frame = json!({"id": asked.id, "error": null, "result": {"data": data}, "jsonrpc": "2.0", "background": false});
        self.write(&frame).await.unwrap();
    }

    /// The next request that is no acknowledgement, which must be of this method.
    pub async fn asked_past_acks(&mut self, method: &str) -> Asked {
        loop {
            let asked = self.any().await;
            if asked.method != "MessageAck" {
                assert_eq!(asked.method, method);
                return asked;
            }
        }
    }

    /// An error in phase 1.
    pub async fn refuse(&mut self, asked: &Asked, code: i64, inner: &str) {
        let error = json!({"code": code, "message": "X", "innerError": inner});
        let frame =
            json!({"id": asked.id, "error": error, "result": null, "jsonrpc": "2.0", "background": false});
        self.write(&frame).await.unwrap();
    }

    /// Answers a SendMessage well.
    pub async fn sent(&mut self, asked: &Asked, dup: bool) {
        self.take(asked).await;
        let id = &asked.params["messageId"];
        self.complete(
            asked,
            json!({"timestamp": 1_757_412_399_000_i64, "chatId": CHAT, "messageId": id, "dup": dup}),
        )
        .await;
    }

    /// A message at this place of the mailbox; gives the sequence it went under.
    pub async fn message(&mut self, seq: i64, text: &str) -> io::Result<i64> {
        let data = json!({"contactId": "sip:bo@corp.test", "displayName": "Bo", "chatId": CHAT, "message": text,
            "messageId": format!("m-{seq}"), "timestamp": 1_757_412_399_000_i64, "mailboxSeq": seq, "epoch": 1,
            "method": "MessageReceived"});
        self.event(data).await
    }

    pub async fn event(&mut self, data: Value) -> io::Result<i64> {
        let sequence = self.next();
        let frame = json!({"id": format!("S{}", sequence % 1_000_000), "sequence": sequence, "error": null,
            "result": {"data": data}, "jsonrpc": "2.0"});
        self.write(&frame).await?;
        Ok(sequence)
    }

    /// Closes as the relay does, and waits for the phone's part.
    pub async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.to_owned().into() };
        self.socket.close(Some(frame)).await.unwrap();
        let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, rest).await.expect("the phone does not close");
    }

    /// Ends as a killed process does.
    pub fn cut(self) {
        self.socket.into_inner().set_zero_linger().unwrap();
    }

    /// Waits until the phone ends the connection; gives its close code.
    pub async fn ended(mut self) -> Option<u16> {
        let end = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| u16::from(frame.code)),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        timeout(PATIENCE, end).await.expect("the phone does not end the connection")
    }

    fn next(&mut self) -> i64 {
        self.sequence += 1;
        self.sequence
    }

    async fn write(&mut self, frame: &Value) -> io::Result<()> {
        self.socket.send(Message::text(frame.to_string())).await.map_err(io::Error::other)
    }
}

/// The next event.
pub async fn next(events: &mut mpsc::Receiver<Received>) -> Received {
    timeout(PATIENCE, events.recv()).await.expect("no event comes").expect("there are no more events")
}

/// The next event, passing over those of connecting.
pub async fn next_from_relay(events: &mut mpsc::Receiver<Received>) -> Received {
    loop {
        let received = next(events).await;
        if !matches!(received.event, Event::Connected(_) | Event::Disconnected { .. }) {
            return received;
        }
    }
}
