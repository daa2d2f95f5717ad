use std::{future::pending, time::Duration};

use tokio::{sync::oneshot, task::AbortHandle, time::sleep};

use crate::{
    ConnectError, Handshake, Server,
    handshake::{goodbye, open},
};

/// So many sockets in a row that came to nothing, and the phone tries without.
const MISSES: u32 = 3;

/// Whether a phone goes by WebSocket or by POST and poll.
#[derive(Debug)]
pub(super) struct Form {
    /// Why there is no WebSocket, while there is none.
    polls_because: Option<String>,
    misses: u32,
}

impl Form {
    pub(super) fn new(web_sockets: bool) -> Self {
        let polls_because = (!web_sockets).then(|| "it is set so".to_owned());
        Self { polls_because, misses: 0 }
    }

    pub(super) fn polls(&self) -> bool {
        self.polls_because.is_some()
    }

    /// A socket did not open; whether the phone should try without one at once.
    pub(super) fn not_opened(&mut self, error: &ConnectError) -> bool {
        match error {
            // Too many, or a restart: it would be no better over HTTP.
            ConnectError::Upgrade(429 | 503) => return false,
            ConnectError::Upgrade(_) => self.misses = MISSES,
            ConnectError::Handshake(_) => self.misses += 1,
            // Nobody is there, or not the right one.
            _ => return false,
        }
        self.give_up(&error.to_string())
    }

    /// A socket opened and broke before anything came over it.
    pub(super) fn broke(&mut self, reason: &str) {
        self.misses += 1;
        self.give_up(reason);
    }

    fn give_up(&mut self, reason: &str) -> bool {
        let gives_up = self.misses >= MISSES;
        if gives_up {
            self.polls_because = Some(reason.to_owned());
        }
        gives_up
    }

    /// Frames come over a socket, or would.
    pub(super) fn works(&mut self) {
        self.misses = 0;
        self.polls_because = None;
    }

    /// What kept the phone from a WebSocket.
    pub(super) fn reason(&self) -> Option<&str> {
        self.polls_because.as_deref()
    }
}

/// Tries from time to time whether a WebSocket opens, without taking the session.
pub(super) struct Probe {
    found: Option<oneshot::Receiver<()>>,
    open: bool,
    task: Option<AbortHandle>,
}

impl Probe {
    /// For a phone that has a WebSocket, or wants none.
    pub(super) fn none() -> Self {
        Self { found: None, open: false, task: None }
    }

    pub(super) fn every(period: Duration, server: Server, handshake: &Handshake) -> Self {
        // Without a token the socket is bound to nothing.
        let handshake = Handshake { auth_token: None, ..handshake.clone() };
        let (tell, found) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                sleep(period).await;
                if let Ok((mut socket, _)) = open(&server, &handshake).await {
                    goodbye(&mut socket, 1000).await;
                    // The phone may have gone meanwhile.
                    let _ = tell.send(());
                    return;
                }
            }
        });
        Self { found: Some(found), open: false, task: Some(task.abort_handle()) }
    }

    /// Resolves when one opened.
    pub(super) async fn works(&mut self) {
        if let Some(found) = &mut self.found {
            self.open = found.await.is_ok();
            self.found = None;
        }
        if !self.open {
            pending::<()>().await;
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
