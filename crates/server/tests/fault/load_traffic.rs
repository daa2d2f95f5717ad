mod sender;

use std::sync::Arc;

use futures_util::future::join_all;

use crate::{
    chance::Chance,
    handset::Handset,
    history::{self, Account, Device},
    house::{House, address},
    load_traffic::sender::{Gauge, Sender},
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
        gauge.more(chance.within(20..150)).await;
        house.power_cut().await;
    }
    gauge.more(50).await;
    gauge.stop();
    let mut senders: Vec<_> = join_all(running).await.into_iter().map(Result::unwrap).collect();
    let all: Vec<_> = senders.iter_mut().map(|sender| &mut sender.handset).chain(&mut sleepers).collect();
    settle(all, &mut chance).await;
    judge(&senders, &sleepers);
    house.check_log();
}

/// Brings every phone to the end of its mailbox and compares what it was told with what the mailbox holds.
async fn settle(mut handsets: Vec<&mut Handset>, chance: &mut Chance) {
    for handset in &mut handsets {
        handset.open(chance.one_in(2)).await.unwrap();
        // Acknowledges everything, which makes receipts for others; receipts make nothing more.
        let rest = handset.sync(handset.diary.last(), 200).await.unwrap();
        if let Some(last) = rest.last() {
            handset.sync(last.seq, 1).await.unwrap();
        }
    }
    for handset in handsets {
        let mailbox = handset.sync(0, chance.within(50..200)).await.unwrap();
        handset.hear_up_to(mailbox.last().map_or(0, |entry| entry.seq)).await.unwrap();
        let told: Vec<_> = handset.diary.entries().cloned().collect();
        assert!(told == mailbox, "{}: what was told is not what the mailbox holds", handset.name);
        assert_eq!(handset.diary.faults(), [""; 0], "{}", handset.name);
    }
}

fn judge(senders: &[Sender], sleepers: &[Handset]) {
    let accounts: Vec<_> = ACCOUNTS
        .into_iter()
        .map(address)
        .map(|address| {
            let awake = senders.iter().filter(|sender| sender.handset.address == address);
            let asleep = sleepers.iter().filter(|handset| handset.address == address);
            let awake = awake.map(|sender| Device::of(&sender.handset, sender.sent.clone()));
            let devices = awake.chain(asleep.map(|handset| Device::of(handset, Vec::new()))).collect();
            Account { address, devices }
        })
        .collect();
    let sent: usize = senders.iter().map(|sender| sender.sent.len()).sum();
    let unheard = senders.iter().flat_map(|sender| &sender.sent).filter(|sent| sent.complete.is_none()).count();
    assert_eq!(unheard, 0, "every message has a COMPLETE in the end");
    let faults = history::faults(&accounts);
    assert!(faults.is_empty(), "{} of {sent} messages:\n{}", faults.len(), faults.join("\n"));
    let again: usize = senders.iter().map(|sender| sender.repeats).sum();
    eprintln!("{sent} messages, {again} of them known from an earlier attempt");
    assert!(again > 0, "no power cut came between a commit and its COMPLETE: the test cuts at the wrong moments");
}
