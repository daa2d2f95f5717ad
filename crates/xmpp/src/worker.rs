mod hear;
mod memory;
mod serve;

use std::{pin::pin, sync::Arc, time::Duration};

use secrecy::SecretString;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout},
};
use tokio_xmpp::{
    jid::{BareJid, Jid},
    minidom::Element,
    parsers::stanza::Stanza,
};
use tracing::{debug, info, warn};
use trunkline_core::port::{Inlet, LineState, Outcome, OutgoingMessage};

use self::memory::{Delivery, Memory};
use crate::{
    backend::Server, fault::LoginFault, inbox::Inbox, iq::Asker, line::Shared, negotiate::Ready,
    pace::BackOff, text::fingerprint,
};

/// How long one attempt to sign in may take, from the connection to the session.
const LOGIN_WAIT: Duration = Duration::from_secs(20);
/// Least wait before the next attempt when an administrator must act first, or when somebody else took the session.
const LONG_WAIT: Duration = Duration::from_secs(30);

/// What the line's handle asks of its worker.
pub(crate) enum Command {
    /// Hand a message over.
    Send { to: BareJid, message: OutgoingMessage, reply: oneshot::Sender<Outcome> },
    /// Send a stanza that needs no answer.
    Stanza(Box<Stanza>),
    /// Show the person's presence anew.
    Show,
    /// Ask somebody (`None`: the account itself).
    Ask { to: Option<Jid>, question: Question, asker: Asker },
    /// Sign out.
    Close(oneshot::Sender<()>),
}

/// A question's payload.
pub(crate) enum Question {
    Get(Element),
    Set(Element),
}

/// Why a stage of the worker's life is over.
enum End {
    /// The link is gone; try again, not before `floor`.
    Lost { reason: String, floor: Duration },
    /// Signed out, or nobody holds the line any more.
    Closed,
}

impl End {
    fn lost(reason: impl Into<String>) -> Self {
        Self::Lost { reason: reason.into(), floor: Duration::ZERO }
    }
}

/// The one task of a line. It owns the stream whole.
pub(crate) struct Worker {
    server: Arc<Server>,
    shared: Arc<Shared>,
    inlet: Arc<dyn Inlet>,
    password: SecretString,
    resource: String,
    commands: mpsc::Receiver<Command>,
    inbox: Inbox,
    memory: Memory,
    back_off: BackOff,
    closing: Vec<oneshot::Sender<()>>,
}

impl Worker {
    pub(crate) fn new(
        server: Arc<Server>,
        shared: Arc<Shared>,
        own: BareJid,
        password: SecretString,
        inlet: Arc<dyn Inlet>,
        commands: mpsc::Receiver<Command>,
    ) -> Self {
        // The same after a restart of the relay: the server then ends the old session at once and gives what that one
        // had not acknowledged to the new one.
        let resource = format!("trunkline-{}", &fingerprint(&["resource", own.as_str()])[..10]);
        let inbox = Inbox::new(inlet.clone());
        let memory = Memory::new(own);
        let (back_off, closing) = (BackOff::default(), Vec::new());
        Self { server, shared, inlet, password, resource, commands, inbox, memory, back_off, closing }
    }

    /// Lives until the line is closed, dropped or refused.
    pub(crate) async fn run(mut self) {
        let last = self.live().await;
        self.memory.give_up();
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            self.refuse(command);
        }
        self.set_state(last);
        for reply in self.closing.drain(..) {
            // Whoever waited may have given up.
            let _ = reply.send(());
        }
    }

    async fn live(&mut self) -> LineState {
        loop {
            let (reason, floor) = match self.log_in().await {
                Err(_) => return LineState::Closed,
                Ok(Ok(ready)) => {
                    let since = Instant::now();
                    let end = self.serve(ready).await;
                    self.back_off.link_ended(since.elapsed());
                    match end {
                        End::Closed => return LineState::Closed,
                        End::Lost { reason, floor } => (reason, floor),
                    }
                }
                Ok(Err(LoginFault::Password)) => return self.refused(LineState::PasswordRefused),
                Ok(Err(LoginFault::Refused(reason))) => return self.refused(LineState::Refused { reason }),
                Ok(Err(LoginFault::Untrusted(reason))) => (reason, LONG_WAIT),
                Ok(Err(LoginFault::Passing(reason))) => (reason, Duration::ZERO),
            };
            if self.wait(reason, floor).await.is_err() {
                return LineState::Closed;
            }
        }
    }

    fn refused(&self, state: LineState) -> LineState {
        warn!(account = %self.shared.person.address, reason = state.reason(), "the XMPP server refused the sign-in");
        state
    }

    async fn wait(&mut self, reason: String, floor: Duration) -> Result<(), End> {
        let wait = self.back_off.next(floor);
        let account = &self.shared.person.address;
        if floor.is_zero() {
            info!(%account, %reason, ?wait, "not connected to the XMPP server");
        } else {
            warn!(%account, %reason, ?wait, "not connected to the XMPP server: an administrator must act");
        }
        self.set_state(LineState::Connecting { reason });
        self.meanwhile(tokio::time::sleep(wait)).await
    }

    /// One attempt, in its turn and within its time.
    async fn log_in(&mut self) -> Result<Result<Ready, LoginFault>, End> {
        let (server, password) = (self.server.clone(), self.password.clone());
        let (own, resource) = (self.memory.account().clone(), self.resource.clone());
        let old = self.memory.resumption();
        let attempt = async move {
            server.pace.turn().await;
            let silent = || LoginFault::Passing(format!("{} did not answer in time", server.settings.host));
            let attempt = timeout(LOGIN_WAIT, server.log_in(&own, &password, &resource, old));
            attempt.await.unwrap_or_else(|_| Err(silent()))
        };
        self.meanwhile(Box::pin(attempt)).await
    }

    /// Does something else while there is no link: commands are refused, events go on into the core.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                command = self.commands.recv() => match command {
                    None => return Err(End::Closed),
                    Some(Command::Close(reply)) => {
                        self.closing.push(reply);
                        return Err(End::Closed);
                    }
                    Some(command) => self.refuse(command),
                },
                told = self.inbox.next() => match told {
                    Ok(ticket) => self.memory.inbound.finish(ticket),
                    Err(_) => return Err(End::Closed),
                },
            }
        }
    }

    /// Answers a command that cannot be done; whoever asked a question learns it by the dropped asker.
    fn refuse(&mut self, command: Command) {
        match command {
            Command::Send { message, reply, .. } => self.memory.give_back(Delivery::new(&message, reply)),
            Command::Close(reply) => self.closing.push(reply),
            Command::Stanza(_) | Command::Show | Command::Ask { .. } => {
                debug!("a command came without a link")
            }
        }
    }

    fn set_state(&self, state: LineState) {
        let changed = std::mem::replace(&mut *self.shared.state(), state.clone()) != state;
        if changed {
            self.inlet.state_changed(state);
        }
    }
}
