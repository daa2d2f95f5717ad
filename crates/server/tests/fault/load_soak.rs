//! Load over time: nothing grows, nothing is dropped.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, future::join_all, stream};
use serde_json::{Value, json};
use trunkline_testkit::trial;

use crate::{
    chance::Chance,
    crowd::Crowd,
    handset::{Handset, Heard},
    house::House,
    reckoning,
};

/// What a process holds.
#[derive(Debug, Clone, Copy)]
struct Holds {
    files: usize,
    threads: u64,
    /// Kilobytes.
    resident: u64,
}

impl Holds {
    fn of(house: &House) -> Self {
        let folder = format!("/proc/{}", house.relay.pid().unwrap());
        let status = std::fs::read_to_string(format!("{folder}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().unwrap()
        };
        let files = std::fs::read_dir(format!("{folder}/fd")).unwrap().count();
        Self { files, threads: number("Threads:"), resident: number("VmRSS:") }
    }
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// Nothing of the counted is left over: messages on their way out, sockets.
async fn settled(house: &House, sockets: usize) {
    reckoning::sockets(house, sockets).await;
    let status = house.relay.admin(&json!({"do": "status"})).await.unwrap();
    assert_eq!(status["status"]["counts"]["outbox"], Value::from(0), "{status}");
}

/// Many phones over TLS say nothing for a while: none is dropped, and the relay's memory stays as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_phones_stay_connected_and_cost_no_more_with_time() {
    let phones = trial(200, 4_000);
    let house = House::with(House::plan().set("SOCKETS_PER_ADDRESS", "100000"), &[]).await;
    let server = house.secure_server(&house.relay.tls_url());
    let names: Vec<_> = (0..phones).map(|number| format!("u{number}")).collect();
    let connect = |name: String| {
        let (house, server) = (&house, server.clone());
        async move {
            house.account(&name).await;
            let mut handset = house.handset(&name, 1).await;
            handset.goes_through(server);
            handset.open(true).await.map(|()| handset)
        }
    };
    let handsets = stream::iter(names).map(connect).buffered(32).try_collect::<Vec<Handset>>().await;
    let handsets = handsets.unwrap_or_else(|trouble| panic!("{trouble:?}"));
    settled(&house, phones).await;
    let before = at_rest(&house).await;
    let until = Instant::now() + idle_time();
    let idle = handsets.into_iter().map(|handset| tokio::spawn(idle(handset, until)));
    let handsets: Vec<_> = join_all(idle.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
    let after = Holds::of(&house);
    handsets.into_iter().for_each(|mut handset| handset.cut());
    settled(&house, 0).await;
    eprintln!("{phones} phones, {:?}: {before:?}, then {after:?}", idle_time());
    assert!(after.files.abs_diff(before.files) <= 4, "{before:?}, then {after:?}");
    assert!(after.resident <= before.resident + before.resident / 100 + 2_048, "{before:?}, then {after:?}");
    house.check_log();
}

/// What the relay holds once its memory has not moved for three seconds: connections to the database warm up by themselves.
async fn at_rest(house: &House) -> Holds {
    let mut last = Holds::of(house);
    let mut still = 0;
    while still < 3 {
        tokio::time::sleep(Duration::from_secs(1)).await; // tidy: poll
        let now = Holds::of(house);
        still = if now.resident.abs_diff(last.resident) <= 64 { still + 1 } else { 0 };
        last = now;
    }
    last
}

fn idle_time() -> Duration {
    Duration::from_secs(trial(8, 1_800) as u64)
}

/// Hears nothing but the relay's pings.
async fn idle(mut handset: Handset, until: Instant) -> Handset {
    loop {
        match handset.hear_within(until.saturating_duration_since(Instant::now())).await {
            Ok(None) => break,
            Ok(Some(Heard::Other)) => {}
            other => panic!("{}: {other:?}", handset.name),
        }
    }
    assert!(handset.is_open());
    handset
}

/// Everybody writes without end: nothing is lost or doubled, the WAL stays short, and in the end the relay holds no more
/// than before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lasting_load_loses_nothing_and_leaves_nothing_behind() {
    const ACCOUNTS: [&str; 6] = ["alice", "bob", "carol", "dave", "erin", "frank"];
    /// A checkpoint is forced once one aside has found more than 64 MiB, and what is written meanwhile comes on top.
    const LONGEST_WAL: u64 = 160 << 20;
    let house = House::open(&ACCOUNTS).await;
    let wal = house.relay.data_dir().join("trunkline.db-wal");
    let crowd = Crowd::gather(house, &ACCOUNTS, Chance::new(71)).await;
    crowd.gauge.more(trial(500, 5_000)).await;
    let base = Holds::of(&crowd.house);
    for _ in 0..trial(5, 100) {
        crowd.gauge.more(trial(200, 1_000)).await;
        assert!(size(&wal) <= LONGEST_WAL, "the WAL has {} bytes", size(&wal));
    }
    let (house, mut senders) = crowd.judge().await;
    for sender in &mut senders {
        sender.handset.cut();
    }
    drop(senders);
    settled(&house, 0).await;
    let end = Holds::of(&house);
    eprintln!("{base:?}, then {end:?}");
    // Its sockets are gone; what was there besides is all that may remain.
    assert!(end.files <= base.files && end.threads <= base.threads + 4, "{base:?}, then {end:?}");
    let room = 1_024 * trial(16, 32) as u64;
    assert!(end.resident <= base.resident + room, "{base:?}, then {end:?}");
    house.check_log();
}
