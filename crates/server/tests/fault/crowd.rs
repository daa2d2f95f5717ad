use std::sync::Arc;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::{
    chance::Chance,
    handset::Handset,
    house::{House, address},
    load_traffic::sender::{Gauge, Sender},
    reckoning,
};

/// Everybody writes to everybody, from two phones each, without end; a third phone of each account is off all the while.
pub(crate) struct Crowd {
    pub(crate) house: House,
    pub(crate) chance: Chance,
    pub(crate) gauge: Arc<Gauge>,
    running: Vec<JoinHandle<Sender>>,
    sleepers: Vec<Handset>,
}

impl Crowd {
    /// Begins to write; the house has these accounts.
    pub(crate) async fn gather(house: House, accounts: &[&str], mut chance: Chance) -> Self {
        let gauge = Arc::new(Gauge::default());
        let (mut senders, mut sleepers) = (Vec::new(), Vec::new());
        for account in accounts {
            let others = accounts.iter().filter(|other| *other != account);
            let others: Vec<_> = others.map(|other| address(other)).collect();
            for number in 1..=2 {
                let handset = house.handset(account, number).await;
                senders.push(Sender::new(handset, others.clone(), chance.fork(), Arc::clone(&gauge)));
            }
            sleepers.push(house.handset(account, 3).await);
        }
        // Only now: a phone's mailbox begins when it is activated.
        let running = senders.into_iter().map(|sender| tokio::spawn(sender.run())).collect();
        Self { house, chance, gauge, running, sleepers }
    }

    /// Lets everybody finish and judges the whole history: nothing lost, doubled or out of order. Gives the phones.
    pub(crate) async fn judge(mut self) -> (House, Vec<Sender>) {
        self.gauge.stop();
        let mut senders: Vec<_> = join_all(self.running).await.into_iter().map(Result::unwrap).collect();
        let awake = senders.iter_mut().map(|sender| &mut sender.handset);
        reckoning::settle(awake.chain(&mut self.sleepers).collect(), &mut self.chance).await;
        let awake = senders.iter().map(|sender| (&sender.handset, sender.sent.as_slice()));
        let asleep = self.sleepers.iter().map(|sleeper| (sleeper, [].as_slice()));
        reckoning::judge(&awake.chain(asleep).collect::<Vec<_>>());
        let (sent, again): (Vec<_>, Vec<_>) = senders.iter().map(|one| (one.sent.len(), one.repeats)).unzip();
        eprintln!("messages: {sent:?}, of them known from an earlier attempt: {again:?}");
        (self.house, senders)
    }
}
