//! A PostgreSQL server that goes away, in the middle of traffic.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use trunkline_model::Seq;
use trunkline_store::{MasterKey, Route, Store, StoreError};
use trunkline_testkit::{eventually, peer::Postgres};

use crate::{
    fixture::{House, Person, Place, database_of, message, open},
    outage_proxy::{Cut, Proxy},
};

/// A house on a server of its own, which may be stopped.
async fn alone() -> (House, Arc<Postgres>) {
    let server = Arc::new(Postgres::start().await.unwrap());
    let url = server.database().await.unwrap();
    let house = House::at(Place::Server { server: Arc::clone(&server), url }).await;
    (house, server)
}

#[tokio::test]
async fn a_stopped_server_is_told_and_overcome() {
    let (house, server) = alone().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "before").await;
    server.stop().await.unwrap();
    let refused = house.try_send(&alice, &bob, "m-2", "meanwhile").await;
    assert!(matches!(&refused, Err(StoreError::Unreachable(_))), "{refused:?}");
    let check = house.store.check().await.unwrap_err();
    assert!(check.to_string().starts_with("the database cannot be reached: "), "{check}");
    server.start_again().await.unwrap();
    eventually("the store is back", || house.store.check()).await.unwrap();
    assert!(!house.send(&alice, &bob, "m-2", "meanwhile").await.dup);
    assert_eq!(house.mailbox(&bob).await, ["1 invited alice m-1: before", "2 received alice m-2: meanwhile"]);
}

/// Sessions ended by an admin, the server killed and stopped, all under load: phones repeat what failed, and
/// everything is there once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_by_outages_under_load() {
    let (house, server) = alone().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let over = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..8)
        .map(|task| {
            let (store, pair) = (house.store.clone(), (alice.clone(), bob.clone()));
            tokio::spawn(insist(store, pair, task, Arc::clone(&over)))
        })
        .collect();
    let database = "postgres";
    for _ in 0..12 {
        server.end_sessions(database).await.unwrap();
        eventually("messages flow", || house.store.check()).await.unwrap();
    }
    for round in 0..3 {
        if round == 1 {
            server.stop().await.unwrap()
        } else {
            server.kill().unwrap()
        }
        server.start_again().await.unwrap();
        eventually("messages flow", || house.store.check()).await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    let mut answered = HashSet::new();
    for sender in senders {
        answered.extend(sender.await.unwrap());
    }
    assert!(answered.len() > 50, "{}", answered.len());
    let entries = all(&house, &bob).await;
    let ids: HashSet<String> = entries.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(ids.len(), entries.len(), "no message is there twice");
    assert_eq!(ids, answered, "what was answered is there, and nothing else");
    assert!(entries.iter().zip(1..).all(|((seq, _), place)| *seq == place), "places are dense");
}

/// Sends messages as a phone does: what fails is repeated under its id.
async fn insist(
    store: Store,
    (alice, bob): (Person, Person),
    task: usize,
    over: Arc<AtomicBool>,
) -> Vec<String> {
    let mut answered = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let id = format!("{task}-{}", answered.len());
        let route = Route::Local { recipient: bob.account, deliver: true };
        eventually("a message is taken", async || {
            store.send(message(&alice, &bob.address, &id, "hello", route)).await?.await
        })
        .await
        .unwrap();
        answered.push(id);
    }
    answered
}

async fn all(house: &House, person: &Person) -> Vec<(i64, String)> {
    let (mut found, mut after) = (Vec::new(), Seq(0));
    loop {
        let page = house.store.mailbox(person.account, after, 1_000).await.unwrap();
        let Some(last) = page.last() else { return found };
        after = last.seq;
        found.extend(page.iter().map(|entry| {
            let message = entry.body.incoming().unwrap();
            (entry.seq.0, message.id.as_str().to_owned())
        }));
    }
}

