use secrecy::{ExposeSecret, SecretString};
use trunkline_model::AccountId;
use trunkline_store::{MasterKey, StoreError};

#[tokio::test]
async fn a_secret_comes_back() {
    let mut house = super::house().await;
    let alice = house.person("alice").await;
    let password = SecretString::from("correct horse battery staple");
    house.store.secret_set(alice.account, "xmpp", &SecretString::from("older")).await.unwrap();
    house.store.secret_set(alice.account, "xmpp", &password).await.unwrap();
    house.reopen().await;
    let found = house.store.secret(alice.account, "xmpp").await.unwrap().unwrap();
    assert_eq!(found.expose_secret(), password.expose_secret());
    assert!(house.store.secret(alice.account, "sip").await.unwrap().is_none());
    house.store.secret_drop(alice.account, "xmpp").await.unwrap();
    assert!(house.store.secret(alice.account, "xmpp").await.unwrap().is_none());
    let nobody = house.store.secret_set(AccountId(99), "xmpp", &password).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_ciphertext_opens_only_in_its_own_row() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    for person in [&alice, &bob] {
        house.store.secret_set(person.account, "xmpp", &SecretString::from("secret")).await.unwrap();
    }
    house.store.secret_set(bob.account, "sip", &SecretString::from("secret")).await.unwrap();
    for (to, from, name) in [(alice.account, bob.account, "xmpp"), (bob.account, bob.account, "sip")] {
        let swap = format!(
            "UPDATE secrets SET sealed = (SELECT s.sealed FROM secrets s WHERE s.account_id = {} AND s.name = \
             '{name}') WHERE account_id = {} AND name = 'xmpp'",
            from.0, to.0
        );
        house.place.run(&swap).await;
        let found = house.store.secret(to, "xmpp").await;
        assert!(matches!(found, Err(StoreError::Crypto(_))), "{:?}", found.map(|_| ()));
    }
    house.place.run("UPDATE secrets SET sealed = (SELECT token_hash FROM devices LIMIT 1)").await;
    assert!(matches!(house.store.secret(bob.account, "sip").await, Err(StoreError::Crypto(_))));
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_says_so() {
    let mut house = super::house().await;
    let expected = house.store.key_id();
    house.store.close().await;
    house.key = MasterKey::generate();
    match house.open().await {
        Err(error @ StoreError::WrongKey { given, database: Some(database) }) => {
            assert_eq!((given, database), (house.key.id(), expected));
            assert!(error.to_string().contains(&expected.to_string()), "{error}");
        }
        opened => panic!("{:?}", opened.map(|_| ())),
    }
}

/// A database of a version that did not yet keep the key's id.
#[tokio::test]
async fn a_database_without_a_key_id_is_known_by_its_secrets() {
    let mut house = super::house().await;
    let alice = house.person("alice").await;
    house.store.secret_set(alice.account, "xmpp", &SecretString::from("secret")).await.unwrap();
    house.store.close().await;
    house.place.run("DELETE FROM meta WHERE name = 'key'").await;
    let right = std::mem::replace(&mut house.key, MasterKey::generate());
    let other = house.open().await;
    assert!(matches!(other, Err(StoreError::WrongKey { database: None, .. })), "{:?}", other.map(|_| ()));
    house.key = right;
    house.store = house.open().await.unwrap();
    assert!(house.store.secret(alice.account, "xmpp").await.unwrap().is_some());
}
