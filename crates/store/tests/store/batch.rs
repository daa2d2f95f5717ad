use std::collections::HashMap;

use trunkline_model::{AccountId, DeviceId, Seq};
use trunkline_store::{Route, StoreError};

use crate::fixture::{Person, message};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mailboxes_are_dense_and_ordered_under_many_writers() {
    let house = super::house().await;
    let mut people = Vec::new();
    for number in 0..10 {
        people.push(house.person(&format!("p{number}")).await);
    }
    let tasks: Vec<_> =
        (0..50).map(|task| tokio::spawn(chatter(house.store.clone(), people.clone(), task))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut told: HashMap<AccountId, Vec<i64>> = HashMap::new();
    for committed in house.heard.0.lock().unwrap().iter() {
        told.entry(committed.account).or_default().push(committed.entry.seq.0);
    }
    for person in &people {
        let entries = house.store.mailbox(person.account, Seq(0), 1_000).await.unwrap();
        let seqs: Vec<i64> = entries.iter().map(|entry| entry.seq.0).collect();
        assert_eq!(seqs, (1..=i64::try_from(seqs.len()).unwrap()).collect::<Vec<_>>());
        assert_eq!(told[&person.account], seqs, "the listener hears the same in the same order");
        assert!(entries.is_sorted_by_key(|entry| entry.at));
    }
    let metrics = house.store.metrics();
    assert!(metrics.commits < metrics.commands, "{metrics:?}: nothing shared a transaction");
}

async fn chatter(store: trunkline_store::Store, people: Vec<Person>, task: usize) {
    let (from, to) = (&people[task % 10], &people[(task * 3 + 1) % 10]);
    for number in 0..10 {
        let route = Route::Local { recipient: to.account, deliver: true };
        let one = message(from, &to.address, &format!("{task}-{number}"), "hello", route);
        store.send(one).await.unwrap().await.unwrap();
    }
}

#[tokio::test]
async fn a_poisoned_command_fails_alone() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let mut pending = Vec::new();
    for number in 0..40 {
        let mut sender = alice.clone();
        if number % 7 == 3 {
            // Passes every check in memory and breaks a reference in the database.
            sender.device = DeviceId::fresh();
        }
        let route = Route::Local { recipient: bob.account, deliver: true };
        let one = message(&sender, &bob.address, &format!("m-{number}"), "hello", route);
        pending.push(house.store.send(one).await.unwrap());
    }
    for (number, one) in pending.into_iter().enumerate() {
        match one.await {
            Ok(sent) => assert!(number % 7 != 3 && !sent.dup, "{number}"),
            Err(error) => {
                assert!(number % 7 == 3, "{number}: {error}");
                assert!(matches!(error, StoreError::NotFound(_)), "{error}");
            }
        }
    }
    let seqs: Vec<_> = house.store.mailbox(bob.account, Seq(0), 1_000).await.unwrap();
    assert_eq!(seqs.iter().map(|entry| entry.seq.0).collect::<Vec<_>>(), (1..=34).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_removed_recipient_is_told_to_the_sender_alone() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    house.send(&alice, &bob, "m-1", "hello").await;
    house.store.account_remove(bob.account).await.unwrap();
    let (gone, fine) =
        (house.try_send(&alice, &bob, "m-2", "hello").await, house.try_send(&alice, &carol, "m-3", "hi"));
    assert!(matches!(gone, Err(StoreError::NotFound(_))), "{gone:?}");
    fine.await.unwrap();
    assert_eq!(house.mailbox(&alice).await, ["1* sent bob m-1: hello", "2* sent carol m-3: hi"]);
}