/// The server has committed and the word of it is lost; or the COMMIT itself is. Either way the truth is found
/// out and told.
#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_out() {
    let (mut house, server) = alone().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let proxy = Proxy::before(&server).await;
    let Place::Server { url, .. } = &house.place else { panic!("this is PostgreSQL") };
    let through = proxy.url(database_of(url));
    house.store.close().await;
    house.store = open(&through, &house.key, &house.heard).await.unwrap();
    for (number, cut) in [Cut::AfterCommit, Cut::BeforeCommit, Cut::AfterCommit].into_iter().enumerate() {
        let before = house.mailbox(&bob).await.len();
        proxy.cut_next(cut);
        let sent = house.send(&alice, &bob, &format!("m-{number}"), "hello").await;
        assert!(!sent.dup, "{cut:?}");
        assert!(proxy.has_cut(), "{cut:?}");
        assert_eq!(house.mailbox(&bob).await.len(), before + 1, "{cut:?}");
    }
    let heard = house.heard.0.lock().unwrap().iter().filter(|one| one.account == bob.account).count();
    assert_eq!(heard, 3, "the listener hears of each once");
}

/// Whoever changed the master key gave up before the word of it came; what is made under the new key is good all the same.
#[tokio::test]
async fn a_change_of_keys_whose_commit_was_not_heard_of_refuses_no_access_key() {
    let (mut house, server) = alone().await;
    let alice = house.person("alice").await;
    let proxy = Proxy::before(&server).await;
    let Place::Server { url, .. } = &house.place else { panic!("this is PostgreSQL") };
    let through = proxy.url(database_of(url));
    house.store.close().await;
    house.store = open(&through, &house.key, &house.heard).await.unwrap();
    let (old, new) = (house.store.key_id(), MasterKey::generate());
    proxy.cut_next(Cut::AfterCommit);
    proxy.shut(true);
    let (store, key) = (house.store.clone(), new.clone());
    let rotating = tokio::spawn(async move { store.rotate_key(&key).await });
    eventually("the COMMIT is sent", async || proxy.has_cut().then_some(()).ok_or("not yet")).await.unwrap();
    rotating.abort();
    assert!(rotating.await.unwrap_err().is_cancelled());
    assert_eq!(house.store.key_id(), old, "nobody knows yet");
    proxy.shut(false);
    eventually("the store is back", || house.store.check()).await.unwrap();
    house.device(&alice, "a new phone").await;
    assert_eq!(house.store.key_id(), new.id());
}

#[tokio::test]
async fn a_database_that_another_process_has_written_to_is_left_alone() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let second = house.open().await;
    assert!(
        matches!(&second, Err(StoreError::Locked(words)) if words.contains("another process")),
        "{second:?}"
    );
    house.place.run("UPDATE meta SET number = 1 WHERE name = 'writer'").await;
    let refused = house.try_send(&alice, &bob, "m-1", "hello").await;
    assert!(matches!(&refused, Err(StoreError::Locked(_))), "{refused:?}");
    let ended = house.store.ended().await;
    assert!(matches!(&ended, Some(StoreError::Locked(_))), "{ended:?}");
    assert_eq!(house.try_send(&alice, &bob, "m-1", "hello").await, Err(StoreError::Closed));
    let again = house.open().await.unwrap();
    again.close().await;
    assert_eq!(again.ended().await, None);
}

#[tokio::test]
async fn a_database_of_another_encoding_is_refused_in_plain_words() {
    let house = super::house().await;
    let make = "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0";
    house.place.run(make).await;
    let Place::Server { server, .. } = &house.place else { panic!("this is PostgreSQL") };
    let refused = open(&server.url("ascii"), &house.key, &house.heard).await.unwrap_err();
    assert!(refused.to_string().contains("SQL_ASCII, and UTF8 is needed"), "{refused}");
    let missing = open(&server.url("nowhere"), &house.key, &house.heard).await.unwrap_err();
    assert!(matches!(missing, StoreError::Unreachable(_)), "{missing}");
}
