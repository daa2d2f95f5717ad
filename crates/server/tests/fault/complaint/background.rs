use serde_json::json;

use crate::house::House;

const MESSAGES: usize = 20;

/// A phone in the background loses its socket; what comes meanwhile is all there when it is back, once, in order.
#[tokio::test]
async fn twenty_quick_messages_in_background() {
    let house = House::open(&["alice", "bob"]).await;
    let (mut alice, mut bob) = (house.handset("alice", 1).await, house.handset("bob", 1).await);
    alice.open(true).await.unwrap();
    bob.open(true).await.unwrap();
    alice.send(&bob.address, "hello").await.unwrap();
    bob.send(&alice.address, "hello back").await.unwrap();
    let to_background = json!({"isBackgroundMode": true, "timeout": 600, "unreadMessageCount": 0});
    bob.request("NotifyBackground", to_background).await.unwrap();
    let asleep = bob.last;
    bob.cut();

    let mut requests = Vec::new();
    for number in 1..=MESSAGES {
        requests.push(alice.write_message(&bob.address, &format!("quick-{number}")).await.unwrap());
    }
    for request in &requests {
        alice.answer(request).await.unwrap();
    }

    let wanted: Vec<_> = (1..=MESSAGES).map(|number| format!("quick-{number}")).collect();
    let (mut before, mut sequences) = (Vec::new(), Vec::new());
    for attempt in 0..3 {
        bob.last = asleep;
        bob.upgrade(true).await.unwrap();
        // No request is needed: the upgrade alone brings what was missed.
        while bob.diary.on_socket().len() < MESSAGES {
            bob.hear().await.unwrap();
        }
        let told: Vec<_> = bob.diary.incoming().map(|entry| entry.id.clone()).collect();
        assert!(told.ends_with(&wanted), "{told:?}");
        sequences.push(bob.last);
        match attempt {
            0 => before = bob.diary.on_socket(),
            _ => assert_eq!(bob.diary.on_socket(), before, "what is not acknowledged comes again"),
        }
    }
    assert!(sequences.windows(2).all(|pair| pair[0] == pair[1]), "under the same sequences: {sequences:?}");

    bob.begin().await.unwrap();
    assert_eq!(bob.diary.on_socket(), before, "BeginSession repeats nothing");
    let last = bob.diary.incoming().next_back().cloned().unwrap();
    let ack = bob.write_ack(&last).await.unwrap();
    bob.answer(&ack).await.unwrap();
    bob.open(false).await.unwrap();
    assert_eq!(bob.diary.on_socket(), [0; 0], "one acknowledgement is enough for all");

    let mailbox = alice.sync(0, 200).await.unwrap();
    alice.hear_up_to(mailbox.last().unwrap().seq).await.unwrap();
    let receipts: Vec<_> = alice.diary.entries().filter(|entry| entry.kind == "MessageAck").collect();
    let receipts: Vec<_> = receipts.iter().map(|entry| entry.id.clone()).filter(|id| id != "hello").collect();
    assert_eq!(receipts, wanted);
    assert_eq!(bob.diary.faults(), [""; 0]);
    house.check_log();
}
