use std::time::Instant;

use serde_json::json;
use trunkline_testkit::patience;

use crate::{
    handset::{Handset, MARK, Trouble},
    house::House,
};

const MESSAGES: usize = 2_000;
/// Messages under way at once.
const WINDOW: usize = 32;
/// What the relay may need more for a phone that does not read: far less than the 64 MB that are sent to it.
const GROWTH: u64 = 32 << 20;

/// One phone takes nothing while 2 000 long messages come for it. The relay holds none of them in memory for it, others
/// notice nothing, and when the phone reads again it gets them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_does_not_read_costs_nothing_and_misses_nothing() {
    let house = House::open(&["alice", "bob", "carol"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    let (mut other, mut carol) = (house.handset("alice", 2).await, house.handset("carol", 1).await);
    for handset in [&mut alice, &mut bob, &mut other, &mut carol] {
        handset.open(true).await.unwrap();
    }
    let pid = house.relay.pid().unwrap();
    warm_up(&mut alice, &carol.address).await;
    let (before, mut most) = (resident(pid), 0);
    let text = format!("{}{MARK}", "🐌".repeat(7_900));
    let (mut written, mut answered, mut requests) = (0, 0, std::collections::VecDeque::new());
    while answered < MESSAGES {
        while written < MESSAGES && requests.len() < WINDOW {
            let id = format!("slow-{written}");
            let params = json!({"contactId": bob.address, "messageId": id, "message": text});
            requests.push_back(alice.write("SendMessage", params).await.unwrap());
            written += 1;
        }
        let request = requests.pop_front().unwrap();
        alice.answer(&request).await.unwrap();
        answered += 1;
        if answered % 100 == 0 {
            let begun = Instant::now();
            alice.send(&carol.address, &format!("quick-{answered}")).await.unwrap();
            assert!(begun.elapsed() < patience() / 2, "somebody else's message took {:?}", begun.elapsed());
            most = most.max(resident(pid));
        }
    }
    let growth = most.saturating_sub(before);
    eprintln!("resident: {} MiB before, {} MiB more at most", before >> 20, growth >> 20);
    assert!(growth < GROWTH, "the relay grew by {} MiB", growth >> 20);
    read_all(&mut bob).await;
    house.check_log();
}

/// What a first message costs once is not what is measured.
async fn warm_up(alice: &mut Handset, to: &str) {
    for number in 0..100 {
        alice.send(to, &format!("warm-{number}")).await.unwrap();
    }
}

/// The relay may have given the socket up, which is no loss.
async fn read_all(bob: &mut Handset) {
    while bob.diary.incoming().count() < MESSAGES {
        match bob.hear().await {
            Ok(_) => {}
            Err(Trouble::Gone(end)) => {
                eprintln!("the slow phone's socket ended after {}: {end:?}", bob.diary.last());
                bob.open(true).await.unwrap();
            }
            Err(trouble) => panic!("{trouble:?}"),
        }
    }
    let told: Vec<_> = bob.diary.incoming().map(|entry| entry.id.clone()).collect();
    let wanted: Vec<_> = (0..MESSAGES).map(|number| format!("slow-{number}")).collect();
    assert_eq!(told, wanted);
    assert_eq!(bob.diary.faults(), [""; 0]);
}

/// Resident memory of a process, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}
