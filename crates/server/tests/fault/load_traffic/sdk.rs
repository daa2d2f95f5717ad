use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use trunkline_client::{Backoff, Event, Phone, Profile, RequestError, Server};
use trunkline_testkit::{eventually, patience, trial};

use super::sender::Gauge;
use crate::{
    chance::Chance,
    handset::text_of,
    house::{House, address},
};

/// A phone of the SDK, and the ids of what it was told, as they came.
struct Person {
    phone: Phone,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    received: Vec<String>,
    sent: Vec<String>,
    delivered: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_of_the_sdk_come_through_power_cuts_too() {
    let mut chance = Chance::new(33);
    let mut house = House::open(&["alice", "bob"]).await;
    let (alice, onlooker) = (Person::of(&house, "alice", 1).await, Person::of(&house, "alice", 2).await);
    let bob = Person::of(&house, "bob", 1).await;
    let (gauge, stop) = (Arc::new(Gauge::default()), Arc::new(AtomicBool::new(false)));
    let chat = |person: &Person, to: &str, name: &'static str| {
        let (phone, to) = (person.phone.clone(), address(to));
        tokio::spawn(chatter(phone, to, name, Arc::clone(&gauge), Arc::clone(&stop)))
    };
    let both = [chat(&alice, "bob", "a"), chat(&bob, "alice", "b")];
    for round in 0..12 {
        gauge.more(chance.within(5..40)).await;
        match round % 4 {
            0 => house.power_cut().await,
            1 => alice.phone.drop_network(),
            2 => bob.phone.drop_network(),
            _ => onlooker.phone.drop_network(),
        }
    }
    gauge.more(20).await;
    stop.store(true, Ordering::Relaxed);
    let [alices, bobs] = both;
    let (alices, bobs) = (alices.await.unwrap(), bobs.await.unwrap());
    alice.was_told(&bobs, &[], &alices).await;
    onlooker.was_told(&bobs, &alices, &alices).await;
    bob.was_told(&alices, &[], &bobs).await;
    house.check_log();
}

/// A phone on the move: its network is slow, then dead for a while, then another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_on_the_move_lose_and_double_nothing() {
    let house = House::open(&["alice", "bob"]).await;
    let (wire, server) = house.wire().await;
    let alice = Person::over(&house, server.clone(), "alice", 1).await;
    let bob = Person::over(&house, server, "bob", 1).await;
    let (gauge, stop) = (Arc::new(Gauge::default()), Arc::new(AtomicBool::new(false)));
    let chat = |person: &Person, to: &str, name: &'static str| {
        let (phone, to) = (person.phone.clone(), address(to));
        tokio::spawn(chatter(phone, to, name, Arc::clone(&gauge), Arc::clone(&stop)))
    };
    let both = [chat(&alice, "bob", "a"), chat(&bob, "alice", "b")];
    for _ in 0..trial(1, 3) {
        wire.delay(Duration::from_millis(trial(200, 800) as u64));
        gauge.more(6).await;
        wire.swallow();
        let connections = wire.accepted();
        if trial(0, 1) == 1 {
            tokio::time::sleep(Duration::from_secs(180)).await; // tidy: poll
        }
        eventually("the phones try another way", async || (wire.accepted() > connections).then_some(()))
            .await
            .unwrap();
        wire.release();
        gauge.more(20).await;
        alice.phone.drop_network();
        gauge.more(20).await;
    }
    stop.store(true, Ordering::Relaxed);
    let [alices, bobs] = both;
    let (alices, bobs) = (alices.await.unwrap(), bobs.await.unwrap());
    alice.was_told(&bobs, &[], &alices).await;
    bob.was_told(&alices, &[], &bobs).await;
    house.check_log();
}

/// Sends one message after the other; gives their ids.
async fn chatter(
    phone: Phone,
    to: String,
    name: &str,
    gauge: Arc<Gauge>,
    stop: Arc<AtomicBool>,
) -> Vec<String> {
    let (to, mut ids) = (to.parse().unwrap(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        let id = format!("{name}-{}", ids.len());
        while let Err(error) = phone.send_as(&id, &to, &text_of(&id)).await {
            // The same message again, as a person does after three minutes without a network.
            assert!(matches!(error, RequestError::TimedOut(_)), "{id}: {error}");
        }
        ids.push(id);
        gauge.count();
    }
    ids
}

impl Person {
    async fn of(house: &House, account: &str, number: usize) -> Self {
        Self::over(house, house.server(), account, number).await
    }

    /// Reaches the relay by this way.
    async fn over(house: &House, server: Server, account: &str, number: usize) -> Self {
        let install = format!("{account}-{number}");
        let mut profile = Profile::new(server, house.activate(account, &install).await, install);
        profile.ping_every = Duration::from_secs(2);
        profile.backoff = Backoff { first: Duration::from_millis(10), longest: Duration::from_millis(100) };
        let phone = Phone::connect(profile);
        let (mut events, told) = (phone.events().unwrap(), Arc::new(Mutex::new(Told::default())));
        let notes = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(received) = events.recv().await {
                notes.lock().unwrap().take(received.event);
            }
        });
        phone.ready(patience()).await.unwrap();
        Self { phone, told }
    }

    /// Exactly this, in this order, and nothing twice.
    async fn was_told(&self, received: &[String], sent: &[String], delivered: &[String]) {
        eventually("the phone hears all", async || {
            let told = self.told.lock().unwrap();
            let counts = [told.received.len(), told.sent.len(), told.delivered.len()];
            if counts == [received.len(), sent.len(), delivered.len()] { Ok(()) } else { Err(counts) }
        })
        .await
        .unwrap();
        let told = self.told.lock().unwrap();
        assert_eq!((told.received.as_slice(), told.sent.as_slice()), (received, sent));
        assert_eq!(told.delivered, delivered);
    }
}

impl Told {
    fn take(&mut self, event: Event) {
        match event {
            // An invitation's message comes once more when it is answered.
            Event::Message { message_id, .. } if self.received.first() == Some(&message_id) => {}
            Event::Message { message_id, .. } | Event::Invitation { message_id, .. } => {
                self.received.push(message_id);
            }
            Event::MessageSent { message_id, .. } => self.sent.push(message_id),
            Event::Delivered { message_id, .. } => self.delivered.push(message_id),
            _ => {}
        }
    }
}
