//! What phones wrote, what they were told of it, and what arrived.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use trunkline_client::{Phone, RequestError};

use super::pool::address;
use crate::chance::Chance;

/// What a sender was told of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Nothing, or that it is on its way: it has to arrive.
    Sent,
    /// That it did not arrive: it must not.
    Failed,
    /// That nobody knows.
    Unknown,
    /// The relay died before it answered, and the phone repeated it: that is its consent to a second copy, if nobody knew
    /// what had become of the first.
    Repeated,
}

/// Everything that one person wrote to another, in its order.
pub(crate) struct Letters {
    from: &'static str,
    to: &'static str,
    told: Vec<Told>,
    /// How often the relay died.
    deaths: Arc<AtomicUsize>,
}

impl Letters {
    pub(crate) fn new(from: &'static str, to: &'static str, deaths: Arc<AtomicUsize>) -> Self {
        Self { from, to, told: Vec::new(), deaths }
    }

    /// Writes one after the other until it is time to stop.
    pub(crate) async fn write(mut self, phone: Phone, stop: CancellationToken, mut chance: Chance) -> Self {
        while !stop.is_cancelled() {
            self.write_one(&phone).await;
            let pause = chance.within(1..40) as u64;
            sleep(Duration::from_millis(pause)).await; // tidy: poll
        }
        self
    }

    /// As a person does: gives the same message again until the relay takes it.
    pub(crate) async fn write_one(&mut self, phone: &Phone) {
        let text = self.text(self.told.len());
        let deaths = self.deaths.load(Ordering::Relaxed);
        let mut told = loop {
            match phone.send_as(&text, &address(self.to), &text).await {
                Ok(_) => break Told::Sent,
                Err(RequestError::Refused(error)) if error.inner.starts_with("outcome-unknown") => {
                    break Told::Unknown;
                }
                Err(RequestError::Refused(_)) => break Told::Failed,
                Err(RequestError::Stopped(reason)) => panic!("{text}: {reason}"),
                Err(_) => {}
            }
        };
        if deaths != self.deaths.load(Ordering::Relaxed) {
            told = Told::Repeated;
        }
        self.told.push(told);
    }

    pub(crate) fn from(&self) -> &'static str {
        self.from
    }

    pub(crate) fn to(&self) -> &'static str {
        self.to
    }

    /// What the last message is.
    pub(crate) fn last(&self) -> String {
        self.text(self.told.len() - 1)
    }

    fn text(&self, number: usize) -> String {
        format!("{} to {}, {number}", self.from, self.to)
    }
}

/// A mailbox, as far as it tells of messages.
pub(crate) struct Mailbox {
    /// Texts that came, in their order.
    came: Vec<String>,
    /// Of messages of the person's that failed, whether nobody knows.
    failed: HashMap<String, bool>,
}

impl Mailbox {
    pub(crate) async fn read(phone: &Phone) -> Self {
        let (mut since, mut came, mut failed) = (0, Vec::new(), HashMap::new());
        loop {
            let page = phone.request("mailbox.Sync", json!({"since": since, "limit": 200})).await.unwrap();
            for entry in page["entries"].as_array().unwrap() {
                let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
                match entry["method"].as_str().unwrap() {
                    "MessageFailed" => drop(failed.insert(text("messageId"), entry["unknown"] == true)),
                    "MessageReceived" | "InvitationReceived" => came.push(text("message")),
                    _ => {}
                }
            }
            since = page["next"].as_i64().unwrap();
            if page["more"] != Value::Bool(true) {
                return Self { came, failed };
            }
        }
    }

    /// Whether a text has come.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.came.iter().any(|each| each == text)
    }
}

/// Everything that is wrong with a history: lost, doubled, invented, out of order, or told wrongly.
pub(crate) fn faults(letters: &[Letters], mailboxes: &BTreeMap<&'static str, Mailbox>) -> Vec<String> {
    let mut faults = Vec::new();
    for letters in letters {
        let (there, here) = (&mailboxes[letters.to], &mailboxes[letters.from]);
        let mut last = None;
        for (number, told) in letters.told.iter().enumerate() {
            let text = letters.text(number);
            let told = match (told, here.failed.get(&text)) {
                (Told::Sent, Some(true)) => Told::Unknown,
                (Told::Sent, Some(false)) => Told::Failed,
                _ => *told,
            };
            let places: Vec<_> = (0..there.came.len()).filter(|at| there.came[*at] == text).collect();
            match (places.len(), told) {
                (0, Told::Sent | Told::Repeated) if !here.failed.contains_key(&text) => {
                    faults.push(format!("lost: {text}"))
                }
                (0, _) | (1, Told::Sent | Told::Unknown) | (1 | 2, Told::Repeated) => {}
                (1, Told::Failed) => faults.push(format!("told as failed, and came: {text}")),
                (count, _) => faults.push(format!("came {count} times: {text}")),
            }
            if let Some(place) = places.first() {
                if last.is_some_and(|last| last > *place) {
                    faults.push(format!("came too late: {text}"));
                }
                last = Some(*place);
            }
        }
    }
    faults
}

/// How many were written, failed, and are unknown.
pub(crate) fn sum(letters: &[Letters], mailboxes: &BTreeMap<&'static str, Mailbox>) -> [usize; 3] {
    let count =
        |meant: Told| letters.iter().flat_map(|letters| &letters.told).filter(|told| **told == meant).count();
    let later = |unknown: bool| {
        mailboxes
            .values()
            .flat_map(|mailbox| mailbox.failed.values())
            .filter(|each| **each == unknown)
            .count()
    };
    let all = letters.iter().map(|letters| letters.told.len()).sum();
    [all, count(Told::Failed) + later(false), count(Told::Unknown) + later(true)]
}
