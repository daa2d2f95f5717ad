//! The task that all accounts of a backend share: it takes what comes over any connection to the account that it is for,
//! and what accounts have to say to their connections.
//!
//! One task, not one for each account: transactions and connections are shared anyway, everything in here is done without
//! waiting, and so an account costs its state and nothing else. What has to be waited for (a connection, a commit) waits
//! in a task of its own that lives as long as that takes.

mod inbound;
mod link;
mod outbound;
mod refuge;
mod switchboard;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::error;
use trunkline_core::port::{
    self, CallAnswer, Inlet, InletError, LineError, OutgoingMessage, OwnPresence, RosterChange,
};
use trunkline_model::{Address, Contact};
use trunkline_sip::{
    Frame, Framer,
    registration::Endpoint,
    transaction::{Capacity, ClientId, Hop, Outcome, Transactions},
};

pub(crate) use self::switchboard::OPAQUE;
use self::{link::Link, refuge::Away, switchboard::Switchboard};
use crate::{
    Connection, Event, Pool,
    account::{Account, Act, Changed, Commit, Place, Purpose, Read, Shared},
    address::Target,
    chat::SendId,
    connection::CloseReason,
    pace::Turns,
    pool::DialError,
    random,
};

/// REGISTERs that may wait for their answers from one server: one that is slow gets them more slowly, whatever the rate
/// allows, and what else there is to say finds room on the connection.
const WINDOW: usize = 128;

/// How long to wait after a fault in the relay itself.
const AGAIN: Duration = Duration::from_secs(1);

/// A server that says nothing for so long, though it is asked, hangs.
const SILENCE: Duration = Duration::from_secs(30);

/// Which line; never another's in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LineId(pub(crate) u64);

/// What is asked of the exchange.
pub(crate) enum Command {
    /// A line opens.
    Open(Box<Opening>),
    /// A line is not wanted any more; `closed` hears when it is signed out.
    Close { line: LineId, closed: Option<oneshot::Sender<()>> },
    /// A person writes; `reply` hears what became of it.
    Send { line: LineId, message: OutgoingMessage, reply: oneshot::Sender<port::Outcome> },
    /// A person types, or has stopped.
    Typing { line: LineId, peer: Address, composing: bool },
    /// A person answers what rings.
    Answer { line: LineId, peer: Address, answer: CallAnswer },
    /// A person changes the roster.
    Change { line: LineId, change: RosterChange, reply: Changed },
    /// A person blocks somebody, or no longer.
    Block { line: LineId, who: Address, blocked: bool, reply: Changed },
    /// A person wants to see somebody, or no longer.
    Look { line: LineId, address: Address, watch: bool, reply: oneshot::Sender<Result<(), LineError>> },
    /// What others are to see of a person.
    Publish { line: LineId, own: Box<OwnPresence> },
    /// The roster as it is.
    Roster { line: LineId, waits: bool, reply: Read },
    /// Somebody in the roster or watched.
    Known { line: LineId, address: Address, reply: oneshot::Sender<Option<Contact>> },
    /// What dialling a server came to.
    Dialled(Target, Result<Connection, DialError>),
    /// The core has taken what a line told it, or cannot.
    Committed(LineId, Result<(), InletError>),
}

/// A line that opens.
pub(crate) struct Opening {
    pub(crate) line: LineId,
    pub(crate) shared: Arc<Shared>,
    pub(crate) inlet: Arc<dyn Inlet>,
    pub(crate) endpoint: Endpoint,
}

/// Whose a request is, and what for.
struct Owner {
    line: LineId,
    purpose: Purpose,
    connection: Connection,
    /// The server that it is asked to sign in, if that is what it is for.
    server: Option<Target>,
    /// Whether it was answered provisionally.
    is_heard: bool,
}

/// What goes in.
pub(crate) struct Inputs {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) events: mpsc::Receiver<Event<Frame>>,
    pub(crate) stop: CancellationToken,
}

