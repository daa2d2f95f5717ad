//! The way of an account's outbox to its line: in the order of commits, marked before the bytes leave.

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use trunkline_model::{Address, MessageKey, MessageState};
use trunkline_store::{MessageOutcome, OutboxRow, StoreError};

use super::{Lines, Slot};
use crate::{
    error,
    port::{Line, LineState, Outcome, OutgoingMessage},
};

/// Most messages of one account that wait for the IM system's word at a time.
const MAX_IN_FLIGHT: usize = 32;

/// How long to wait before the store or a line is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// How long a lane that must stop waits for the IM system's word on what is under way.
const DRAIN_WAIT: Duration = Duration::from_secs(5);

type InFlight = FuturesUnordered<BoxFuture<'static, (MessageKey, Outcome)>>;

/// Runs until the account signs out of its IM system.
pub(super) async fn run(lines: Arc<Lines>, slot: Arc<Slot>) {
    if !slot.claim_lane() {
        slot.ring();
        return;
    }
    let mut lane = Lane { lines, slot, in_flight: InFlight::new(), open: HashMap::new(), turn: 1 };
    if let Err(error) = Box::pin(lane.settle_unknown()).await {
        tracing::error!(account = %lane.slot.person.address, %error, "could not settle what was under way before the restart");
    }
    lane.slot.ring();
    // The panic is told by the program's hook. Whatever was under way then is unknown, and the others go on.
    while AssertUnwindSafe(lane.work()).catch_unwind().await.is_err() {
        (lane.in_flight, lane.open) = Default::default();
        lane.turn += 1;
        tokio::time::sleep(RETRY).await;
        if let Err(error) = Box::pin(lane.settle_unknown()).await {
            tracing::error!(account = %lane.slot.person.address, %error, "could not settle what was under way");
        }
        lane.slot.ring();
    }
}

struct Lane {
    lines: Arc<Lines>,
    slot: Arc<Slot>,
    in_flight: InFlight,
    /// To whom each of these goes, and the turn in which it was handed over.
    open: HashMap<MessageKey, (Address, u64)>,
    /// See [`OutgoingMessage::turn`].
    turn: u64,
}

impl Lane {
    /// What was submitted in an earlier life of the process and never heard of again: nobody knows.
    async fn settle_unknown(&mut self) -> Result<(), StoreError> {
        let mut result = Ok(());
        for row in self.lines.store.outbox(self.slot.person.account).await? {
            if row.state == MessageState::Submitted
                && let Err(error) = self.settle(row.key, Outcome::Unknown).await
            {
                result = Err(error);
            }
        }
        result
    }

    /// What it does with its hands full is boxed: most lanes, and there are thousands, wait most of the time.
    async fn work(&mut self) {
        let stop = self.slot.stop.clone();
        let slot = Arc::clone(&self.slot);
        loop {
            let result = tokio::select! {
                biased;
                () = stop.cancelled() => return Box::pin(self.drain()).await,
                Some((key, outcome)) = self.in_flight.next() => Box::pin(self.finished(key, outcome)).await,
                () = slot.outbox.notified() => Box::pin(self.submit()).await,
            };
            if let Err(error) = result {
                tracing::warn!(account = %self.slot.person.address, %error, "the outbox waits for the store");
                self.retry_later();
            }
        }
    }

    /// Takes no more from the outbox, and writes down what is still heard of what is under way.
    async fn drain(&mut self) {
        let drained = async {
            while let Some((key, outcome)) = self.in_flight.next().await {
                if let Err(error) = self.finished(key, outcome).await {
                    tracing::warn!(account = %self.slot.person.address, %error, "an outcome waits for the store");
                }
            }
        };
        if tokio::time::timeout(DRAIN_WAIT, drained).await.is_err() {
            tracing::warn!(account = %self.slot.person.address, messages = self.open.len(), "signed out without word on some messages");
        }
    }

