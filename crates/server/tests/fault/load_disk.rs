//! Disks and databases that do not do their part.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use trunkline_testkit::{Shim, trial};

use crate::{chance::Chance, crowd::Crowd, house::House};

const ACCOUNTS: [&str; 2] = ["alice", "bob"];
/// Error numbers of Linux.
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// A crowd whose relay's database lies on a disk that can be made to fail.
async fn crowd(seed: u64) -> (Crowd, Shim) {
    let shim = Shim::new("/data/").unwrap();
    let plan =
        shim.environment().into_iter().fold(House::plan(), |plan, (name, value)| plan.env(name, value));
    let house = House::with(plan, &ACCOUNTS).await;
    (Crowd::gather(house, &ACCOUNTS, Chance::new(seed)).await, shim)
}

/// A fault comes and goes under traffic: messages are refused and readiness says why, then all goes on by itself; once in
/// a while the relay is killed in the midst of it. Nothing that was acknowledged is lost.
async fn comes_and_goes(seed: u64, begin: impl Fn(&Shim), end: impl Fn(&Shim)) {
    let (mut crowd, shim) = crowd(seed).await;
    for round in 0..trial(3, 60) {
        let until = crowd.chance.within(20..200);
        crowd.gauge.more(until).await;
        begin(&shim);
        crowd.gauge.more_refused(5).await;
        crowd.house.is_ready(false).await;
        if round % 3 == 1 {
            crowd.house.relay.kill().await.unwrap();
            end(&shim);
            crowd.house.relay.start().await.unwrap();
        }
        end(&shim);
        crowd.house.is_ready(true).await;
    }
    crowd.gauge.more(50).await;
    let (house, senders) = crowd.judge().await;
    house.check_troubled_log();
    check_told(&house.relay.log());
    assert!(senders.iter().any(|sender| sender.sent.iter().any(|sent| sent.refused)));
}

/// Whoever watches the log for the words of docs/operations.md hears of the fault and of its end, and is not drowned in them.
fn check_told(log: &str) {
    let count = |words: &str| log.matches(words).count();
    let told = (count("the database cannot be written"), count("the database can be written again"));
    assert!(told.0 > 0 && told.1 > 0, "{told:?} in\n{log}");
    // Each start begins to count anew, and each kind of line comes every ten seconds.
    let most = 2 * count("listening https") + trial(4, 200);
    for words in ["no sequences could be reserved", "a transaction failed", "the store failed"] {
        assert!(count(words) <= most, "{words}: {} in\n{log}", count(words));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_messages_until_there_is_space() {
    comes_and_goes(51, |shim| shim.fail_writes(ENOSPC).unwrap(), |shim| shim.fail_writes(0).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_gone_read_only_refuses_messages_until_it_takes_them() {
    comes_and_goes(52, |shim| shim.fail_writes(EROFS).unwrap(), |shim| shim.fail_writes(0).unwrap()).await;
}

/// What could not be synced is nowhere taken for stored, also not by the start after a kill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_sync_stores_nothing_that_it_was_not_asked_anew() {
    comes_and_goes(53, |shim| shim.fail_syncs(EIO).unwrap(), |shim| shim.fail_syncs(0).unwrap()).await;
}

/// Another program holds the database's write lock for longer than the relay waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_another_program_holds_refuses_messages_until_it_lets_go() {
    let mut crowd = Crowd::gather(House::open(&ACCOUNTS).await, &ACCOUNTS, Chance::new(54)).await;
    let database = crowd.house.relay.data_dir().join("trunkline.db");
    for _ in 0..trial(1, 20) {
        let until = crowd.chance.within(20..200);
        crowd.gauge.more(until).await;
        let holder = Holder::of(&database);
        crowd.gauge.more_refused(1).await;
        crowd.house.is_ready(false).await;
        holder.let_go();
        crowd.house.is_ready(true).await;
    }
    crowd.gauge.more(50).await;
    let (house, _) = crowd.judge().await;
    house.check_troubled_log();
}

/// A program with a write transaction that it does not end.
struct Holder(Child);

impl Holder {
    fn of(database: &Path) -> Self {
        let script = "import sqlite3, sys\n\
                      database = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)\n\
                      database.execute('BEGIN IMMEDIATE')\n\
                      print('held', flush=True)\n\
                      sys.stdin.read()";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .arg(database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test needs python3");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "held\n");
        Self(child)
    }

    fn let_go(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}
