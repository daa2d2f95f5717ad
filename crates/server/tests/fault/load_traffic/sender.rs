use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::Notify, time::timeout};
use trunkline_testkit::{eventually, patience};
use trunkline_wire::{ApiError, ErrorCode};

use crate::{
    chance::Chance,
    handset::{Handset, Heard, Trouble},
    history::Sent,
};

/// Messages that a phone has under way at once.
const WINDOW: usize = 6;

/// Between a refusal and the next attempt.
const REST: Duration = Duration::from_millis(50);

/// Counts the messages with a COMPLETE of all phones.
#[derive(Default)]
pub(crate) struct Gauge {
    complete: AtomicUsize,
    /// Messages that the relay could not store.
    refused: AtomicUsize,
    moved: Notify,
    stopped: AtomicBool,
}

/// A phone that sends without end, loses its network now and then, and sends again what had no COMPLETE.
pub(crate) struct Sender {
    pub(crate) handset: Handset,
    pub(crate) sent: Vec<Sent>,
    /// How many messages the relay knew from an earlier attempt.
    pub(crate) repeats: usize,
    others: Vec<String>,
    chance: Chance,
    gauge: Arc<Gauge>,
    /// By request, the index in `sent`.
    under_way: Vec<(String, usize)>,
    /// What the relay could not store, by its index in `sent`.
    refused: Vec<usize>,
    /// What was sent again over another socket, the same way.
    again: BTreeSet<usize>,
    /// Frames until the network fails.
    until_cut: usize,
}

impl Gauge {
    /// Waits for so many more.
    pub(crate) async fn more(&self, count: usize) {
        self.rise(&self.complete, count).await;
    }

    /// Waits until the relay could not store so many more.
    pub(crate) async fn more_refused(&self, count: usize) {
        self.rise(&self.refused, count).await;
    }

    async fn rise(&self, counted: &AtomicUsize, count: usize) {
        let wanted = counted.load(Ordering::Relaxed) + count;
        loop {
            let moved = self.moved.notified();
            if counted.load(Ordering::Relaxed) >= wanted {
                return;
            }
            // Who writes may have failed, and would be waited for without end.
            timeout(patience(), moved).await.expect("something moves in time");
        }
    }

    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn count(&self) {
        self.complete.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

impl Sender {
    pub(crate) fn new(handset: Handset, others: Vec<String>, mut chance: Chance, gauge: Arc<Gauge>) -> Self {
        let until_cut = chance.within(20..400);
        Self {
            handset,
            sent: Vec::new(),
            repeats: 0,
            others,
            chance,
            gauge,
            under_way: Vec::new(),
            refused: Vec::new(),
            again: BTreeSet::new(),
            until_cut,
        }
    }

    /// Sends until the gauge is stopped and everything has its COMPLETE.
    pub(crate) async fn run(mut self) -> Self {
        loop {
            self.connect().await;
            match self.converse().await {
                Ok(()) => return self.doubting(),
                Err(Trouble::Refused(error)) => panic!("{}: {error}", self.handset.name),
                Err(_) => {}
            }
        }
    }

    /// Where the relay refuses, the word of it may have been lost with a socket: what was sent again then may stand behind
    /// what was sent after it.
    fn doubting(mut self) -> Self {
        if self.gauge.refused.load(Ordering::Relaxed) > 0 {
            self.again.iter().for_each(|index| self.sent[*index].refused = true);
        }
        self
    }

    /// The relay may be down: tries until it is not.
    async fn connect(&mut self) {
        let with_sequence = self.chance.one_in(2);
        let handset = tokio::sync::Mutex::new(&mut self.handset);
        eventually("a socket", async || match handset.lock().await.open(with_sequence).await {
            Err(Trouble::Refused(error)) if !for_now(&error) => panic!("BeginSession is refused: {error}"),
            other => other,
        })
        .await
        .unwrap();
    }

    async fn converse(&mut self) -> Result<(), Trouble> {
        self.send_again().await?;
        loop {
            if !self.refused.is_empty() {
                tokio::time::sleep(REST).await; // tidy: poll
                for index in std::mem::take(&mut self.refused) {
                    self.send(index).await?;
                }
            }
            while self.under_way.len() < WINDOW && !self.gauge.stopped.load(Ordering::Relaxed) {
                self.send_next().await?;
            }
            if self.under_way.is_empty() {
                return Ok(());
            }
            match self.handset.hear().await? {
                Heard::News(entry)
                    if matches!(entry.kind.as_str(), "MessageReceived" | "InvitationReceived") =>
                {
                    if self.chance.one_in(3) {
                        self.handset.write_ack(&entry).await?;
                    }
                }
                Heard::Answer(request) => self.complete(&request),
                Heard::News(_) | Heard::Other => {}
            }
            self.until_cut = self.until_cut.saturating_sub(1);
            if self.until_cut == 0 {
                self.until_cut = self.chance.within(20..400);
                self.handset.cut();
            }
        }
    }

    async fn send_next(&mut self) -> Result<(), Trouble> {
        let to = self.others[self.chance.below(self.others.len())].clone();
        let id = format!("{}-m{}", self.handset.name, self.sent.len() + 1);
        self.sent.push(Sent { id, to, complete: None, refused: false });
        self.send(self.sent.len() - 1).await
    }

    async fn send_again(&mut self) -> Result<(), Trouble> {
        let open = (0..self.sent.len()).filter(|index| self.sent[*index].complete.is_none());
        let open: Vec<_> = open.collect();
        self.under_way.clear();
        self.refused.clear();
        for index in open {
            self.again.insert(index);
            self.send(index).await?;
        }
        Ok(())
    }

    async fn send(&mut self, index: usize) -> Result<(), Trouble> {
        let Sent { id, to, .. } = self.sent[index].clone();
        let request = self.handset.write_message(&to, &id).await?;
        self.under_way.push((request, index));
        Ok(())
    }

    fn complete(&mut self, request: &str) {
        let Some(at) = self.under_way.iter().position(|(one, _)| one == request) else { return };
        let (_, index) = self.under_way.remove(at);
        let answer = self.handset.take_answer(request).expect("it was just heard");
        let data = match answer {
            Ok(data) => data,
            Err(error) if not_stored(&error) => {
                self.sent[index].refused = true;
                self.refused.push(index);
                return self.gauge.count_refused();
            }
            Err(error) => panic!("{}: {error}", self.handset.name),
        };
        self.repeats += usize::from(data["dup"] == Value::Bool(true));
        self.sent[index].complete = data["timestamp"].as_i64();
        self.gauge.count();
    }
}

/// The relay could not read or store something: it is to be tried again.
fn for_now(error: &ApiError) -> bool {
    not_stored(error) || error.inner.ends_with("cannot be checked now")
}

/// The relay's disk or database does not do its part; the phone is to try again.
fn not_stored(error: &ApiError) -> bool {
    error.code == ErrorCode::GeneralFailure && error.to_string().contains("store-failed")
}
