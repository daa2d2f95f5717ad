//! F9: yesterday's backup is restored under phones that were connected until then.

use std::process::{Command, Output};

use trunkline_testkit::{peer::Postgres, relay::Builder};

use crate::{
    chance::Chance,
    handset::{Handset, Trouble},
    history::Sent,
    house::House,
    reckoning::{judge, settle},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_under_connected_phones_leaves_no_silent_hole() {
    trial(House::plan()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_under_connected_phones_leaves_no_silent_hole_on_postgresql() {
    let server = Postgres::start().await.unwrap();
    let url = server.database().await.unwrap();
    trial(House::plan().database(&url)).await;
}

async fn trial(plan: Builder) {
    let mut house = House::with(plan, &["alice", "bob"]).await;
    let mut chance = Chance::new(9_000);
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    let mut sleeper = house.handset("bob", 2).await;
    for handset in [&mut alice, &mut bob, &mut sleeper] {
        handset.open(true).await.unwrap();
    }
    let mut sent = say(&mut alice, &bob.address, "yesterday", 20).await;
    bob.hear_up_to(10).await.unwrap();
    sleeper.hear_up_to(5).await.unwrap();
    sleeper.cut();
    let backup = house.relay.folder().join("yesterday.backup");
    let backup = backup.to_str().unwrap();
    well(&house, &["backup", backup]);
    say(&mut alice, &bob.address, "today", 10).await;
    // Known and acknowledged, though the restored mailbox will not have them.
    bob.sync(30, 1).await.unwrap();
    bob.hear_up_to(30).await.unwrap();
    let epoch = bob.diary.get(30).unwrap().number("epoch");

    let refused = run(&house, &["restore", backup, "--replace"]);
    assert_eq!(refused.status.code(), Some(1), "the server runs: {refused:?}");
    house.relay.kill().await.unwrap();
    let refused = run(&house, &["restore", backup]);
    assert_eq!(refused.status.code(), Some(1), "the database is not empty: {refused:?}");
    well(&house, &["restore", backup, "--verify"]);
    well(&house, &["restore", backup, "--replace"]);
    house.relay.start().await.unwrap();

    for handset in [&mut alice, &mut bob, &mut sleeper] {
        assert!(handset.come_back(epoch).await.unwrap() > epoch, "{}", handset.name);
    }
    sent.extend(say(&mut alice, &bob.address, "afterwards", 15).await);
    bob.hear_up_to(35).await.unwrap();
    settle(vec![&mut alice, &mut bob, &mut sleeper], &mut chance).await;
    judge(&[(&alice, &sent), (&bob, &[]), (&sleeper, &[])]);
    old_client(&house).await;
    house.check_log();
}

/// An app that knows only the vendor's API begins a session and goes on with what is new.
async fn old_client(house: &House) {
    let mut carol = house.handset("alice", 7).await;
    carol.open(true).await.unwrap();
    let before = carol.sync(0, 200).await.unwrap().last().map_or(0, |entry| entry.seq);
    let mut bob = house.handset("bob", 7).await;
    bob.open(true).await.unwrap();
    bob.send(&carol.address, "hello").await.unwrap();
    carol.hear_up_to(before + 1).await.unwrap();
}

async fn say(alice: &mut Handset, to: &str, day: &str, count: usize) -> Vec<Sent> {
    let mut sent = Vec::new();
    for number in 1..=count {
        let id = format!("{day}-{number}");
        let complete = complete(alice.send(to, &id).await);
        sent.push(Sent { id, to: to.to_owned(), complete: Some(complete), refused: false });
    }
    sent
}

fn complete(answer: Result<serde_json::Value, Trouble>) -> i64 {
    let answer = answer.unwrap();
    answer["timestamp"].as_i64().unwrap_or_else(|| panic!("no time in {answer}"))
}

fn run(house: &House, line: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.args(line).arg("--config").arg(house.relay.config()).output().unwrap()
}

fn well(house: &House, line: &[&str]) {
    let output = run(house, line);
    assert!(output.status.success(), "{line:?}: {output:?}");
}
