//! Random commands in random batches against a naive model that does one thing after the other.

#[path = "naive/world.rs"]
mod world;

use std::future::Future;

use proptest::{collection::vec, prelude::*, sample::select};
use trunkline_model::{AccountId, Address, CallEnd, EntryBody, MessageKey, Seq, Timestamp};
use trunkline_store::{MessageOutcome, NewIncoming, NewMessage, Pending, Route, Sent, StoreError};

use crate::fixture::{House, Person, address, message_id, text, told};
use world::{NAMES, OUTSIDE, Told, Who, World};

#[derive(Debug, Clone)]
enum Step {
    Send {
        from: Who,
        device: usize,
        to: Who,
        id: usize,
        text: usize,
        deliver: bool,
    },
    Receive {
        to: Who,
        id: usize,
    },
    Call {
        to: Who,
    },
    CallEnded {
        to: Who,
        id: Option<usize>,
        elsewhere: bool,
    },
    Start {
        from: Who,
        to: Who,
    },
    Accept {
        who: Who,
        peer: Who,
    },
    Decline {
        who: Who,
        peer: Who,
    },
    End {
        who: Who,
        peer: Who,
    },
    /// Up to so many places before the head.
    Acknowledge {
        who: Who,
        device: usize,
        back: i64,
    },
    Read {
        who: Who,
        peer: Who,
        back: Option<i64>,
    },
    Outcome {
        from: Who,
        device: usize,
        id: usize,
        word: &'static str,
    },
    Receipt {
        from: Who,
        device: usize,
        id: usize,
    },
    /// Wait for all answers, so that the next steps are another batch.
    Settle,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let (who, peer, device, id) = (0..3_usize, 0..4_usize, 0..2_usize, 0..5_usize);
    let pair = (who.clone(), peer).prop_filter("not oneself", |(who, peer)| who != peer);
    let words = select(vec!["stored", "submitted", "confirmed", "failed", "unknown"]);
    prop_oneof![
        12 => (pair.clone(), device.clone(), id.clone(), 0..2_usize, prop::bool::weighted(0.9)).prop_map(
            |((from, to), device, id, text, deliver)| Step::Send { from, device, to, id, text, deliver }
        ),
        3 => (who.clone(), id.clone()).prop_map(|(to, id)| Step::Receive { to, id }),
        1 => who.clone().prop_map(|to| Step::Call { to }),
        2 => (who.clone(), prop::option::of(id.clone()), any::<bool>()).prop_map(|(to, id, elsewhere)| {
            Step::CallEnded { to, id, elsewhere }
        }),
        2 => pair.clone().prop_map(|(from, to)| Step::Start { from, to }),
        3 => pair.clone().prop_map(|(who, peer)| Step::Accept { who, peer }),
        1 => pair.clone().prop_map(|(who, peer)| Step::Decline { who, peer }),
        2 => pair.clone().prop_map(|(who, peer)| Step::End { who, peer }),
        5 => (who.clone(), device.clone(), -1..6_i64).prop_map(|(who, device, back)| {
            Step::Acknowledge { who, device, back }
        }),
        4 => (pair, prop::option::of(-1..8_i64)).prop_map(|((who, peer), back)| Step::Read { who, peer, back }),
        4 => (who.clone(), device.clone(), id.clone(), words).prop_map(|(from, device, id, word)| {
            Step::Outcome { from, device, id, word }
        }),
        1 => (who, device, id).prop_map(|(from, device, id)| Step::Receipt { from, device, id }),
        6 => Just(Step::Settle),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::CASES, ..ProptestConfig::default() })]

    #[test]
    fn the_store_does_what_the_naive_model_does(steps in vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut run = Run::new().await;
            for step in &steps {
                run.step(step).await;
            }
            run.compare().await;
        });
    }
}

/// The store and the model side by side.
struct Run {
    house: House,
    people: Vec<[Person; 2]>,
    world: World,
    /// Answers to come, each with what it must be.
    waiting: Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>>,
}

impl Run {
    async fn new() -> Self {
        let house = super::house().await;
        let mut people = Vec::new();
        for name in &NAMES[..OUTSIDE] {
            let phone = house.person(name).await;
            let tablet = Person { device: house.device(&phone, "tablet").await, ..phone.clone() };
            people.push([phone, tablet]);
        }
        Self { house, people, world: World::default(), waiting: Vec::new() }
    }

