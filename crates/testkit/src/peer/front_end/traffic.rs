//! What passed between the Front End and its peers, for assertions and transcripts.

use std::{
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use tokio::{sync::watch, time::timeout};
use trunkline_sip::{Message, Request, Response};

use crate::patience;

/// Which way a message went, seen from the Front End.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    /// From a peer.
    Received,
    /// To a peer.
    Sent,
}

/// One message on one connection.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Numbers connections in the order in which they were made.
    pub line: u64,
    /// Which way it went.
    pub heading: Heading,
    /// The message; [`Message::to_bytes`] gives the bytes that passed.
    pub message: Message,
}

impl Traffic {
    /// The request, if the Front End received one.
    pub fn request(&self) -> Option<&Request> {
        match &self.message {
            Message::Request(request) if self.heading == Heading::Received => Some(request),
            _ => None,
        }
    }

    /// The response, if the Front End received one.
    pub fn response(&self) -> Option<&Response> {
        match &self.message {
            Message::Response(response) if self.heading == Heading::Received => Some(response),
            _ => None,
        }
    }

    /// The request, if the Front End sent one.
    pub fn sent_request(&self) -> Option<&Request> {
        match &self.message {
            Message::Request(request) if self.heading == Heading::Sent => Some(request),
            _ => None,
        }
    }

    /// The response, if the Front End sent one.
    pub fn sent_response(&self) -> Option<&Response> {
        match &self.message {
            Message::Response(response) if self.heading == Heading::Sent => Some(response),
            _ => None,
        }
    }
}

/// Bytes that passed on one connection, as they were read or written.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Numbers connections in the order in which they were made.
    pub line: u64,
    /// Which way they went.
    pub heading: Heading,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Everything that passed, in its order.
pub(super) struct Log {
    all: Mutex<Vec<Traffic>>,
    /// What was no message, or was one only with good will.
    odd: Mutex<Vec<Piece>>,
    /// Kept on demand alone.
    raw: Mutex<Option<Vec<Piece>>>,
    is_kept: AtomicBool,
    grown: watch::Sender<usize>,
}

impl Log {
    pub(super) fn new() -> Self {
        let is_kept = AtomicBool::new(true);
        Self {
            all: Mutex::new(Vec::new()),
            odd: Mutex::new(Vec::new()),
            raw: Mutex::new(None),
            is_kept,
            grown: watch::Sender::new(0),
        }
    }

    pub(super) fn keep(&self, on: bool) {
        self.is_kept.store(on, Ordering::Relaxed);
    }

    pub(super) fn add(&self, line: u64, heading: Heading, message: &Message) {
        if !self.is_kept.load(Ordering::Relaxed) {
            return;
        }
        let message = message.clone();
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Traffic { line, heading, message });
        self.grown.send_replace(all.len());
    }

    pub(super) fn add_odd(&self, line: u64, bytes: Vec<u8>) {
        if self.is_kept.load(Ordering::Relaxed) {
            let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
            odd.push(Piece { line, heading: Heading::Received, bytes });
        }
    }

    pub(super) fn odd(&self) -> Vec<Piece> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps raw bytes from now on, and gives those that were kept.
    pub(super) fn record(&self) -> Vec<Piece> {
        let mut raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        raw.replace(Vec::new()).unwrap_or_default()
    }

    pub(super) fn tap(&self, line: u64, heading: Heading, bytes: &[u8]) {
        let mut raw = self.raw.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(raw) = raw.as_mut() {
            raw.push(Piece { line, heading, bytes: bytes.to_vec() });
        }
    }

    pub(super) fn all(&self) -> Vec<Traffic> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn find<T>(&self, from: usize, pick: impl Fn(&Traffic) -> Option<T>) -> Option<T> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().skip(from).find_map(pick)
    }

    pub(super) async fn until<T>(
        &self,
        from: usize,
        what: &str,
        pick: impl Fn(&Traffic) -> Option<T>,
    ) -> Result<T> {
        let mut grown = self.grown.subscribe();
        let waiting = async {
            loop {
                grown.borrow_and_update();
                if let Some(found) = self.find(from, &pick) {
                    return anyhow::Ok(found);
                }
                grown.changed().await?;
            }
        };
        let found = timeout(patience(), waiting).await;
        let found = found.map_err(anyhow::Error::from).and_then(|found| found);
        found.with_context(|| format!("the Front End never saw: {what}; it saw:\n{}", self.summary()))
    }

    /// A line a message, without what people wrote.
    fn summary(&self) -> String {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().fold(String::new(), |mut text, traffic| {
            let arrow = if traffic.heading == Heading::Received { "<-" } else { "->" };
            let cseq = traffic.message.text("CSeq").unwrap_or_default();
            let _ = match &traffic.message {
                Message::Request(request) => {
                    writeln!(text, "{} {arrow} {} {}", traffic.line, request.method(), request.uri())
                }
                Message::Response(response) => {
                    writeln!(text, "{} {arrow} {} ({cseq})", traffic.line, response.status())
                }
            };
            text
        })
    }

    pub(super) fn transcript(&self) -> String {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        let mut tell = |way: &str, line: u64, bytes: &[u8]| {
            let _ = write!(text, "--- {way} connection {line}\n{}\n", String::from_utf8_lossy(bytes));
        };
        for traffic in all.iter() {
            let way = if traffic.heading == Heading::Received { "from" } else { "to" };
            tell(way, traffic.line, &traffic.message.to_bytes());
        }
        self.odd().iter().for_each(|piece| tell("odd bytes from", piece.line, &piece.bytes));
        text
    }
}
