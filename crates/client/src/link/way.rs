use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes, protocol::CloseFrame};

use super::polls::{Handed, Polls};
use crate::handshake::{Socket, goodbye};

/// How frames get to the relay and back.
pub(super) enum Way {
    Socket(Box<Socket>),
    Polls(Polls),
}

/// What comes from the relay.
pub(super) enum Carried {
    Text(Utf8Bytes),
    /// A sign of life.
    Life,
    /// The relay ends the connection.
    Closed(Option<CloseFrame>),
    /// The connection broke, in plain words.
    Lost(String),
}

impl Way {
    /// Whatever comes next; dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Carried {
        let socket = match self {
            Self::Socket(socket) => socket,
            Self::Polls(polls) => return polls.next().await,
        };
        match socket.next().await {
            Some(Ok(Message::Text(text))) => Carried::Text(text),
            Some(Ok(Message::Close(frame))) => Carried::Closed(frame),
            Some(Ok(_)) => Carried::Life,
            Some(Err(error)) => Carried::Lost(broke(&error)),
            None => Carried::Closed(None),
        }
    }

    /// Writes one frame, perhaps into a buffer.
    pub(super) async fn write(&mut self, frame: String) -> Result<(), String> {
        match self {
            Self::Socket(socket) => socket.feed(Message::text(frame)).await.map_err(|error| broke(&error)),
            Self::Polls(polls) => polls.write(frame).await,
        }
    }

    pub(super) async fn flush(&mut self) -> Result<(), String> {
        match self {
            Self::Socket(socket) => socket.flush().await.map_err(|error| broke(&error)),
            Self::Polls(_) => Ok(()),
        }
    }

    /// Asks for a sign of life; the answers to polls are some.
    pub(super) async fn ping(&mut self) -> Result<(), String> {
        match self {
            Self::Socket(socket) => {
                socket.send(Message::Ping(Vec::new().into())).await.map_err(|error| broke(&error))
            }
            Self::Polls(_) => Ok(()),
        }
    }

    /// Whether silence means that it is dead: polls have a limit of their own.
    pub(super) fn is_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    pub(super) fn handed(&self, handed: Handed) {
        if let Self::Polls(polls) = self {
            polls.handed(handed);
        }
    }

    pub(super) async fn goodbye(&mut self) {
        if let Self::Socket(socket) = self {
            goodbye(socket, 1000).await;
        }
    }

    /// Ends it as a dead network does.
    pub(super) fn cut(self) {
        if let Self::Socket(socket) = self {
            socket.into_inner().cut();
        }
    }
}

fn broke(error: &tungstenite::Error) -> String {
    format!("the connection broke: {error}")
}
