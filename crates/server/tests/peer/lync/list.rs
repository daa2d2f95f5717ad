//! A list of a thousand contacts.

use std::{collections::BTreeSet, sync::Mutex};

use serde_json::json;
use trunkline_client::Event;
use trunkline_sip::{
    Method,
    body::contact::{Contact, ContactList, Group},
};
use trunkline_testkit::eventually;

use super::pool::{DOMAIN, Pool, sip};
use crate::handset::Handset;

/// One short of what a pool takes.
const MANY: usize = 999;

fn list() -> ContactList {
    let contact = |n: usize| Contact {
        uri: format!("person{n}@{DOMAIN}"),
        name: format!("Person {n}"),
        groups: vec![1],
        subscribed: Some(true),
        ..Contact::default()
    };
    let group = Group { id: 1, name: "~".to_owned(), ..Group::default() };
    ContactList {
        delta: 1,
        groups: vec![group],
        contacts: (0..MANY).map(contact).collect(),
        ..ContactList::default()
    }
}

/// The contacts that a phone was told of so far, and in how many parts.
fn told(alice: &mut Handset) -> (usize, usize) {
    let parts = alice.all(|event| match event {
        Event::ContactUpdate { contacts } => {
            Some(contacts.iter().map(|contact| contact.address.to_string()).collect::<Vec<_>>())
        }
        _ => None,
    });
    (parts.iter().flatten().collect::<BTreeSet<_>>().len(), parts.len())
}

fn asked(pool: &Pool, method: &Method) -> usize {
    let traffic = pool.front.traffic();
    traffic
        .iter()
        .filter_map(|traffic| traffic.request())
        .filter(|request| request.method() == method)
        .count()
}

#[tokio::test]
async fn peer_list_of_a_thousand_comes_in_parts_is_watched_in_batches_and_changes_cheaply() {
    let pool = Pool::open().await;
    pool.front.set_contacts("alice", list());
    let alice = Mutex::new(pool.alice().await);
    let (all, parts) = eventually("everybody is told", async || {
        let told = told(&mut alice.lock().unwrap());
        if told.0 >= MANY { Ok(told) } else { Err(told) }
    })
    .await
    .unwrap();
    assert!(all >= MANY && parts < 200, "{all} contacts in {parts} parts");
    let watches = asked(&pool, &Method::SUBSCRIBE);
    assert!((2..60).contains(&watches), "{watches} SUBSCRIBEs");
    let alice = alice.into_inner().unwrap();
    let services = asked(&pool, &Method::SERVICE);
    alice.phone.request("AddContact", json!({"contactId": sip("bob")})).await.unwrap();
    assert_eq!(pool.front.contacts("alice").contacts.len(), MANY + 1);
    eventually("Bob is watched", async || (asked(&pool, &Method::SUBSCRIBE) > watches).then_some(()))
        .await
        .unwrap();
    assert!(
        asked(&pool, &Method::SUBSCRIBE) - watches <= 2 && asked(&pool, &Method::SERVICE) - services <= 2
    );
    pool.check_log();
}
