mod sdk;
mod sender;

use std::sync::Arc;

use futures_util::future::join_all;

use crate::{
    chance::Chance,
    house::{House, address},
    load_traffic::sender::{Gauge, Sender},
    reckoning,
};

const ACCOUNTS: [&str; 4] = ["alice", "bob", "carol", "dave"];
const POWER_CUTS: usize = 10;

/// Everybody writes to everybody, from two phones each, while the relay is killed ten times; a third phone of each
/// account is off all the while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_power_cut_under_traffic_loses_nothing_acknowledged() {
    let mut chance = Chance::new(20_250);
    let mut house = House::open(&ACCOUNTS).await;
    let (mut senders, mut sleepers) = (Vec::new(), Vec::new());
    let gauge = Arc::new(Gauge::default());
    for account in ACCOUNTS {
        let others: Vec<_> = ACCOUNTS.into_iter().filter(|other| *other != account).map(address).collect();
        for number in 1..=2 {
            let handset = house.handset(account, number).await;
            senders.push(Sender::new(handset, others.clone(), chance.fork(), Arc::clone(&gauge)));
        }
        sleepers.push(house.handset(account, 3).await);
    }
    let running: Vec<_> = senders.into_iter().map(|sender| tokio::spawn(sender.run())).collect();
    for _ in 0..POWER_CUTS {
        gauge.more(chance.within(20..300)).await;
        house.power_cut().await;
        if chance.one_in(3) {
            house.power_cut().await;
        }
    }
    gauge.more(50).await;
    gauge.stop();
    let mut senders: Vec<_> = join_all(running).await.into_iter().map(Result::unwrap).collect();
    let all: Vec<_> = senders.iter_mut().map(|sender| &mut sender.handset).chain(&mut sleepers).collect();
    reckoning::settle(all, &mut chance).await;
    let awake = senders.iter().map(|sender| (&sender.handset, sender.sent.as_slice()));
    let all: Vec<_> = awake.chain(sleepers.iter().map(|sleeper| (sleeper, [].as_slice()))).collect();
    reckoning::judge(&all);
    house.check_log();
    let (sent, again): (Vec<_>, Vec<_>) = senders.iter().map(|one| (one.sent.len(), one.repeats)).unzip();
    eprintln!("messages: {sent:?}, of them known from an earlier attempt: {again:?}");
    assert!(again.iter().sum::<usize>() > 0, "no cut came between a commit and its COMPLETE");
}
