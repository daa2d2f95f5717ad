use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use proptest::prelude::*;
use trunkline_model::{
    ChatId, DeviceId, Entry, EntryBody, Epoch, MessageKey, MessageText, MessageView, Seq, Timestamp,
};

use super::{Offer, Outbound, Step};
use crate::session::sequence::Sequences;

const START: Timestamp = Timestamp(1_000_000);

/// A mailbox, the session that reads it, and the phone at the other end.
struct World {
    device: DeviceId,
    mailbox: Vec<Arc<Entry>>,
    outbound: Outbound,
    /// What the present socket has carried, as mailbox places.
    socket: Vec<i64>,
    /// Everything the phone ever got, and the last sequence it saw.
    got: Vec<i64>,
    /// The last reader was a poll, whose answer is complete.
    polls: bool,
    /// The sequences of the completions that it got.
    completions: BTreeSet<i64>,
    last_sequence: Option<i64>,
    /// The last sequence on the present socket.
    rising: i64,
}

impl World {
    fn new() -> Self {
        let device = DeviceId::fresh();
        let mut outbound = Outbound::new(device, Sequences::new(START, 0, 10_000), Seq(0), Seq(0));
        outbound.open(None);
        Self {
            device,
            mailbox: Vec::new(),
            outbound,
            socket: Vec::new(),
            got: Vec::new(),
            polls: false,
            completions: BTreeSet::new(),
            last_sequence: None,
            rising: 0,
        }
    }

    fn commit(&mut self, own: bool, hear: bool) {
        let seq = Seq(i64::try_from(self.mailbox.len()).unwrap() + 1);
        let message = MessageView {
            key: MessageKey::fresh(),
            id: format!("m-{}", seq.0).parse().unwrap(),
            text: MessageText::new("hello", 10).unwrap(),
            sent_at: START,
        };
        let (chat, peer) = (ChatId::fresh(), "bo@example.test".parse().unwrap());
        let body = EntryBody::MessageReceived { chat, peer, message };
        let entry = Arc::new(Entry { seq, at: START, origin: own.then_some(self.device), body });
        self.mailbox.push(Arc::clone(&entry));
        if hear {
            self.outbound.offer(&Arc::new(Offer::new(entry)));
        } else {
            self.outbound.heard(seq);
        }
    }

    /// Writes at most `limit` frames to the present socket.
    fn write(&mut self, limit: usize) {
        if !self.polls {
            self.write_to(limit, true);
        }
    }

    /// When not `alive`, the phone gets none of it.
    fn write_to(&mut self, limit: usize, alive: bool) {
        let mut written = 0;
        while written < limit {
            match self.outbound.step() {
                Step::Write(frame) => {
                    written += 1;
                    if alive {
                        self.take(&frame);
                    }
                }
                Step::Encode(offer) => offer.encode(Epoch(1), "Bo"),
                Step::Read(after) => self.read(after),
                Step::Wait => return,
                Step::Exhausted => panic!("10 000 sequences suffice here"),
            }
        }
    }

    fn read(&mut self, after: Seq) {
        let page = self.mailbox.iter().filter(|entry| entry.seq > after).take(3);
        let page = page.map(|entry| Arc::new(Offer::new(Arc::clone(entry)))).collect();
        self.outbound.page(after, page);
    }

    fn take(&mut self, frame: &str) {
        let value: serde_json::Value = serde_json::from_str(frame).unwrap();
        let sequence = value["sequence"].as_i64().unwrap();
        assert!(self.rising < sequence, "sequence {sequence} after {}", self.rising);
        self.rising = sequence;
        self.last_sequence = Some(sequence);
        let Some(seq) = value["result"]["data"]["mailboxSeq"].as_i64() else {
            self.completions.insert(sequence);
            return;
        };
        assert!(
            self.socket.last().is_none_or(|last| *last < seq),
            "{seq} out of order after {:?}",
            self.socket
        );
        self.socket.push(seq);
        if !self.got.contains(&seq) {
            self.got.push(seq);
        }
    }

    /// A new socket, after the old one has carried `lost` frames into the void.
    fn reopen(&mut self, tells: bool, lost: usize) {
        if !self.polls {
            self.write_to(lost, false);
        }
        self.polls = false;
        self.socket.clear();
        self.rising = 0;
        self.outbound.open(self.last_sequence.filter(|_| tells));
    }

    /// A poll and its answer of at most `limit` frames, which may never arrive.
    fn poll(&mut self, tells: bool, limit: usize, alive: bool) {
        let told = self.last_sequence.filter(|_| tells);
        self.socket.clear();
        self.rising = told.unwrap_or(0);
        self.polls = true;
        self.outbound.poll(told);
        self.write_to(limit, alive);
    }

    fn acknowledge_last(&mut self) {
        if let Some(last) = self.socket.last() {
            self.outbound.acknowledge(Seq(*last));
        }
    }

    /// What the phone said on an earlier socket takes effect only now.
    fn acknowledge_late(&mut self) {
        if let Some(last) = self.got.iter().max() {
            self.outbound.acknowledge(Seq(*last));
        }
    }
}

#[derive(Debug, Clone)]
enum Act {
    Commit { own: bool, hear: bool },
    Write(usize),
    Complete,
    Acknowledge,
    AcknowledgeLate,
    Reopen { tells: bool, lost: usize },
    Poll { tells: bool, limit: usize, alive: bool },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (any::<bool>(), any::<bool>()).prop_map(|(own, hear)| Act::Commit { own, hear }),
        4 => (0..6_usize).prop_map(Act::Write),
        1 => Just(Act::Complete),
        2 => Just(Act::Acknowledge),
        1 => Just(Act::AcknowledgeLate),
        2 => (any::<bool>(), 0..4_usize).prop_map(|(tells, lost)| Act::Reopen { tells, lost }),
        2 => poll(),
    ]
}

