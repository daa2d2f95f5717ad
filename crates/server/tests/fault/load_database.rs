use trunkline_testkit::{peer::Postgres, trial};

use crate::{chance::Chance, crowd::Crowd, house::House};

const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];

/// PostgreSQL ends sessions in the middle of transactions, is stopped and is killed: phones are told that nothing was
/// stored, readiness says so, and once it is back everything is there, once. Two outages, forty in full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_fails_over_loses_and_doubles_nothing() {
    let server = Postgres::start().await.unwrap();
    let plan = House::plan().database(&server.database().await.unwrap());
    let mut crowd = Crowd::gather(House::with(plan, &ACCOUNTS).await, &ACCOUNTS, Chance::new(57_000)).await;
    for outage in 0..trial(2, 40) {
        for _ in 0..5 {
            let until = crowd.chance.within(10..60);
            crowd.gauge.more(until).await;
            server.end_sessions("postgres").await.unwrap();
        }
        if outage % 2 == 0 {
            server.stop().await.unwrap()
        } else {
            server.kill().unwrap()
        }
        crowd.house.is_ready(false).await;
        crowd.gauge.more_refused(5).await;
        let told = crowd.house.readiness().await.unwrap();
        assert!(told.contains("the database cannot be reached"), "{told}");
        server.start_again().await.unwrap();
        crowd.house.is_ready(true).await;
    }
    crowd.gauge.more(100).await;
    let (house, _) = crowd.judge().await;
    house.check_troubled_log();
    assert!(house.relay.log().contains("the database is back"));
}