    async fn step(&mut self, step: &Step) {
        match *step {
            Step::Send { from, device, to, id, text, deliver } => {
                let (id, body) = (format!("m-{id}"), ["one", "two"][text]);
                let expected = self.world.send(from, device, to, &id, body, deliver);
                let pending = self.house.store.send(self.message(from, device, to, &id, body, deliver)).await;
                self.expect(pending, expected, |answer| match answer {
                    Ok(Sent { dup, head, .. }) => Told::Sent { dup, head: head.0 },
                    Err(StoreError::Reused) => Told::Reused,
                    Err(error) => panic!("{error}"),
                });
            }
            Step::Receive { to, id } => {
                let expected = self.world.receive(to, &format!("x-{id}"), "from dave");
                let pending = self.house.store.receive(self.incoming(to, &format!("x-{id}"))).await;
                self.expect(pending, expected, |answer| answer.unwrap().dup);
            }
            Step::Start { from, to } => {
                self.world.start(from, to);
                let (person, peer) = (self.person(from), address_of(to));
                let recipient = self.recipient(to);
                let pending =
                    self.house.store.start_chat(person.account, person.device, peer, recipient).await;
                self.expect(pending, true, |answer| answer.is_ok());
            }
            Step::Accept { who, peer } => self.answer(who, peer, true).await,
            Step::Decline { who, peer } => self.answer(who, peer, false).await,
            Step::End { who, peer } => {
                self.world.end(who, peer);
                let (person, recipient) = (self.person(who), self.recipient(peer));
                let pending = self
                    .house
                    .store
                    .end_chat(person.account, person.device, address_of(peer), recipient)
                    .await;
                self.expect(pending, true, |told| told.is_ok());
            }
            ref later => self.later_step(later).await,
        }
    }

    async fn later_step(&mut self, step: &Step) {
        match *step {
            Step::Call { to } => {
                self.world.call(to);
                let pending = self.house.store.call(self.person(to).account, &address_of(OUTSIDE)).await;
                self.expect(pending, true, |told| told.is_ok());
            }
            Step::CallEnded { to, id, elsewhere } => {
                let id = id.map(|id| format!("x-{id}"));
                self.world.call_ended(to, id.as_deref(), elsewhere);
                let end = if elsewhere { CallEnd::AnsweredElsewhere } else { CallEnd::Missed };
                let (account, peer) = (self.person(to).account, address_of(OUTSIDE));
                let pending = self.house.store.call_ended(account, &peer, id.as_deref(), end).await;
                self.expect(pending, true, |told| told.is_ok());
            }
            Step::Acknowledge { who, device, back } => {
                let up_to = self.world.head(who) - back;
                let expected = self.world.acknowledge(who, device, up_to);
                let person = &self.people[who][device];
                let pending = self.house.store.acknowledge(person.account, person.device, Seq(up_to)).await;
                self.expect(pending, expected, |answer| answer.unwrap().receipts.len());
            }
            Step::Read { who, peer, back } => {
                let up_to = back.map(|back| self.world.head(who) - back);
                let expected = self.world.read(who, peer, up_to);
                let person = self.person(who);
                let (account, device) = (person.account, person.device);
                let pending = self.house.store.read(account, device, address_of(peer), up_to.map(Seq)).await;
                self.expect(pending, expected, |answer| match answer {
                    Ok(mark) => Some((mark.up_to.0, mark.unread)),
                    Err(StoreError::NotFound(_)) => None,
                    Err(error) => panic!("{error}"),
                });
            }
            Step::Outcome { from, device, id, word } => {
                self.outcome(from, device, &format!("m-{id}"), word).await
            }
            Step::Receipt { from, device, id } => {
                let id = format!("m-{id}");
                let Some((key, to)) = self.key(from, device, &id).await else { return };
                self.world.receipt(from, device, &id);
                let account = self.person(from).account;
                let pending = self.house.store.delivered(account, &to, key).await;
                self.expect(pending, true, |told| told.is_ok());
            }
            Step::Reopen => {
                self.settle().await;
                self.house.reopen().await;
            }
            _ => self.settle().await,
        }
    }

    async fn answer(&mut self, who: Who, peer: Who, accept: bool) {
        // The invitation's id is only known from the store.
        self.settle().await;
        let (person, address, recipient) = (self.person(who).clone(), address_of(peer), self.recipient(peer));
        let side = self.house.store.conversation(person.account, &address).await.unwrap();
        let expected = if accept { self.world.accept(who, peer) } else { self.world.decline(who, peer) };
        let Some(side) = side else {
            assert!(!expected, "the model knows an invitation that the store does not");
            return;
        };
        let store = &self.house.store;
        let pending = if accept {
            store.accept(person.account, person.device, address, side.chat, recipient).await
        } else {
            store.decline(person.account, person.device, address, side.chat, recipient).await
        };
        self.expect(pending, expected, |answer| match answer {
            Ok(()) => true,
            Err(StoreError::AlreadyAnswered) => false,
            Err(error) => panic!("{error}"),
        });
    }

