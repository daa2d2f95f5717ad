//! Many accounts on a Front End that dies while some of them write.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;
use trunkline_client::Phone;
use trunkline_testkit::{eventually, peer::FrontEnd, trial};

use super::{
    history::{Letters, Mailbox, faults, sum},
    pool::{DOMAIN, Pool, RELAY},
};
use crate::{chance::Chance, house::plan};

/// How many write; the others only are there.
const WRITERS: usize = 12;

struct Crowd {
    pool: Pool,
    phones: BTreeMap<&'static str, Phone>,
    stop: CancellationToken,
    writing: Vec<JoinHandle<Letters>>,
}

impl Crowd {
    async fn open(size: usize, mut chance: Chance) -> Self {
        let names: Vec<&'static str> = (0..size).map(|number| &*format!("user{number}").leak()).collect();
        let users: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
        let front = FrontEnd::start(DOMAIN, &users).await.unwrap();
        front.trust(RELAY);
        front.keep_traffic(false);
        let port = front.tls_port();
        let plan = plan().set("SEND_OUTCOME_WAIT_MS", "300").set("SOCKETS_PER_ADDRESS", "100000");
        let pool = Pool::of(front, port, plan, &names).await;
        let mut phones = BTreeMap::new();
        for name in &names {
            phones.insert(*name, pool.busy_phone(name).await);
        }
        let stop = CancellationToken::new();
        let writers = names.iter().take(WRITERS);
        let begin = |(at, from): (usize, &&'static str)| {
            // In pairs, both ways.
            let letters = Letters::new(from, names[at ^ 1], Arc::default());
            tokio::spawn(letters.write(phones[from].clone(), stop.clone(), chance.fork()))
        };
        let writing = writers.enumerate().map(begin).collect();
        Self { pool, phones, stop, writing }
    }

    async fn all_up(&self) {
        eventually("everybody is signed in", async || {
            let known = self.pool.front.signed_in();
            let reply = self.pool.relay.admin(&json!({"do": "status"})).await;
            let reply = reply.map_err(|error| error.to_string())?;
            let backends = reply["status"]["server"]["backends"].as_array().cloned().unwrap_or_default();
            let up =
                backends.iter().any(|one| one["kind"] == "lync" && one["connected"] == self.phones.len());
            if up && known == self.phones.len() { Ok(()) } else { Err(format!("{backends:?}, {known}")) }
        })
        .await
        .unwrap();
    }

    /// Has every writer write a last message, waits for it, and judges the whole history.
    async fn judge(self) {
        self.stop.cancel();
        let mut letters: Vec<_> = join_all(self.writing).await.into_iter().map(Result::unwrap).collect();
        for letters in &mut letters {
            letters.write_one(&self.phones[letters.from()]).await;
        }
        let mailboxes = eventually("the last messages", async || {
            let mut mailboxes = BTreeMap::new();
            for letters in &letters {
                mailboxes.insert(letters.to(), Mailbox::read(&self.phones[letters.to()]).await);
            }
            let missing = letters.iter().find(|letters| !mailboxes[letters.to()].has(&letters.last()));
            missing.map_or(Ok(mailboxes), |letters| Err(letters.last()))
        })
        .await
        .unwrap();
        let [all, failed, unknown] = sum(&letters, &mailboxes);
        eprintln!("{all} messages; {failed} failed, of {unknown} nobody knows");
        assert_eq!(faults(&letters, &mailboxes), Vec::<String>::new());
        // The Front End complains of the dialogs that it forgot.
        self.pool.check_log();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peer_killed_under_a_crowd_has_everybody_back_and_loses_nothing() {
    let mut chance = Chance::new(24);
    let mut crowd = Crowd::open(trial(60, 1_000), chance.fork()).await;
    crowd.all_up().await;
    for _ in 0..trial(2, 6) {
        sleep(Duration::from_millis(chance.within(200..600) as u64)).await; // tidy: poll
        crowd.pool.front.stop().await;
        sleep(Duration::from_millis(chance.within(50..400) as u64)).await; // tidy: poll
        crowd.pool.front.resume().await.unwrap();
        crowd.all_up().await;
    }
    crowd.judge().await;
}
