use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hyper::{HeaderMap, body::Bytes};
use tokio::{io::AsyncWriteExt, time::timeout};
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use crate::{
    ConnectError, Handshake, Server,
    handshake::{Socket, goodbye, open},
};

/// A WebSocket to a relay that does only what it is told: for tests that misbehave.
#[derive(Debug)]
pub struct RawSocket {
    socket: Socket,
    headers: HeaderMap,
}

/// What came from the relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text frame.
    Text(String),
    /// A binary frame.
    Binary(Vec<u8>),
    /// A ping; it is answered with the next read or write.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// The relay closes, with its code and reason, if it gave some.
    Closed(Option<u16>, String),
    /// The connection is gone, without a close frame.
    Gone,
}

impl RawSocket {
    /// Opens a socket with these headers.
    pub async fn connect(server: &Server, handshake: &Handshake) -> Result<Self, ConnectError> {
        let (socket, headers) = open(server, handshake).await?;
        Ok(Self { socket, headers })
    }

    /// A header of the 101 answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Sends a text frame.
    pub async fn send(&mut self, text: impl Into<String>) -> std::io::Result<()> {
        self.write(Message::text(text.into())).await
    }

    /// Sends a binary frame.
    pub async fn send_binary(&mut self, bytes: Vec<u8>) -> std::io::Result<()> {
        self.write(Message::binary(bytes)).await
    }

    /// Sends a ping.
    pub async fn ping(&mut self, payload: Vec<u8>) -> std::io::Result<()> {
        self.write(Message::Ping(Bytes::from(payload))).await
    }

    /// Writes bytes past the WebSocket layer: half a frame, or rubbish.
    pub async fn send_bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let stream = self.socket.get_mut();
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    /// The next frame; `None` when none came in time.
    pub async fn next(&mut self, limit: Duration) -> Option<Incoming> {
        timeout(limit, self.read()).await.ok()
    }

    /// The next text frame, passing over pings and pongs; the close or the end of the connection counts as an error.
    pub async fn next_text(&mut self, limit: Duration) -> Result<String, Option<Incoming>> {
        let text = async {
            loop {
                match self.read().await {
                    Incoming::Text(text) => return Ok(text),
                    Incoming::Ping(_) | Incoming::Pong(_) => {}
                    other => return Err(Some(other)),
                }
            }
        };
        timeout(limit, text).await.unwrap_or(Err(None))
    }

    /// Closes with this code and waits a little for the relay's part.
    pub async fn close(mut self, code: u16) {
        goodbye(&mut self.socket, code).await;
    }

    /// Ends the connection as a dead network does.
    pub fn cut(self) {
        self.socket.into_inner().cut();
    }

    async fn write(&mut self, message: Message) -> std::io::Result<()> {
        self.socket.send(message).await.map_err(|error| match error {
            WebSocketError::Io(error) => error,
            other => std::io::Error::other(other),
        })
    }

    async fn read(&mut self) -> Incoming {
        loop {
            return match self.socket.next().await {
                Some(Ok(Message::Text(text))) => Incoming::Text(text.as_str().to_owned()),
                Some(Ok(Message::Binary(bytes))) => Incoming::Binary(bytes.to_vec()),
                Some(Ok(Message::Ping(payload))) => Incoming::Ping(payload.to_vec()),
                Some(Ok(Message::Pong(payload))) => Incoming::Pong(payload.to_vec()),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.as_ref().map(|frame| u16::from(frame.code));
                    Incoming::Closed(code, frame.map(|frame| frame.reason.to_string()).unwrap_or_default())
                }
                Some(Ok(Message::Frame(_))) => continue,
                Some(Err(_)) | None => Incoming::Gone,
            };
        }
    }
}
