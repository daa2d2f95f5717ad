mod sdk;
pub(crate) mod sender;

use trunkline_testkit::trial;

use crate::{chance::Chance, crowd::Crowd, house::House};

const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dave"];

/// Ten kills under traffic, two hundred in full; some while the relay starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_under_traffic_loses_nothing_acknowledged() {
    let mut crowd = Crowd::gather(House::open(&ACCOUNTS).await, &ACCOUNTS, Chance::new(20_250)).await;
    for _ in 0..trial(10, 200) {
        let until = crowd.chance.within(20..300);
        crowd.gauge.more(until).await;
        crowd.house.power_cut().await;
        if crowd.chance.one_in(3) {
            crowd.house.power_cut().await;
        }
    }
    crowd.gauge.more(50).await;
    let (house, senders) = crowd.judge().await;
    house.check_log();
    let again: usize = senders.iter().map(|sender| sender.repeats).sum();
    assert!(again > 0, "no cut came between a commit and its COMPLETE");
}
