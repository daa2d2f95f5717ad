use serde_json::{Value, json};
use tokio::sync::Mutex;
use trunkline_testkit::{Shim, eventually};

use crate::{
    handset::{Handset, Trouble},
    house::{House, address},
};

const DAY: i64 = 86_400;

async fn devices(handset: &mut Handset) -> Vec<Value> {
    let data = handset.request("device.List", json!({})).await.unwrap();
    data["devices"].as_array().unwrap().clone()
}

/// A phone that stays away keeps its account's mailbox from being cleared; once it has expired it keeps nothing, and one
/// that is there does not expire, however long its socket is open.
#[tokio::test]
async fn a_device_that_stays_away_expires_and_holds_nothing_back() {
    let shim = Shim::new("/data/").unwrap();
    let plan =
        shim.environment().into_iter().fold(House::plan(), |plan, (name, value)| plan.env(name, value));
    let mut house = House::with(plan, &["alice", "bob"]).await;
    let mut alice = house.handset("alice", 1).await;
    let (mut phone, mut pad) = (house.handset("bob", 1).await, house.handset("bob", 2).await);
    for handset in [&mut alice, &mut phone, &mut pad] {
        handset.open(true).await.unwrap();
    }
    for number in 0..3 {
        alice.send(&address("bob"), &format!("m-{number}")).await.unwrap();
    }
    phone.hear_up_to(3).await.unwrap();
    pad.cut();
    let last = phone.diary.incoming().next_back().cloned().unwrap();
    let ack = phone.write_ack(&last).await.unwrap();
    phone.answer(&ack).await.unwrap();
    shim.shift_clock(60 * DAY).unwrap();
    house.power_cut().await;
    phone.last = -1;
    phone.open(true).await.unwrap();
    assert_eq!(devices(&mut phone).await.len(), 2, "the pad is away, and may come back");
    assert_eq!(phone.sync(0, 10).await.unwrap().len(), 3, "what the pad has not got is there");
    shim.shift_clock(100 * DAY).unwrap();
    house.power_cut().await;
    phone.last = -1;
    phone.open(true).await.unwrap();
    let phone = Mutex::new(phone);
    eventually("the pad has expired", async || match devices(&mut *phone.lock().await).await {
        left if left.len() == 1 => Ok(()),
        left => Err(left),
    })
    .await
    .unwrap();
    eventually("what only the pad had not got is gone", async || {
        let page = phone.lock().await.request("mailbox.Sync", json!({"since": 0})).await.unwrap();
        if page["reset"] == "retention" && !page["entries"].to_string().contains("messageId") {
            Ok(())
        } else {
            Err(page)
        }
    })
    .await
    .unwrap();
    match pad.open(true).await {
        Err(Trouble::Refused(error)) => assert_eq!(error.code.number(), 1008, "{error}"),
        other => panic!("{other:?}"),
    }
    // The same install, activated again, goes on where the account is.
    let mut pad = house.handset("bob", 2).await;
    pad.open(true).await.unwrap();
    let mut alice = house.handset("alice", 1).await;
    alice.open(true).await.unwrap();
    alice.send(&address("bob"), "m-9").await.unwrap();
    while pad.diary.incoming().count() == 0 {
        pad.hear().await.unwrap();
    }
    assert_eq!(pad.diary.incoming().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["m-9"]);
    assert_eq!(devices(&mut phone.into_inner()).await.len(), 2);
    house.check_log();
}
