use serde_json::json;

use crate::{
    handset::Handset,
    house::{House, address},
};

async fn read(handset: &mut Handset, up_to: Option<i64>) -> (i64, i64) {
    let mut params = json!({"contactId": address("alice")});
    if let Some(up_to) = up_to {
        params["upTo"] = up_to.into();
    }
    let data = handset.request("conversation.Read", params).await.unwrap();
    (data["upTo"].as_i64().unwrap(), data["unread"].as_i64().unwrap())
}

/// What the phone was told last of what is unread.
fn unread(handset: &Handset) -> Option<i64> {
    let told = handset.diary.entries().filter(|entry| entry.kind == "conversation.Read");
    told.last().map(|entry| entry.number("unread"))
}

async fn hear_unread(handset: &mut Handset, left: i64) {
    while unread(handset) != Some(left) {
        handset.hear().await.unwrap();
    }
}

/// Read on one phone, unread for ever on the other; or cleared, and back after the next start.
#[tokio::test]
async fn unread_marks_that_never_clear() {
    let mut house = House::open(&["alice", "bob"]).await;
    let mut alice = house.handset("alice", 1).await;
    let (mut phone, mut pad) = (house.handset("bob", 1).await, house.handset("bob", 2).await);
    let mut asleep = house.handset("bob", 3).await;
    for handset in [&mut alice, &mut phone, &mut pad] {
        handset.open(true).await.unwrap();
    }
    for number in 1..=4 {
        alice.send(&address("bob"), &format!("m-{number}")).await.unwrap();
    }
    phone.hear_up_to(4).await.unwrap();
    // Both at once, and the later place comes first, last or in between.
    let (mut low, mut high) = ((0, 0), (0, 0));
    for _ in 0..3 {
        let (one, other) = tokio::join!(read(&mut phone, Some(2)), read(&mut pad, Some(3)));
        (low, high) = (one.min(other), one.max(other));
    }
    assert_eq!((low, high), ((3, 1), (3, 1)), "the furthest place holds");
    assert_eq!(read(&mut phone, Some(1)).await, (3, 1), "nothing becomes unread by reading");
    hear_unread(&mut phone, 1).await;
    house.power_cut().await;
    for handset in [&mut alice, &mut phone, &mut pad] {
        handset.open(true).await.unwrap();
    }
    assert_eq!(read(&mut pad, None).await.1, 0);
    hear_unread(&mut phone, 0).await;
    asleep.open(true).await.unwrap();
    hear_unread(&mut asleep, 0).await;
    let told = asleep.diary.entries().filter(|entry| entry.kind == "conversation.Read");
    let left: Vec<_> = told.map(|entry| entry.number("unread")).collect();
    assert!(left.is_sorted_by(|one, next| one >= next), "it only falls: {left:?}");
    assert_eq!(read(&mut asleep, Some(2)).await.1, 0);
    house.check_log();
}

/// A person's own phones know what is read, and nobody else does: two facts, of which one was lost with the other.
#[tokio::test]
async fn hiding_receipts_from_others_stops_sync_to_own_devices() {
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut writer) = (house.handset("alice", 1).await, house.handset("alice", 2).await);
    let (mut phone, mut pad) = (house.handset("bob", 1).await, house.handset("bob", 2).await);
    for handset in [&mut alice, &mut writer, &mut phone, &mut pad] {
        handset.open(true).await.unwrap();
    }
    writer.send(&address("bob"), "m-1").await.unwrap();
    phone.hear_up_to(1).await.unwrap();
    assert_eq!(read(&mut phone, None).await.1, 0);
    hear_unread(&mut pad, 0).await;
    phone.send(&address("alice"), "b-1").await.unwrap();
    for handset in [&mut alice, &mut writer] {
        let mailbox = handset.sync(0, 100).await.unwrap();
        assert!(mailbox.iter().any(|entry| entry.id == "b-1"), "{mailbox:?}");
        let kinds: Vec<_> = mailbox.iter().map(|entry| entry.kind.as_str()).collect();
        assert!(!kinds.contains(&"conversation.Read"), "others see no reading: {kinds:?}");
        assert!(!mailbox.iter().any(|entry| entry.data["status"] == "read"), "{mailbox:?}");
    }
    house.check_log();
}