fn poll() -> impl Strategy<Value = Act> {
    (prop::bool::weighted(0.8), 0..6_usize, prop::bool::weighted(0.8))
        .prop_map(|(tells, limit, alive)| Act::Poll { tells, limit, alive })
}

/// What can happen to a phone that only polls; completions can be large.
fn polled_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (any::<bool>(), any::<bool>()).prop_map(|(own, hear)| Act::Commit { own, hear }),
        3 => Just(Act::Complete),
        1 => Just(Act::Acknowledge),
        4 => poll(),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_the_phone_gets_every_entry_of_others_in_order(acts in prop::collection::vec(act(), 1..80)) {
        let mut world = World::new();
        for act in acts {
            match act {
                Act::Commit { own, hear } => world.commit(own, hear),
                Act::Write(limit) => world.write(limit),
                Act::Complete => world.outbound.complete(|sequence| format!("{{\"sequence\":{sequence}}}")),
                Act::Acknowledge => world.acknowledge_last(),
                Act::AcknowledgeLate => world.acknowledge_late(),
                Act::Reopen { tells, lost } => world.reopen(tells, lost),
                Act::Poll { tells, limit, alive } => world.poll(tells, limit, alive),
            }
        }
        if world.polls {
            world.reopen(true, 0);
        }
        world.write(usize::MAX);
        let others: Vec<_> = world.mailbox.iter().filter(|one| one.origin.is_none()).map(|one| one.seq.0).collect();
        let mut got = world.got.clone();
        got.sort_unstable();
        prop_assert_eq!(got, others);
    }

    #[test]
    fn whatever_happens_a_phone_that_polls_gets_every_entry_and_every_completion(
        acts in prop::collection::vec(polled_act(), 1..80)
    ) {
        let mut world = World::new();
        world.outbound.close();
        world.outbound.expect_poll();
        let mut completed = 0;
        for act in acts {
            match act {
                Act::Commit { own, hear } => world.commit(own, hear),
                Act::Complete => {
                    completed += 1;
                    let rest = "x".repeat(20_000 * (completed % 2));
                    world.outbound.complete(move |sequence| format!("{{\"sequence\":{sequence},\"rest\":\"{rest}\"}}"));
                }
                Act::Acknowledge => world.acknowledge_last(),
                Act::Poll { tells, limit, alive } => world.poll(tells, limit, alive),
                _ => {}
            }
        }
        world.poll(true, usize::MAX, true);
        let others = world.mailbox.iter().filter(|one| one.origin.is_none()).count();
        prop_assert_eq!((world.got.len(), world.completions.len()), (others, completed));
        world.poll(true, usize::MAX, true);
        prop_assert_eq!(world.outbound.waiting_bytes(), 0);
        prop_assert!(world.socket.is_empty(), "what is acknowledged comes again: {:?}", world.socket);
    }
}

#[test]
fn a_replayed_entry_keeps_its_sequence_and_an_acknowledged_one_stays_away() {
    let mut world = World::new();
    for _ in 0..3 {
        world.commit(false, true);
    }
    world.write(usize::MAX);
    let last = world.last_sequence;
    world.outbound.acknowledge(Seq(1));
    world.last_sequence = None;
    world.reopen(true, 0);
    world.write(usize::MAX);
    assert_eq!((world.socket.as_slice(), world.last_sequence), ([2, 3].as_slice(), last));
}

#[test]
fn completions_come_back_for_a_phone_that_tells_what_it_has() {
    let mut world = World::new();
    world.commit(false, true);
    world.write(usize::MAX);
    world.outbound.complete(|sequence| format!("{{\"done\":{sequence}}}"));
    world.commit(false, true);
    world.reopen(true, 0);
    let mut frames = VecDeque::new();
    loop {
        match world.outbound.step() {
            Step::Write(frame) => frames.push_back(frame),
            Step::Encode(offer) => offer.encode(Epoch(1), "Bo"),
            Step::Read(after) => world.read(after),
            Step::Wait => break,
            Step::Exhausted => panic!("sequences suffice"),
        }
    }
    assert!(frames.iter().any(|frame| frame.contains("done")), "{frames:?}");
    assert!(frames.iter().any(|frame| frame.contains("\"mailboxSeq\":2")), "{frames:?}");
}

#[test]
fn hints_do_not_pile_up() {
    let mut world = World::new();
    let typing = trunkline_wire::typing(&"bo@example.test".parse().unwrap(), ChatId::fresh(), true);
    for _ in 0..9_000 {
        world.outbound.hint(&typing);
    }
    assert!(world.outbound.waiting_bytes() < 300 * 1024, "{}", world.outbound.waiting_bytes());
    world.commit(false, true);
    world.write(usize::MAX);
    assert_eq!(world.socket, [1], "what must not be missed is not");
    let sequence = world.last_sequence;
    world.outbound.hint(&typing);
    world.write(usize::MAX);
    assert!(world.last_sequence > sequence, "there is room again");
}

#[test]
fn a_completion_without_a_sequence_waits_for_one() {
    let sequences = Sequences::new(START, 0, 1);
    let mut outbound = Outbound::new(DeviceId::fresh(), sequences, Seq(0), Seq(0));
    outbound.open(None);
    outbound.complete(|sequence| sequence.to_string());
    outbound.complete(|sequence| sequence.to_string());
    assert!(matches!(outbound.step(), Step::Write(text) if text == "1000001"));
    assert!(matches!(outbound.step(), Step::Exhausted));
    outbound.granted(2);
    assert!(matches!(outbound.step(), Step::Write(text) if text == "1000002"));
    assert!(matches!(outbound.step(), Step::Wait));
}