/// The task's state.
pub(crate) struct Exchange {
    place: Arc<Place>,
    pool: Pool<Framer>,
    own: mpsc::Sender<Command>,
    rate: u32,
    start: Instant,
    hop: Hop,
    /// Boxed, as a table has room for twice as many when it has grown.
    accounts: HashMap<LineId, Box<Account>>,
    switchboard: Switchboard,
    transactions: Transactions,
    /// Whose each request is that has no final answer yet.
    owners: HashMap<ClientId, Owner>,
    /// The INVITEs among them.
    calls: HashMap<(LineId, SendId), ClientId>,
    /// Those that have ended and may still be answered, the oldest first.
    past: VecDeque<(Duration, ClientId, LineId, SendId)>,
    /// Requests that ended before they began, to be told when what is under way is done.
    stillborn: VecDeque<(LineId, Purpose, Outcome)>,
    links: BTreeMap<Target, Link>,
    connections: HashMap<u64, Connection>,
    /// When each connection brought something last.
    heard: HashMap<u64, Duration>,
    turns: Turns<Target, LineId>,
    /// Who was turned away over each connection.
    away: HashMap<u64, Away>,
    clock: BTreeSet<(Duration, LineId)>,
    due: HashMap<LineId, Duration>,
}

impl Exchange {
    pub(crate) fn new(place: Arc<Place>, pool: Pool<Framer>, rate: u32, own: mpsc::Sender<Command>) -> Self {
        let hop = Hop { transport: "TLS".to_owned(), sent_by: place.host() };
        Self {
            place,
            pool,
            own,
            rate,
            start: Instant::now(),
            hop,
            accounts: HashMap::new(),
            switchboard: Switchboard::default(),
            transactions: Transactions::new(Capacity::default(), random() as u64),
            owners: HashMap::new(),
            calls: HashMap::new(),
            past: VecDeque::new(),
            stillborn: VecDeque::new(),
            links: BTreeMap::new(),
            connections: HashMap::new(),
            heard: HashMap::new(),
            turns: Turns::new(rate, WINDOW),
            away: HashMap::new(),
            clock: BTreeSet::new(),
            due: HashMap::new(),
        }
    }

    /// Works until it is told to stop. A fault in the relay ends what was under way, but nobody's line: after a panic all
    /// accounts sign in anew. The program's hook says where it was.
    pub(crate) async fn run(mut self, mut inputs: Inputs) {
        while AssertUnwindSafe(self.work_on(&mut inputs)).catch_unwind().await.is_err() {
            error!(
                accounts = self.accounts.len(),
                "all accounts of the pool sign in anew after a fault in the relay"
            );
            self = self.anew();
            sleep(AGAIN).await;
        }
        for (_, account) in self.accounts.drain() {
            account.over();
        }
    }

    /// The same accounts over new connections, with nothing under way.
    fn anew(self) -> Self {
        for connection in self.connections.values() {
            connection.cut(CloseReason::Here);
        }
        let mut fresh = Self::new(self.place, self.pool, self.rate, self.own);
        let openings = self.accounts.into_iter().filter_map(|(line, account)| account.begin_anew(line));
        openings.for_each(|opening| fresh.open(opening));
        fresh
    }

    async fn work_on(&mut self, inputs: &mut Inputs) {
        loop {
            let deadline = self.next_deadline();
            tokio::select! {
                () = inputs.stop.cancelled() => break,
                Some(command) = inputs.commands.recv() => self.command(command),
                Some(event) = inputs.events.recv() => self.event(event),
                () = wait(deadline.map(|deadline| self.start + deadline)) => self.expire(),
                else => break,
            }
            self.settle();
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Open(opening) => self.open(*opening),
            Command::Close { line, closed } => {
                self.work(line, |account, now, acts| account.close(now, closed, acts));
            }
            Command::Send { line, message, reply } => {
                self.work(line, |account, now, acts| account.send(now, message, reply, acts));
            }
            Command::Typing { line, peer, composing } => {
                self.work(line, |account, now, acts| account.types(now, peer, composing, acts));
            }
            Command::Answer { line, peer, answer } => {
                self.work(line, |account, now, acts| account.answers(now, peer, answer, acts));
            }
            Command::Change { line, change, reply } => {
                self.work(line, |account, now, acts| account.change(now, change, reply, acts));
            }
            Command::Block { line, who, blocked, reply } => {
                self.work(line, |account, now, acts| account.block(now, who, blocked, reply, acts));
            }
            Command::Look { line, address, watch, reply } => {
                self.work(line, |account, now, acts| account.look(now, address, watch, reply, acts));
            }
            Command::Publish { line, own } => {
                self.work(line, |account, now, acts| account.publish(now, *own, acts));
            }
            Command::Roster { line, waits, reply } => {
                self.work(line, |account, _, _| account.roster(waits, reply));
            }
            Command::Known { line, address, reply } => {
                self.read(line, reply, |account| account.known(&address));
            }
            Command::Dialled(target, result) => self.dialled(&target, result),
            Command::Committed(line, result) => {
                self.work(line, |account, now, acts| account.committed(now, &result, acts));
            }
        }
    }

