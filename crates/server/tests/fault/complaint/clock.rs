use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{ChildStdout, Command},
    sync::Mutex,
    time::timeout,
};
use trunkline_testkit::{Shim, eventually, patience};

use crate::{
    handset::{Handset, text_of},
    house::{House, address},
    proxy::Proxy,
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

async fn house(shim: &Shim, accounts: &[&str]) -> House {
    let plan =
        shim.environment().into_iter().fold(House::plan(), |plan, (name, value)| plan.env(name, value));
    House::with(plan, accounts).await
}

/// A bot asked for everything "since 14:00:05" after an outage; the clocks of the two did not agree.
#[tokio::test]
async fn bots_lose_what_was_sent_in_an_outage_because_clocks_disagree() {
    let shim = Shim::new("/data/").unwrap();
    let mut house = house(&shim, &["alice", "bot"]).await;
    let (mut alice, mut bot) = (house.handset("alice", 1).await, house.handset("bot", 1).await);
    let (mut cursor, mut told) = (0, Vec::new());
    for (round, hours) in [0, -1, 1, -2].into_iter().enumerate() {
        shim.shift_clock(hours * HOUR).unwrap();
        alice.open(true).await.unwrap();
        for number in 0..3 {
            alice.send(&address("bot"), &format!("m-{round}-{number}")).await.unwrap();
        }
        // The outage, in which the bot hears nothing.
        house.power_cut().await;
        alice.open(true).await.unwrap();
        alice.send(&address("bot"), &format!("m-{round}-3")).await.unwrap();
        bot.open(false).await.unwrap();
        for entry in bot.sync(cursor, 2).await.unwrap() {
            assert!(entry.seq > cursor, "{entry:?}");
            cursor = entry.seq;
            told.push(entry.id);
        }
    }
    let wanted: Vec<_> =
        (0..4).flat_map(|round| (0..4).map(move |number| format!("m-{round}-{number}"))).collect();
    assert_eq!(told, wanted);
    house.check_log();
}

/// The server forgot a position after a week, and the client showed a blank list.
#[tokio::test]
async fn a_blank_list_after_the_position_has_expired() {
    let shim = Shim::new("/data/").unwrap();
    let mut house = house(&shim, &["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    for number in 0..5 {
        alice.send(&address("bob"), &format!("old-{number}")).await.unwrap();
    }
    bob.hear_up_to(5).await.unwrap();
    let last = bob.diary.incoming().next_back().cloned().unwrap();
    let ack = bob.write_ack(&last).await.unwrap();
    bob.answer(&ack).await.unwrap();
    alice.sync(0, 100).await.unwrap();
    shim.shift_clock(40 * DAY).unwrap();
    house.power_cut().await;
    alice.open(true).await.unwrap();
    alice.send(&address("bob"), "new").await.unwrap();
    bob.last = -1;
    bob.open(false).await.unwrap();
    // A position of which nothing is left: the phone is told so, and given what there is.
    let bob = Mutex::new(bob);
    let page = eventually("retention has removed the old ones", async || {
        let page = self::page(&mut *bob.lock().await, 1).await;
        if page["reset"].is_null() { Err(page) } else { Ok(page) }
    })
    .await
    .unwrap();
    let mut bob = bob.into_inner();
    assert_eq!(page["reset"], "retention", "{page}");
    let entries = page["entries"].as_array().unwrap();
    let ids: Vec<_> = entries.iter().filter_map(|entry| entry["messageId"].as_str()).collect();
    assert_eq!(ids, ["new"], "{page}");
    let next = page["next"].as_i64().unwrap();
    assert_eq!(self::page(&mut bob, next).await["reset"], Value::Null);
    alice.send(&address("bob"), "live").await.unwrap();
    while !bob.diary.incoming().any(|entry| entry.id == "live") {
        bob.hear().await.unwrap();
    }
    house.check_log();
}

async fn page(handset: &mut Handset, since: i64) -> Value {
    handset.request("mailbox.Sync", json!({"since": since})).await.unwrap()
}

/// A phone that had slept went on with a connection that was long dead, and stayed behind until it noticed.
#[tokio::test]
async fn stays_behind_after_sleep() {
    let (shim, house) = (Shim::new("/nothing/").unwrap(), House::open(&["alice", "bob"]).await);
    let proxy = Proxy::before(house.relay.listeners().http.as_deref().unwrap()).await;
    let mut alice = house.handset("alice", 1).await;
    alice.open(true).await.unwrap();
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, house.relay.access_key(&address("bob")).await.unwrap()).unwrap();
    let mut phone = Command::new(env!("CARGO_BIN_EXE_trunkline"))
        .args(["chat", "--server", &format!("http://{}", proxy.authority()), "--user", &address("bob")])
        .arg("--access-key-file")
        .arg(&key)
        .arg("--state-dir")
        .arg(folder.path())
        .envs(shim.environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut shown = BufReader::new(phone.stdout.take().unwrap()).lines();
    alice.send(&address("bob"), "awake").await.unwrap();
    until(&mut shown, &text_of("awake")).await;
    // The network goes while the phone sleeps, and nobody tells it.
    proxy.freeze();
    alice.send(&address("bob"), "asleep").await.unwrap();
    shim.shift_clock(HOUR).unwrap();
    until(&mut shown, &text_of("asleep")).await;
}

/// Reads on until the phone shows a line with these words.
async fn until(shown: &mut Lines<BufReader<ChildStdout>>, words: &str) {
    let wait = async {
        while let Some(line) = shown.next_line().await.unwrap() {
            if line.contains(words) {
                return;
            }
        }
        panic!("the phone ended before it showed {words:?}");
    };
    timeout(patience(), wait).await.unwrap_or_else(|_| panic!("{words:?} is not shown in {:?}", patience()));
}
