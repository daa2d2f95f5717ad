use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use trunkline_model::{AccountId, Seq, Timestamp};
use trunkline_store::StoreError;

use crate::fixture::{activation, soon};

#[tokio::test]
async fn an_access_key_works_as_it_is_typed_and_once() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    let key = house.store.activation_issue(alice.account, soon()).await.unwrap().to_string();
    let sloppy = format!(" {} ", key.to_lowercase().replace('-', " "));
    let typed = activation("SIP:Alice@Example.test", &sloppy, "tablet");
    let activated = house.store.activate(typed.borrowed()).await.unwrap().unwrap();
    let token = activated.token.expose_secret();
    assert!(token.starts_with("tl1.") && token.len() == 47, "{} characters", token.len());
    assert!(house.store.activate(typed.borrowed()).await.unwrap().is_none(), "used");
    let owner = house.store.token(&activated.token).await.unwrap().unwrap();
    assert_eq!(
        (owner.account.id, owner.device, owner.device_token.as_str()),
        (alice.account, activated.device, "tablet")
    );
    assert!(house.store.token(&SecretString::from("tl1.wrong")).await.unwrap().is_none());
}

#[tokio::test]
async fn every_kind_of_wrong_gives_nothing_and_uses_nothing_up() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let key = house.store.activation_issue(alice.account, soon()).await.unwrap().to_string();
    let old = Timestamp::now().minus(Duration::from_secs(1));
    let expired = house.store.activation_issue(alice.account, old).await.unwrap().to_string();
    for (address, access_key) in [
        (bob.address.bare(), key.as_str()),
        ("nobody@example.test", key.as_str()),
        ("not an address", key.as_str()),
        ("", key.as_str()),
        (alice.address.bare(), expired.as_str()),
        (alice.address.bare(), "34679-ACDEF-GHJKM"),
        (alice.address.bare(), "short"),
        (alice.address.bare(), ""),
    ] {
        let typed = activation(address, access_key, "tablet");
        assert!(
            house.store.activate(typed.borrowed()).await.unwrap().is_none(),
            "{address:?} {access_key:?}"
        );
    }
    house.store.account_enable(alice.account, false).await.unwrap();
    let right = activation(alice.address.bare(), &key, "tablet");
    assert!(house.store.activate(right.borrowed()).await.unwrap().is_none(), "disabled");
    house.store.account_enable(alice.account, true).await.unwrap();
    assert!(house.store.activate(right.borrowed()).await.unwrap().is_some());
    let nobody = house.store.activation_issue(AccountId(99), soon()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))), "{nobody:?}");
}

#[tokio::test]
async fn two_phones_with_one_key_race_for_it() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    let key = house.store.activation_issue(alice.account, soon()).await.unwrap().to_string();
    let (one, two) =
        (activation(alice.address.bare(), &key, "one"), activation(alice.address.bare(), &key, "two"));
    let (one, two) = tokio::join!(house.store.activate(one.borrowed()), house.store.activate(two.borrowed()));
    assert!(one.unwrap().is_some() != two.unwrap().is_some());
}

#[tokio::test]
async fn only_the_sixteen_newest_keys_stay_open() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    let mut keys = Vec::new();
    for _ in 0..18 {
        keys.push(house.store.activation_issue(alice.account, soon()).await.unwrap().to_string());
    }
    for (number, key) in keys.iter().enumerate() {
        let typed = activation(alice.address.bare(), key, "tablet");
        assert_eq!(
            house.store.activate(typed.borrowed()).await.unwrap().is_some(),
            number >= 2,
            "key {number}"
        );
    }
}

#[tokio::test]
async fn the_same_install_keeps_its_device_and_gets_a_new_token() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let again = async |person: &crate::fixture::Person, device_token| {
        let key = house.store.activation_issue(person.account, soon()).await.unwrap().to_string();
        let typed = activation(person.address.bare(), &key, device_token);
        house.store.activate(typed.borrowed()).await.unwrap().unwrap()
    };
    let (first, second) = (again(&alice, "alice's phone").await, again(&alice, "alice's phone").await);
    assert_eq!((first.device, second.device), (alice.device, alice.device));
    assert!(house.store.token(&first.token).await.unwrap().is_none());
    assert!(house.store.token(&second.token).await.unwrap().is_some());
    let others = again(&bob, "alice's phone").await;
    assert_ne!(others.device, alice.device);
    assert!(house.store.token(&second.token).await.unwrap().is_some());

    assert_eq!(house.store.device_revoke(alice.device).await.unwrap(), alice.account);
    assert!(house.store.token(&second.token).await.unwrap().is_none());
    assert!(house.store.device(alice.device).await.unwrap().unwrap().revoked);
    let third = again(&alice, "alice's phone").await;
    assert_eq!(third.device, alice.device);
    assert!(house.store.token(&third.token).await.unwrap().is_some());
}

#[tokio::test]
async fn a_new_device_begins_with_what_no_device_has() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    for id in ["m-1", "m-2", "m-3"] {
        house.send(&alice, &bob, id, "hello").await;
    }
    house.acknowledge(&bob, bob.device, 2).await;
    let tablet = house.device(&bob, "tablet").await;
    assert_eq!(house.store.acknowledged(tablet).await.unwrap(), Seq(2));
}

#[tokio::test]
async fn devices_that_stay_away_expire() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let later = Timestamp::now().plus(Duration::from_secs(60));
    house.store.session_touch(vec![(bob.device, later)]).await.unwrap();
    let between = Timestamp::now().plus(Duration::from_secs(30));
    assert_eq!(house.store.expire_devices(between).await.unwrap(), [(alice.account, alice.device)]);
    assert!(house.store.expire_devices(between).await.unwrap().is_empty());
    assert!(!house.store.device(bob.device).await.unwrap().unwrap().revoked);
}