    fn event(&mut self, event: Event<Frame>) {
        match event {
            Event::Opened(connection) => {
                self.connections.insert(connection.id(), connection);
            }
            Event::Received(connection, frame) => self.received(&connection, frame),
            Event::Closed(connection, reason) => self.closed(&connection, &reason),
        }
    }

    fn open(&mut self, opening: Opening) {
        let Opening { line, shared, inlet, endpoint } = opening;
        let (opaque, address) = names(&endpoint);
        self.switchboard.enter(line, opaque, &address);
        let account = Account::new(shared, inlet, self.place.clone(), endpoint);
        self.accounts.insert(line, Box::new(account));
        self.want_link(line);
    }

    fn read<T>(&self, line: LineId, reply: oneshot::Sender<T>, read: impl FnOnce(&Account) -> T) {
        if let Some(account) = self.accounts.get(&line) {
            // Who does not wait any more need not hear it.
            let _ = reply.send(read(account));
        }
    }

    /// Lets an account do something, and does what it wants done.
    fn work(&mut self, line: LineId, work: impl FnOnce(&mut Account, Duration, &mut Vec<Act>)) {
        let now = self.now();
        let Some(account) = self.accounts.get_mut(&line) else { return };
        let mut acts = Vec::new();
        work(account, now, &mut acts);
        for act in acts {
            self.perform(line, act);
        }
        self.schedule(line);
    }

    fn perform(&mut self, line: LineId, act: Act) {
        match act {
            Act::Send { purpose, request, patience } => self.send(line, purpose, request, patience),
            Act::Write(request) => self.write(line, request),
            Act::Cancel(id) => self.cancel(line, id),
            Act::Answer { id, response } => self.answer(id, response),
            Act::Commit(commit) => self.commit(line, *commit),
            Act::Turn { urgent } => {
                if let Some(account) = self.accounts.get(&line) {
                    self.turns.wait(account.target(), line, urgent);
                }
            }
            Act::Link => self.want_link(line),
            Act::Over => self.forget(line),
        }
    }

    /// Has the core take something, in a task that lives as long as that takes.
    fn commit(&self, line: LineId, commit: Commit) {
        let Some(account) = self.accounts.get(&line) else { return };
        let (inlet, own) = (account.inlet(), self.own.clone());
        tokio::spawn(async move {
            let result = commit.tell(inlet).await;
            // Without a receiver everything has ended.
            let _ = own.send(Command::Committed(line, result)).await;
        });
    }

    fn forget(&mut self, line: LineId) {
        if let Some(account) = self.accounts.remove(&line) {
            let (opaque, address) = names(account.endpoint());
            self.switchboard.leave(line, opaque, &address);
            account.over();
        }
    }

    /// Notes when the account wants to be looked at next.
    fn schedule(&mut self, line: LineId) {
        let next = self.accounts.get(&line).and_then(|account| account.deadline());
        let before = self.due.get(&line).copied();
        if before == next {
            return;
        }
        if let Some(before) = before {
            self.clock.remove(&(before, line));
            self.due.remove(&line);
        }
        if let Some(next) = next {
            self.clock.insert((next, line));
            self.due.insert(line, next);
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        let accounts = self.clock.first().map(|(deadline, _)| *deadline);
        let others = [self.transactions.next_deadline(), self.turns.deadline(), self.next_dial()];
        others.into_iter().chain([accounts]).flatten().min()
    }

    fn expire(&mut self) {
        let now = self.now();
        self.expire_transactions(now);
        self.redial(now);
        while let Some((deadline, line)) =
            self.clock.first().copied().filter(|(deadline, _)| *deadline <= now)
        {
            self.clock.remove(&(deadline, line));
            self.due.remove(&line);
            self.work(line, |account, now, acts| account.timer(now, acts));
        }
        while let Some(line) = self.turns.next(now) {
            let mut is_used = false;
            self.work(line, |account, now, acts| is_used = account.turn(now, acts));
            if !is_used {
                self.turns.give_back();
            }
        }
    }

    /// Tells of requests that ended while something else was under way.
    fn settle(&mut self) {
        while let Some((line, purpose, outcome)) = self.stillborn.pop_front() {
            self.work(line, |account, now, acts| account.ended(now, purpose, outcome, acts));
        }
    }
}

/// What an endpoint is found by: its opaque, and `user@host`.
fn names(endpoint: &Endpoint) -> (&str, String) {
    (endpoint.contact.param(OPAQUE).unwrap_or_default(), endpoint.user.address().unwrap_or_default())
}

async fn wait(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
