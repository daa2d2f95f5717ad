use trunkline_model::{Availability, GroupId, Profile, Seq};
use trunkline_store::{PresenceRow, SearchField, StoreError};

use crate::fixture::address;

#[tokio::test]
async fn accounts_are_added_changed_listed_and_removed() {
    let house = super::house().await;
    let store = &house.store;
    let alice = address("alice@example.test");
    let profile = Profile { display_name: "Alice Example".to_owned(), ..Profile::default() };
    let added = store.account_add(&alice, &profile).await.unwrap();
    assert!(matches!(store.account_add(&alice, &profile).await, Err(StoreError::Conflict(_))));
    let bob = store.account_add(&address("bob@example.test"), &profile).await.unwrap();
    let profile = Profile { title: "Boss".to_owned(), ..profile };
    store.account_set(added.id, &profile).await.unwrap();
    store.account_enable(added.id, false).await.unwrap();
    let found = store.account_by_address(&alice).await.unwrap().unwrap();
    assert_eq!(
        (found.profile.title.as_str(), found.enabled, found.created_at),
        ("Boss", false, added.created_at)
    );
    assert_eq!(store.accounts(None, 10).await.unwrap().len(), 2);
    assert_eq!(store.accounts(Some(&alice), 10).await.unwrap(), std::slice::from_ref(&bob));

    store.account_remove(bob.id).await.unwrap();
    assert!(matches!(store.account_remove(bob.id).await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.account_enable(bob.id, true).await, Err(StoreError::NotFound(_))));
    let again = store.account_add(&bob.address, &profile).await.unwrap();
    assert!(again.id > bob.id, "a number is never used again");
}

#[tokio::test]
async fn removal_takes_everything_and_leaves_the_peers_their_copies() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-1", "from alice").await;
    house.send(&bob, &alice, "m-1", "from bob").await;
    house.send_out(&alice, "dave@corp.test", "m-2", "to dave").await;
    house.receive(&alice, "dave@corp.test", "x-1", "from dave").await;
    let before = house.mailbox(&bob).await;
    house.store.account_remove(alice.account).await.unwrap();
    assert_eq!(house.mailbox(&bob).await, before);
    assert!(house.mailbox(&alice).await.is_empty());
    let counts = house.store.counts().await.unwrap();
    assert_eq!((counts.accounts, counts.devices, counts.messages, counts.outbox), (1, 1, 2, 0));
    assert_eq!(house.acknowledge(&bob, bob.device, 99).await, 1, "a gone writer is told nothing");
    assert_eq!(house.store.mailbox_bounds(alice.account).await.unwrap().head, Seq(0));
}