    /// Marks what waits as submitted, in one commit, and hands it over. Behind a row that could not be marked nothing is
    /// handed over, so that messages keep their order.
    async fn submit(&mut self) -> Result<(), StoreError> {
        let Some(line) = self.slot.line().filter(|_| self.slot.state() == LineState::Connected) else {
            return Ok(());
        };
        let mut result = Ok(());
        let account = Some(self.slot.person.account);
        let mut marks = Vec::new();
        for row in self.waiting().await? {
            match self.lines.store.outcome(account, row.key, MessageOutcome::Submitted, false).await {
                Ok(mark) => marks.push((row, mark)),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        for (row, mark) in marks {
            match mark.await {
                Ok(_) if result.is_ok() => self.hand_over(&line, row),
                Ok(_) => self.put_back(row),
                // Retention or an admin has removed it.
                Err(StoreError::NotFound(_)) => {}
                Err(error) => {
                    // The mark may have been written all the same.
                    self.put_back(row);
                    result = Err(error);
                }
            }
        }
        result
    }

    fn hand_over(&mut self, line: &Arc<dyn Line>, row: OutboxRow) {
        let line = Arc::clone(line);
        let OutboxRow { key, peer, text, sent_at, state: _ } = row;
        let turn = self.turn;
        #[cfg(debug_assertions)]
        trunkline_model::poison::taste("line", text.expose());
        self.open.insert(key, (peer.clone(), turn));
        self.in_flight.push(Box::pin(async move {
            (key, line.send(OutgoingMessage { key, peer, text, sent_at, turn }).await)
        }));
    }

    /// A marked message that no line was given waits again.
    fn put_back(&mut self, row: OutboxRow) {
        let key = row.key;
        self.open.insert(key, (row.peer, self.turn));
        self.turn += 1;
        self.in_flight.push(Box::pin(std::future::ready((key, Outcome::NotSent))));
    }

    /// What may be handed over now. To whom something of an earlier turn is open, nothing: that may come back, and goes
    /// first then.
    async fn waiting(&mut self) -> Result<Vec<OutboxRow>, StoreError> {
        let free = MAX_IN_FLIGHT.saturating_sub(self.open.len());
        let rows = self.lines.store.outbox(self.slot.person.account).await?;
        let held: HashSet<_> =
            self.open.values().filter(|(_, turn)| *turn < self.turn).map(|(peer, _)| peer).collect();
        let fresh = |row: &OutboxRow| {
            row.state == MessageState::Stored
                && !self.open.contains_key(&row.key)
                && !held.contains(&row.peer)
        };
        Ok(rows.into_iter().filter(fresh).take(free).collect())
    }

    async fn finished(&mut self, key: MessageKey, outcome: Outcome) -> Result<(), StoreError> {
        if let Err(error) = self.settle(key, outcome.clone()).await {
            // What the IM system said must not be lost: it is written down as soon as the store takes it.
            self.in_flight.push(Box::pin(async move {
                tokio::time::sleep(RETRY).await;
                (key, outcome)
            }));
            return Err(error);
        }
        let settled = self.open.remove(&key);
        if outcome == Outcome::NotSent {
            self.turn += u64::from(settled.is_some_and(|(_, turn)| turn == self.turn));
            self.retry_later();
        } else {
            self.slot.ring();
        }
        Ok(())
    }

    /// A line that is down rings when it is back; one that merely could not take the message is asked again soon.
    fn retry_later(&self) {
        let slot = Arc::clone(&self.slot);
        self.lines.tasks.spawn(async move {
            tokio::select! {
                () = slot.stop.cancelled() => {}
                () = tokio::time::sleep(RETRY) => slot.ring(),
            }
        });
    }

    /// Writes down what became of a message, tells its sender, and then whoever still waits for it.
    async fn settle(&mut self, key: MessageKey, outcome: Outcome) -> Result<(), StoreError> {
        let (stored, tell) = match &outcome {
            Outcome::Confirmed => (MessageOutcome::Confirmed, false),
            Outcome::NotSent => (MessageOutcome::Stored, false),
            Outcome::Refused { permanent, reason } => (
                MessageOutcome::Failed { code: error::refusal(*permanent).number(), reason: reason.clone() },
                true,
            ),
            Outcome::Unknown => (MessageOutcome::Unknown { reason: UNKNOWN.to_owned() }, true),
        };
        match self.write(key, stored, tell).await {
            Ok(from) => self.lines.metrics.settled(self.slot.backend.as_ref(), &outcome, from),
            // Retention or an admin has removed it: there is nothing left to write down.
            Err(StoreError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        if outcome != Outcome::NotSent {
            self.slot.tell(key, &outcome);
        }
        Ok(())
    }

    async fn write(
        &mut self,
        key: MessageKey,
        outcome: MessageOutcome,
        tell: bool,
    ) -> Result<Option<MessageState>, StoreError> {
        self.lines.store.outcome(Some(self.slot.person.account), key, outcome, tell).await?.await
    }
}

/// What a sender is told when nobody knows.
const UNKNOWN: &str = "the connection to the IM system was lost before it confirmed the message: it may or may not have arrived";
