//! Phones write to each other through a pool that fails in every way.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::json;
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use trunkline_client::Phone;
use trunkline_sip::{Message, Method};
use trunkline_testkit::{
    Way, Wire, eventually,
    peer::front_end::{Act, Heading},
    trial,
};

use super::{
    history::{Letters, Mailbox, faults, sum},
    pool::{Pool, front_end},
};
use crate::{chance::Chance, house::plan};

const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];

/// What goes wrong for a while.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The Front End dies and comes back.
    Killed,
    /// Connections end; new ones work.
    Cut,
    /// The Front End takes connections and answers nothing.
    Hangs,
    /// Connections to the Front End are reset, and so is every new one.
    Down,
    /// Nothing passes this way on the relay's own connections, and nobody is told.
    HalfOpen(Way),
    /// Nor either way.
    Silent,
    /// Nothing that the Front End opens reaches the relay.
    NoDials,
    /// The Front End forgets who is signed in, and keeps all connections.
    Forgets,
    /// What passes is doubled, swapped, late.
    Storm,
    /// What passes is lost, and then the connections are.
    Lossy,
    /// INVITEs are accepted twice, from different endpoints.
    Forks,
    /// The relay dies and comes back.
    Relay,
}

/// Those that end connections in a row make the relay wait longer and longer; its own restart has it begin anew.
const FAULTS: [Fault; 13] = [
    Fault::Hangs,
    Fault::HalfOpen(Way::Up),
    Fault::HalfOpen(Way::Down),
    Fault::Silent,
    Fault::Forgets,
    Fault::Storm,
    Fault::Forks,
    Fault::Killed,
    Fault::NoDials,
    Fault::Relay,
    Fault::Lossy,
    Fault::Down,
    Fault::Cut,
];

/// How many of these there are in an ordinary run.
const QUICK: usize = 11;

struct Scene {
    pool: Pool,
    wire: Wire,
    phones: BTreeMap<&'static str, Phone>,
    chance: Chance,
    stop: CancellationToken,
    deaths: Arc<AtomicUsize>,
    writing: Vec<JoinHandle<Letters>>,
}

impl Scene {
    async fn open(mut chance: Chance) -> Self {
        let front = front_end().await;
        let wire = Wire::to(front.tls_port()).await.unwrap();
        let plan = plan().set("SEND_OUTCOME_WAIT_MS", "300");
        let pool = Pool::of(front, wire.port(), plan, &PEOPLE).await;
        let mut phones = BTreeMap::new();
        for user in PEOPLE {
            phones.insert(user, pool.busy_phone(user).await);
        }
        let (stop, deaths) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let pairs = PEOPLE.iter().flat_map(|from| PEOPLE.iter().map(move |to| (*from, *to)));
        let pairs = pairs.filter(|(from, to)| from != to);
        let begin = |(from, to): (&'static str, &'static str)| {
            let letters = Letters::new(from, to, deaths.clone());
            tokio::spawn(letters.write(phones[from].clone(), stop.clone(), chance.fork()))
        };
        let writing = pairs.map(begin).collect();
        Self { pool, wire, phones, chance, stop, deaths, writing }
    }

    async fn suffer(&mut self, fault: Fault) {
        self.strike(fault).await;
        // Long enough in a full trial that everybody gives up what waits.
        let long = trial(0, 1) == 1 && self.chance.one_in(6);
        let pause = if long { 33_000 + self.chance.below(35_000) } else { 100 + self.chance.below(700) };
        sleep(Duration::from_millis(pause as u64)).await; // tidy: poll
        self.heal(fault).await;
        self.lines_up().await;
        eprintln!("{fault:?} for {pause} ms");
    }

