//! An IM system behind a network that fails in every way.

use std::time::Duration;

use trunkline_client::{Event, Phone, RequestError};
use trunkline_testkit::{Way, Wire, peer::Colleague, trial};

use crate::{
    handset::Handset,
    house::{House, address, backend, jid, plan, prosody},
};

/// Messages each way while one fault is about.
const MESSAGES: usize = 12;

/// What is wrong with the connection to the IM system.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It is reset; a new one works.
    Cut,
    /// So is every new one, until the relay has noticed.
    Down,
    /// The answers come late, in seconds.
    Late(u64),
    /// Nothing passes this way, and nobody is told, until the relay has given it up.
    HalfOpen(Way),
    /// Nor either way.
    Silent,
}

/// In an ordinary run those that need no half-minute until somebody notices.
fn faults() -> Vec<Fault> {
    use Fault::{Cut, Down, HalfOpen, Late, Silent};
    let quick = [Cut, Late(2), Down];
    let slow = [Late(30), HalfOpen(Way::Up), HalfOpen(Way::Down), Silent];
    let slow = slow.into_iter().cycle().take(trial(0, 12));
    quick.into_iter().chain(slow).collect()
}

fn text(from: &str, round: usize, n: usize) -> String {
    format!("{from} {round} {n}")
}

/// As a person does: gives the same message again until the relay takes it.
async fn send(phone: Phone, id: String) {
    while let Err(error) = phone.send_as(&id, &address("bob"), &id).await {
        assert!(!matches!(error, RequestError::Refused(_)), "{id}: {error}");
    }
}

struct Scene {
    house: House,
    wire: Wire,
    alice: Handset,
    bob: Colleague,
    /// Messages of Alice's that she was told may have arrived or not.
    unknown: Vec<String>,
}

impl Scene {
    async fn round(&mut self, round: usize, fault: Fault) {
        eprintln!("{fault:?}");
        self.note_unknown();
        self.alice.forget();
        let mut sends = Vec::new();
        for n in 0..MESSAGES {
            if n == MESSAGES / 3 {
                self.strike(fault);
            }
            sends.push(tokio::spawn(send(self.alice.phone.clone(), text("a", round, n))));
            self.bob.send(&jid("alice"), &text("b", round, n), &text("b", round, n)).await.unwrap();
        }
        self.pass(fault).await;
        for n in 0..MESSAGES {
            self.alice.message(&text("b", round, n)).await;
        }
        for send in sends {
            send.await.unwrap();
        }
    }

    fn strike(&self, fault: Fault) {
        match fault {
            Fault::Cut => self.wire.cut(),
            Fault::Down => self.wire.down(),
            Fault::Late(_) => self.wire.hold(Way::Down),
            Fault::HalfOpen(way) => self.wire.hold(way),
            Fault::Silent => self.wire.swallow(),
        }
    }

    async fn pass(&mut self, fault: Fault) {
        if let Fault::Late(seconds) = fault {
            tokio::time::sleep(Duration::from_secs(seconds)).await; // tidy: poll
        } else {
            self.alice.line("connecting").await;
        }
        self.wire.release();
        self.house.lines_up(1).await;
    }

    /// Every message of Alice's came, but for those that she was told of as unknown; none came twice.
    async fn judge(mut self, rounds: usize) {
        self.alice.phone.send(&address("bob"), "the end").await.unwrap();
        self.bob.message("the end").await.unwrap();
        self.note_unknown();
        for text in (0..rounds).flat_map(|round| (0..MESSAGES).map(move |n| text("a", round, n))) {
            match self.bob.message_count(&text) {
                1 => {}
                0 if self.unknown.contains(&text) => {}
                count => panic!("{text} came {count} times; unknown: {:?}", self.unknown),
            }
        }
        let mailbox = self.alice.mailbox().await;
        for text in (0..rounds).flat_map(|round| (0..MESSAGES).map(move |n| text("b", round, n))) {
            let held = mailbox.iter().filter(|entry| entry.text == text && entry.method == "MessageReceived");
            assert!(held.count() <= 1, "{text} is there twice");
        }
        self.house.check_log();
    }

    fn note_unknown(&mut self) {
        self.unknown.extend(self.alice.all(|event| match event {
            Event::Failed { message_id, unknown: true, .. } => Some(message_id.clone()),
            _ => None,
        }));
    }
}

#[tokio::test]
async fn peer_behind_a_failing_network_loses_and_doubles_nothing() {
    let prosody = prosody().await;
    let wire = Wire::to(prosody.port()).await.unwrap();
    let plan = plan().set("SEND_OUTCOME_WAIT_MS", "500").backend(&backend(&prosody, wire.port()));
    let house = House::of(prosody, plan).await;
    let (alice, bob) = (house.alice().await, house.bob().await);
    let mut scene = Scene { house, wire, alice, bob, unknown: Vec::new() };
    let faults = faults();
    for (round, fault) in faults.iter().enumerate() {
        scene.round(round, *fault).await;
    }
    scene.judge(faults.len()).await;
}
