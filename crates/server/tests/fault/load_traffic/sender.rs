use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::Value;
use tokio::sync::Notify;
use trunkline_testkit::eventually;

use crate::{
    chance::Chance,
    handset::{Handset, Heard, Trouble},
    history::Sent,
};

/// Messages that a phone has under way at once.
const WINDOW: usize = 6;

/// Counts the messages with a COMPLETE of all phones.
#[derive(Default)]
pub(super) struct Gauge {
    complete: AtomicUsize,
    moved: Notify,
    stopped: AtomicBool,
}

/// A phone that sends without end, loses its network now and then, and sends again what had no COMPLETE.
pub(super) struct Sender {
    pub(super) handset: Handset,
    pub(super) sent: Vec<Sent>,
    /// How many messages the relay knew from an earlier attempt.
    pub(super) repeats: usize,
    others: Vec<String>,
    chance: Chance,
    gauge: Arc<Gauge>,
    /// By request, the index in `sent`.
    under_way: Vec<(String, usize)>,
    /// Frames until the network fails.
    until_cut: usize,
}

impl Gauge {
    /// Waits for so many more.
    pub(super) async fn more(&self, count: usize) {
        let wanted = self.complete.load(Ordering::Relaxed) + count;
        loop {
            let moved = self.moved.notified();
            if self.complete.load(Ordering::Relaxed) >= wanted {
                return;
            }
            moved.await;
        }
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn count(&self) {
        self.complete.fetch_add(1, Ordering::Relaxed);
        self.moved.notify_waiters();
    }
}

impl Sender {
    pub(super) fn new(handset: Handset, others: Vec<String>, mut chance: Chance, gauge: Arc<Gauge>) -> Self {
        let until_cut = chance.within(20..400);
        Self {
            handset,
            sent: Vec::new(),
            repeats: 0,
            others,
            chance,
            gauge,
            under_way: Vec::new(),
            until_cut,
        }
    }

    /// Sends until the gauge is stopped and everything has its COMPLETE.
    pub(super) async fn run(mut self) -> Self {
        loop {
            self.connect().await;
            match self.converse().await {
                Ok(()) => return self,
                Err(Trouble::Refused(error)) => panic!("{}: {error}", self.handset.name),
                Err(_) => {}
            }
        }
    }

    /// The relay may be down: tries until it is not.
    async fn connect(&mut self) {
        let with_sequence = self.chance.one_in(2);
        let handset = tokio::sync::Mutex::new(&mut self.handset);
        eventually("a socket", async || match handset.lock().await.open(with_sequence).await {
            Err(Trouble::Refused(error)) => panic!("BeginSession is refused: {error}"),
            other => other,
        })
        .await
        .unwrap();
    }

    async fn converse(&mut self) -> Result<(), Trouble> {
        self.send_again().await?;
        loop {
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
        self.sent.push(Sent { id, to, complete: None });
        self.send(self.sent.len() - 1).await
    }

    async fn send_again(&mut self) -> Result<(), Trouble> {
        let open = (0..self.sent.len()).filter(|index| self.sent[*index].complete.is_none());
        let open: Vec<_> = open.collect();
        self.under_way.clear();
        for index in open {
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
        let data = answer.unwrap_or_else(|error| panic!("{}: {error}", self.handset.name));
        self.repeats += usize::from(data["dup"] == Value::Bool(true));
        self.sent[index].complete = data["timestamp"].as_i64();
        self.gauge.count();
    }
}
