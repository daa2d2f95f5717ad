use std::time::Duration;

use trunkline_model::{Availability, DeviceId, Seq, Timestamp};
use trunkline_store::{MasterKey, PeopleList, SessionPeople, SessionRow, SessionState, StoreError};

use crate::fixture::Person;

fn row(person: &Person, started_at: Timestamp) -> SessionRow {
    SessionRow {
        device: person.device,
        account: person.account,
        address: person.address.clone(),
        display_name: String::new(),
        device_token: String::new(),
        started_at,
        reserved: 10_000,
        background: false,
        push_type: 0,
        availability: Some(Availability::Available),
        personal_message: "here".to_owned(),
        last_active: started_at,
        acknowledged: Seq(0),
    }
}

#[tokio::test]
async fn a_session_survives_the_process() {
    let mut house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let now = Timestamp::now();
    house.store.session_begin(row(&alice, now)).await.unwrap();
    house.store.session_reserve(alice.device, 20_000).await.unwrap();
    house.store.session_reserve(alice.device, 15_000).await.unwrap();
    let state = SessionState {
        background: true,
        push_type: 3,
        availability: Some(Availability::Busy),
        personal_message: "at lunch".to_owned(),
    };
    house.store.session_state(alice.device, state).await.unwrap();
    let heard = now.plus(Duration::from_secs(9));
    let unknown = (DeviceId::fresh(), heard);
    house.store.session_touch(vec![(alice.device, heard), unknown]).await.unwrap();
    house.store.session_touch(vec![(alice.device, now)]).await.unwrap();
    house.send(&bob, &alice, "m-1", "hello").await;
    house.acknowledge(&alice, alice.device, 1).await;
    house.reopen().await;
    let found = house.store.sessions().await.unwrap();
    let expected = SessionRow {
        device_token: "alice's phone".to_owned(),
        reserved: 20_000,
        background: true,
        push_type: 3,
        availability: Some(Availability::Busy),
        personal_message: "at lunch".to_owned(),
        last_active: heard,
        acknowledged: Seq(1),
        ..row(&alice, now)
    };
    assert_eq!(found, std::slice::from_ref(&expected));
    assert_eq!(house.store.session(alice.device).await.unwrap(), Some(expected));
    assert_eq!(house.store.device(alice.device).await.unwrap().unwrap().last_seen, heard);
}

#[tokio::test]
async fn sessions_of_revoked_devices_and_disabled_accounts_are_gone() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let carol = house.person("carol").await;
    for person in [&alice, &bob, &carol] {
        house.store.session_begin(row(person, Timestamp::now())).await.unwrap();
    }
    house.store.device_revoke(alice.device).await.unwrap();
    house.store.account_enable(bob.account, false).await.unwrap();
    house.store.session_end(carol.device).await.unwrap();
    assert!(house.store.sessions().await.unwrap().is_empty());
    house.store.account_enable(bob.account, true).await.unwrap();
    assert_eq!(house.store.sessions().await.unwrap().len(), 1);
    let unknown = Person { device: DeviceId::fresh(), ..alice };
    let begun = house.store.session_begin(row(&unknown, Timestamp::now())).await;
    assert!(matches!(begun, Err(StoreError::NotFound(_))), "{begun:?}");
}

#[tokio::test]
async fn session_ids_depend_on_device_start_and_master_key() {
    let house = super::house().await;
    let (device, start) = (DeviceId::fresh(), Timestamp(1));
    let id = house.store.session_id(device, start);
    assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    assert_eq!(id, house.store.session_id(device, start));
    assert_ne!(id, house.store.session_id(device, Timestamp(2)));
    assert_ne!(id, house.store.session_id(DeviceId::fresh(), start));
    house.store.rotate_key(&MasterKey::generate()).await.unwrap();
    assert_ne!(id, house.store.session_id(device, start));
}

#[tokio::test]
async fn the_lists_of_a_session_live_as_long_as_it() {
    let mut house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let who = |name: &str| format!("{name}@example.test").parse().unwrap();
    house.store.session_begin(row(&alice, Timestamp::now())).await.unwrap();
    for (list, names, on) in [
        (PeopleList::Muted, vec!["dave", "carol", "dave"], true),
        (PeopleList::Watched, vec!["dave", "erin"], true),
        (PeopleList::Watched, vec!["dave", "nobody"], false),
    ] {
        let names = names.into_iter().map(who).collect();
        house.store.session_list(alice.device, list, names, on).await.unwrap();
    }
    house.store.session_list(bob.device, PeopleList::Muted, vec![who("dave")], true).await.unwrap();
    house.reopen().await;
    let expected = SessionPeople { muted: vec![who("carol"), who("dave")], watched: vec![who("erin")] };
    let found = house.store.session_lists().await.unwrap();
    assert_eq!((found.len(), found.get(&alice.device)), (1, Some(&expected)), "bob has no session");
    house.store.session_begin(row(&alice, Timestamp::now())).await.unwrap();
    assert!(house.store.session_lists().await.unwrap().is_empty(), "another session, other lists");
    house.store.session_list(alice.device, PeopleList::Muted, vec![who("dave")], true).await.unwrap();
    house.store.session_end(alice.device).await.unwrap();
    assert!(house.store.session_lists().await.unwrap().is_empty());
}
