use std::time::Instant;

use serde_json::json;
use trunkline_client::{Incoming, Server, Trust};
use trunkline_testkit::patience;

use crate::{
    handset::{Handset, MARK, Trouble},
    house::House,
    proxy::Proxy,
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
    let plan = House::plan().set("LAGGING_SECS", "2");
    let house = House::with(plan, &["alice", "bob", "carol"]).await;
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
    assert_eq!(read_all(&mut bob).await, 1, "it was closed with 4010, and then read on at full speed");
    let log = house.relay.log();
    let told =
        log.lines().filter(|line| line.contains("a phone takes too little") && line.contains("sip:bob@"));
    assert_eq!(told.count(), 1, "one line tells of it");
    house.check_log();
}

/// The messages of the weak link are long, so that few of them suffice.
const LONG: usize = 2_000;
/// Messages to each phone.
const EACH: usize = 60;

/// One phone in ten is on a link that carries a fraction of what comes for it. The others have all of theirs long before;
/// it is closed with 4010, and has everything, in order, once the link is better.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_on_a_weak_link_slows_no_other_and_misses_nothing() {
    let plan = House::plan().set("LAGGING_SECS", "1").set("LAGGING_BYTES_PER_SEC", "65536");
    let house = House::with(plan, &["alice"]).await;
    let proxy = Proxy::before(house.relay.listeners().http.as_deref().unwrap()).await;
    let mut alice = house.handset("alice", 1).await;
    alice.open(true).await.unwrap();
    let mut phones = Vec::new();
    for number in 0..10 {
        let name = format!("p{number}");
        house.account(&name).await;
        phones.push(house.handset(&name, 1).await);
    }
    let mut slow = phones.pop().unwrap();
    let url = format!("http://{}", proxy.authority());
    slow.goes_through(Server::new(&url, &Trust::System).unwrap());
    for phone in phones.iter_mut().chain([&mut slow]) {
        phone.open(true).await.unwrap();
    }
    proxy.slow_down(8 * 1024);
    let text = "x".repeat(LONG);
    for number in 0..EACH {
        for phone in phones.iter().chain([&slow]) {
            let id = format!("{}-{number}", phone.name);
            let params = json!({"contactId": phone.address, "messageId": id, "message": text});
            alice.request("SendMessage", params).await.unwrap();
        }
    }
    for phone in &mut phones {
        while phone.diary.incoming().count() < EACH {
            phone.hear().await.unwrap();
        }
    }
    let end = read_until(&mut slow, EACH).await;
    assert!(matches!(end, Some(Incoming::Closed(Some(4010), _))), "{end:?}");
    assert!(slow.diary.incoming().count() < EACH, "the others had theirs before");
    proxy.slow_down(1 << 20);
    while slow.diary.incoming().count() < EACH {
        slow.open(true).await.unwrap();
        read_until(&mut slow, EACH).await;
    }
    let told: Vec<_> = slow.diary.incoming().map(|entry| entry.id.clone()).collect();
    assert_eq!(told, (0..EACH).map(|number| format!("{}-{number}", slow.name)).collect::<Vec<_>>());
    assert_eq!(slow.diary.faults(), [""; 0]);
    house.check_log();
}

/// Reads until the phone has so many messages, or its socket ends.
async fn read_until(phone: &mut Handset, messages: usize) -> Option<Incoming> {
    while phone.diary.incoming().count() < messages {
        match phone.hear().await {
            Ok(_) => {}
            Err(Trouble::Gone(end)) => return Some(end),
            Err(trouble) => panic!("{trouble:?}"),
        }
    }
    None
}

/// What a first message costs once is not what is measured.
async fn warm_up(alice: &mut Handset, to: &str) {
    for number in 0..100 {
        alice.send(to, &format!("warm-{number}")).await.unwrap();
    }
}

/// Reads everything; how often the socket was closed with 4010 meanwhile, which is no loss.
async fn read_all(bob: &mut Handset) -> usize {
    let mut closed = 0;
    while let Some(end) = read_until(bob, MESSAGES).await {
        assert!(matches!(end, Incoming::Closed(Some(4010), _)), "after {}: {end:?}", bob.diary.last());
        closed += 1;
        bob.open(true).await.unwrap();
    }
    let told: Vec<_> = bob.diary.incoming().map(|entry| entry.id.clone()).collect();
    let wanted: Vec<_> = (0..MESSAGES).map(|number| format!("slow-{number}")).collect();
    assert_eq!(told, wanted);
    assert_eq!(bob.diary.faults(), [""; 0]);
    closed
}

/// Resident memory of a process, in bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}