    async fn outcome(&mut self, from: Who, device: usize, id: &str, word: &'static str) {
        let Some((key, _)) = self.key(from, device, id).await else { return };
        self.world.outcome(from, device, id, word);
        let outcome = match word {
            "stored" => MessageOutcome::Stored,
            "submitted" => MessageOutcome::Submitted,
            "confirmed" => MessageOutcome::Confirmed,
            "failed" => MessageOutcome::Failed { code: 1018, reason: "no".to_owned() },
            _ => MessageOutcome::Unknown { reason: "lost".to_owned() },
        };
        let pending = self.house.store.outcome(None, key, outcome, true).await;
        self.expect(pending, true, |told| told.is_ok());
    }

    /// The key and recipient of what a device sent under an id, from the sender's mailbox.
    async fn key(&mut self, from: Who, device: usize, id: &str) -> Option<(MessageKey, Address)> {
        self.settle().await;
        let person = &self.people[from][device];
        let entries = self.house.store.mailbox(person.account, Seq(0), 1_000).await.unwrap();
        entries.iter().find_map(|entry| match &entry.body {
            EntryBody::MessageSent { message, peer, .. }
                if entry.origin == Some(person.device) && message.id.as_str() == id =>
            {
                Some((message.key, peer.clone()))
            }
            _ => None,
        })
    }

    fn expect<T: 'static, S: PartialEq + std::fmt::Debug + 'static>(
        &mut self,
        pending: Result<Pending<T>, StoreError>,
        expected: S,
        shown: impl Fn(Result<T, StoreError>) -> S + 'static,
    ) {
        let pending = pending.unwrap();
        self.waiting.push(Box::pin(async move { assert_eq!(shown(pending.await), expected) }));
    }

    async fn settle(&mut self) {
        for one in self.waiting.drain(..) {
            one.await;
        }
    }

    async fn compare(&mut self) {
        self.settle().await;
        for who in 0..OUTSIDE {
            let person = self.person(who);
            let entries = self.house.store.mailbox(person.account, Seq(0), 1_000).await.unwrap();
            let shown: Vec<String> = entries.iter().map(|entry| told(entry)).collect();
            assert_eq!(shown, self.world.mailbox(who));
            assert_eq!(self.heard(person), shown);
            let waiting = self.house.store.outbox(person.account).await.unwrap();
            assert_eq!(waiting.len(), self.world.waiting(who));
            for device in 0..2 {
                let mark = self.house.store.acknowledged(self.people[who][device].device).await.unwrap();
                assert_eq!(mark.0, self.world.mark(who, device));
            }
            for peer in (0..NAMES.len()).filter(|peer| *peer != who) {
                let side = self.house.store.conversation(person.account, &address_of(peer)).await.unwrap();
                assert_eq!(side.map(|side| side.unread), self.world.unread(who, peer));
            }
        }
    }

    fn heard(&self, person: &Person) -> Vec<String> {
        let heard = self.house.heard.0.lock().unwrap();
        heard.iter().filter(|one| one.account == person.account).map(|one| told(&one.entry)).collect()
    }

    fn person(&self, who: Who) -> &Person {
        &self.people[who][0]
    }

    fn recipient(&self, who: Who) -> Option<AccountId> {
        (who != OUTSIDE).then(|| self.person(who).account)
    }

    fn message(&self, from: Who, device: usize, to: Who, id: &str, body: &str, deliver: bool) -> NewMessage {
        let route = self.recipient(to).map_or(Route::Line, |recipient| Route::Local { recipient, deliver });
        crate::fixture::message(&self.people[from][device], &address_of(to), id, body, route)
    }

    fn incoming(&self, to: Who, id: &str) -> NewIncoming {
        NewIncoming {
            account: self.person(to).account,
            peer: address_of(OUTSIDE),
            id: message_id(id),
            foreign_id: id.to_owned(),
            text: text("from dave"),
            sent_at: Timestamp::now(),
        }
    }
}

fn address_of(who: Who) -> Address {
    address(&format!("{}@example.test", NAMES[who]))
}
