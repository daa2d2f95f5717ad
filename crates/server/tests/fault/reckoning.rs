use serde_json::{Value, json};
use trunkline_testkit::eventually;

use crate::{
    chance::Chance,
    diary::Entry,
    handset::{Handset, Trouble},
    history::{self, Account, Device, Sent},
    house::House,
};

/// Brings every phone to the end of its mailbox and compares what it was told with what the mailbox holds.
pub(crate) async fn settle(mut handsets: Vec<&mut Handset>, chance: &mut Chance) {
    for handset in &mut handsets {
        handset.open(chance.one_in(2)).await.unwrap();
        // Acknowledges everything, which makes receipts for others; receipts make nothing more.
        let rest = handset.sync(handset.diary.last(), 200).await.unwrap();
        if let Some(last) = rest.last() {
            handset.sync(last.seq, 1).await.unwrap();
        }
    }
    for handset in handsets {
        let mut told = all_told(handset, chance).await;
        while let Err(Trouble::Gone(_)) = told {
            // With many messages the others took so long that the relay gave up a socket that nobody read from.
            handset.open(true).await.unwrap();
            told = all_told(handset, chance).await;
        }
        let mailbox = told.unwrap();
        let told: Vec<_> = handset.diary.entries().cloned().collect();
        let differs = told.iter().zip(&mailbox).find(|(told, held)| told != held);
        assert!(
            told == mailbox,
            "{}: {} were told, the mailbox holds {}; the first that differs: {differs:?}",
            handset.name,
            told.len(),
            mailbox.len()
        );
        assert_eq!(handset.diary.faults(), [""; 0], "{}", handset.name);
    }
}

/// The whole mailbox, once the phone has been told all of it.
async fn all_told(handset: &mut Handset, chance: &mut Chance) -> Result<Vec<Entry>, Trouble> {
    let mailbox = handset.sync(0, chance.within(50..200)).await?;
    handset.hear_up_to(mailbox.last().map_or(0, |entry| entry.seq)).await?;
    Ok(mailbox)
}

/// Judges the history of settled phones, each with what it sent.
pub(crate) fn judge(phones: &[(&Handset, &[Sent])]) {
    let mut accounts: Vec<Account> = Vec::new();
    for (handset, sent) in phones {
        let device = Device::of(handset, sent.to_vec());
        match accounts.iter_mut().find(|account| account.address == handset.address) {
            Some(account) => account.devices.push(device),
            None => accounts.push(Account { address: handset.address.clone(), devices: vec![device] }),
        }
    }
    let sent: Vec<_> = phones.iter().flat_map(|(_, sent)| *sent).collect();
    let unheard = sent.iter().filter(|sent| sent.complete.is_none()).count();
    assert_eq!(unheard, 0, "of {} messages some never had a COMPLETE", sent.len());
    let faults = history::faults(&accounts);
    assert!(
        faults.is_empty(),
        "{} faults with {} messages:\n{}",
        faults.len(),
        sent.len(),
        faults.join("\n")
    );
}

/// The relay notices every end of a connection: in the end it counts no more sockets than there are.
pub(crate) async fn sockets(house: &House, expected: usize) {
    eventually("the relay counts the open sockets", async || {
        let status = house.relay.admin(&json!({"do": "status"})).await.unwrap();
        let count = find(&status, "sockets").and_then(Value::as_u64);
        if count == u64::try_from(expected).ok() { Ok(()) } else { Err(status) }
    })
    .await
    .unwrap();
}

fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(name).or_else(|| object.values().find_map(|inner| find(inner, name)))
}
