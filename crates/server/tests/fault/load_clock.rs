//! Clocks that jump.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use trunkline_testkit::{Shim, trial};

use crate::{chance::Chance, crowd::Crowd, handset::Handset, house::House, reckoning};

const ACCOUNTS: [&str; 2] = ["alice", "bob"];
const HOUR: i64 = 3_600;
/// The relay looks for silent sessions every five seconds.
const A_LOOK: Duration = Duration::from_secs(6);

/// The clock goes an hour fast and an hour slow under traffic and over a kill, with sessions that time out after half an
/// hour: all live on, also the one that says nothing; keys and tokens are good; and times rise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_an_hour_ends_no_session_and_loses_nothing() {
    let shim = Shim::new("/data/").unwrap();
    let plan = House::plan().set("SESSION_TIMEOUT_SECS", "1800");
    let plan = shim.environment().into_iter().fold(plan, |plan, (name, value)| plan.env(name, value));
    let house = House::with(plan, &["alice", "bob", "carol"]).await;
    let mut quiet = house.handset("carol", 1).await;
    quiet.open(true).await.unwrap();
    let mut crowd = Crowd::gather(house, &ACCOUNTS, Chance::new(61)).await;
    for round in 0..trial(1, 20) {
        for (step, (hours, look)) in [(1, true), (0, false), (-1, false), (1, false)].into_iter().enumerate()
        {
            shim.shift_clock(hours * HOUR).unwrap();
            let begun = Instant::now();
            crowd.gauge.more(30).await;
            while look && begun.elapsed() < A_LOOK {
                crowd.gauge.more(10).await;
            }
            let mut newcomer = crowd.house.handset("carol", 2 + 4 * round + step).await;
            newcomer.open(true).await.unwrap();
            newcomer.sign_out().await.unwrap();
        }
        assert!(quiet.is_open() && quiet.request("Ping", serde_json::json!({})).await.is_ok());
        shim.shift_clock(-HOUR).unwrap();
        crowd.house.power_cut().await;
        crowd.gauge.more(30).await;
        quiet.open(true).await.unwrap();
        shim.shift_clock(0).unwrap();
    }
    let (house, senders) = crowd.judge().await;
    for sender in &senders {
        assert!(times_rise(&sender.handset), "{}", sender.handset.name);
    }
    assert!(!quiet.passing.iter().any(|event| event == "SessionTerminated"), "{:?}", quiet.passing);
    quiet.cut();
    reckoning::sockets(&house, senders.len()).await;
    house.check_log();
}

/// By the mailbox; an invitation's message comes once more, as old as it is, when it is answered.
fn times_rise(handset: &Handset) -> bool {
    let mut seen = HashSet::new();
    let firsts = handset.diary.incoming().filter(|entry| seen.insert(entry.id.clone()));
    firsts.map(|entry| entry.number("timestamp")).is_sorted()
}