    async fn strike(&mut self, fault: Fault) {
        let front = &mut self.pool.front;
        match fault {
            Fault::Killed => front.stop().await,
            Fault::Cut => front.cut(),
            Fault::Hangs => front.hang(true),
            Fault::Down => self.wire.down(),
            Fault::HalfOpen(way) => self.wire.hold(way),
            Fault::Silent => self.wire.swallow(),
            Fault::NoDials => {
                front.drop_dials(true);
                front.cut();
            }
            Fault::Forgets => PEOPLE.iter().for_each(|user| front.forget(user)),
            Fault::Storm => self.storm(&[Act::Twice, Act::Swap, Act::Delay(Duration::from_millis(40))]),
            Fault::Lossy => self.storm(&[Act::Drop]),
            Fault::Forks => front.on(Heading::Sent, usize::MAX, Act::Fork, accepts_invite),
            Fault::Relay => {
                self.deaths.fetch_add(1, Ordering::Relaxed);
                self.pool.relay.kill().await.unwrap();
            }
        }
    }

    /// These happen to one in nine messages of conversations each.
    fn storm(&mut self, acts: &[Act]) {
        for heading in [Heading::Received, Heading::Sent] {
            for act in acts {
                let chance = Mutex::new(self.chance.fork());
                let strikes =
                    move |message: &Message| is_of_chat(message) && chance.lock().unwrap().one_in(9);
                self.pool.front.on(heading, usize::MAX, act.clone(), strikes);
            }
        }
    }

    async fn heal(&mut self, fault: Fault) {
        let front = &mut self.pool.front;
        front.clear_script();
        front.hang(false);
        front.drop_dials(false);
        self.wire.release();
        match fault {
            Fault::Killed => front.resume().await.unwrap(),
            Fault::Relay => self.pool.relay.start().await.unwrap(),
            // What was swallowed would be waited for, for a minute.
            Fault::Lossy => front.cut(),
            _ => {}
        }
    }

    async fn lines_up(&self) {
        eventually("all lines are up", async || {
            let reply =
                self.pool.relay.admin(&json!({"do": "status"})).await.map_err(|error| error.to_string())?;
            let backends = reply["status"]["server"]["backends"].as_array().cloned().unwrap_or_default();
            let up = backends.iter().any(|one| one["kind"] == "lync" && one["connected"] == PEOPLE.len());
            let known = PEOPLE.iter().all(|user| self.pool.front.endpoints(user) == 1);
            if up && known { Ok(()) } else { Err(format!("{backends:?}, {known}")) }
        })
        .await
        .unwrap();
    }

    /// Has everybody write a last message, waits for it, and judges the whole history.
    async fn judge(self) {
        self.stop.cancel();
        let mut letters: Vec<_> = join_all(self.writing).await.into_iter().map(Result::unwrap).collect();
        for letters in &mut letters {
            letters.write_one(&self.phones[letters.from()]).await;
        }
        let mailboxes = eventually("the last messages", async || {
            let mut mailboxes = BTreeMap::new();
            for (user, phone) in &self.phones {
                mailboxes.insert(*user, Mailbox::read(phone).await);
            }
            let missing = letters.iter().find(|letters| !mailboxes[letters.to()].has(&letters.last()));
            missing.map_or(Ok(mailboxes), |letters| Err(letters.last()))
        })
        .await
        .unwrap();
        let [all, failed, unknown] = sum(&letters, &mailboxes);
        eprintln!("{all} messages; {failed} failed, of {unknown} nobody knows");
        assert_eq!(faults(&letters, &mailboxes), Vec::<String>::new());
        self.pool.check_log();
    }
}

fn is_of_chat(message: &Message) -> bool {
    let chat = [Method::INVITE, Method::ACK, Method::MESSAGE, Method::BYE, Method::INFO, Method::CANCEL];
    message.cseq().is_ok_and(|cseq| chat.contains(&cseq.method))
}

fn accepts_invite(message: &Message) -> bool {
    let Message::Response(response) = message else { return false };
    response.is_success() && response.cseq().is_ok_and(|cseq| cseq.method == Method::INVITE)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peer_pool_that_fails_in_every_way_loses_and_doubles_nothing() {
    let mut scene = Scene::open(Chance::new(20)).await;
    for round in 0..trial(QUICK, 100) {
        // Each once, and then whatever comes.
        let fault = FAULTS.get(round).copied().unwrap_or_else(|| FAULTS[scene.chance.below(FAULTS.len())]);
        scene.suffer(fault).await;
    }
    scene.judge().await;
}