#[tokio::test]
async fn search_finds_words_by_their_beginning() {
    let house = super::house().await;
    let store = &house.store;
    for (bare, name, email, phone) in [
        ("alice@example.test", "Alice Ärmel-Example", "a.example@mail.test", "+49 (30) 12-34"),
        ("bob@example.test", "Bob 100% Sure", "", ""),
        ("carol@other.test", "Carol Arm", "", "0171 99"),
    ] {
        let (display_name, email) = (name.to_owned(), email.to_owned());
        let profile = Profile { display_name, email, work_phone: phone.to_owned(), ..Profile::default() };
        store.account_add(&address(bare), &profile).await.unwrap();
    }
    let find = async |domain, term: &str, field| {
        let found = store.search(domain, term, field, 10).await.unwrap();
        found.iter().map(|account| account.address.local().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(find(None, "ÄRM", SearchField::Name).await, "alice");
    assert_eq!(find(None, "exam", SearchField::Name).await, "alice");
    assert_eq!(find(None, "lice", SearchField::Any).await, "");
    assert_eq!(find(None, "bob 100%", SearchField::Name).await, "bob");
    assert_eq!(find(None, "b_b", SearchField::Name).await, "");
    assert_eq!(find(None, "%", SearchField::Any).await, "");
    assert_eq!(find(None, "example", SearchField::Email).await, "alice bob");
    assert_eq!(find(Some("other.test"), "ar", SearchField::Any).await, "carol");
    assert_eq!(find(None, "30-123", SearchField::Phone).await, "alice");
    assert_eq!(find(None, "alice", SearchField::Phone).await, "");
    assert_eq!(store.search(None, "test", SearchField::Any, 1).await.unwrap().len(), 2);

    let alice = store.account_by_address(&address("alice@example.test")).await.unwrap().unwrap();
    store.account_enable(alice.id, false).await.unwrap();
    assert_eq!(find(None, "exam", SearchField::Name).await, "");
}

#[tokio::test]
async fn a_roster_has_contacts_in_groups() {
    let house = super::house().await;
    let store = &house.store;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let friends = store.group_add(alice.account, "Friends").await.unwrap();
    let work = store.group_add(alice.account, "Work").await.unwrap();
    assert!(matches!(store.group_add(alice.account, "Work").await, Err(StoreError::Conflict(_))));
    store.contact_add(alice.account, &bob.address, Some(friends)).await.unwrap();
    store.contact_add(alice.account, &bob.address, None).await.unwrap();
    let unknown = store.contact_add(alice.account, &bob.address, Some(GroupId(99))).await;
    assert!(matches!(unknown, Err(StoreError::NotFound(_))));
    assert!(store.group_put(alice.account, &bob.address, work).await.unwrap());
    assert!(!store.group_put(alice.account, &bob.address, work).await.unwrap());
    assert!(store.group_put(alice.account, &address("dave@corp.test"), work).await.unwrap());
    assert!(matches!(store.group_remove(alice.account, work).await, Err(StoreError::Conflict(_))));
    assert!(matches!(store.group_rename(alice.account, work, "Friends").await, Err(StoreError::Conflict(_))));
    store.group_rename(alice.account, work, "Work").await.unwrap();
    store.group_take(alice.account, &bob.address, friends).await.unwrap();
    assert!(matches!(
        store.group_take(alice.account, &bob.address, friends).await,
        Err(StoreError::NotFound(_))
    ));
    store.group_remove(alice.account, friends).await.unwrap();
    assert!(matches!(store.group_remove(alice.account, friends).await, Err(StoreError::NotFound(_))));

    let roster = store.contacts(alice.account).await.unwrap();
    let shown: Vec<_> = roster.iter().map(|row| (row.address.local(), row.groups.len())).collect();
    assert_eq!(shown, [("bob", 1), ("dave", 1)]);
    assert_eq!(store.contact(alice.account, &bob.address).await.unwrap().unwrap(), roster[0]);
    assert_eq!(store.watchers(&bob.address).await.unwrap(), [alice.account]);
    store.contact_remove(alice.account, &bob.address).await.unwrap();
    assert!(matches!(store.contact_remove(alice.account, &bob.address).await, Err(StoreError::NotFound(_))));
    assert!(store.watchers(&bob.address).await.unwrap().is_empty());
    assert!(store.group_add(alice.account, "New").await.unwrap() > work, "a number is never used again");
}

#[tokio::test]
async fn presence_and_blocks_are_kept() {
    let mut house = super::house().await;
    let alice = house.person("alice").await;
    assert_eq!(house.store.presence(alice.account).await.unwrap(), PresenceRow::default());
    let row = PresenceRow { choice: Some(Availability::OffWork), personal_message: "at sea".to_owned() };
    house.store.presence_set(alice.account, &row).await.unwrap();
    for _ in 0..2 {
        house.store.block(alice.account, &address("mallory@example.test")).await.unwrap();
    }
    house.reopen().await;
    assert_eq!(house.store.presence(alice.account).await.unwrap(), row);
    assert_eq!(house.store.blocks(alice.account).await.unwrap(), [address("mallory@example.test")]);
    house.store.unblock(alice.account, &address("mallory@example.test")).await.unwrap();
    assert!(house.store.blocks(alice.account).await.unwrap().is_empty());
}
