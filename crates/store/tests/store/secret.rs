use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use trunkline_model::AccountId;
use trunkline_store::{MasterKey, MasterKeyError, StoreError};

use crate::fixture::{House, open};

#[tokio::test]
async fn a_secret_comes_back_and_is_not_in_the_file() {
    let mut house = House::new().await;
    let alice = house.person("alice").await;
    let password = SecretString::from("correct horse battery staple");
    house.store.secret_set(alice.account, "xmpp", &SecretString::from("older")).await.unwrap();
    house.store.secret_set(alice.account, "xmpp", &password).await.unwrap();
    house.reopen().await;
    let found = house.store.secret(alice.account, "xmpp").await.unwrap().unwrap();
    assert_eq!(found.expose_secret(), password.expose_secret());
    assert!(house.store.secret(alice.account, "sip").await.unwrap().is_none());
    house.store.close().await;
    let bytes = std::fs::read(house.path()).unwrap();
    assert!(!bytes.windows(13).any(|part| part == b"correct horse"));
    house.store = open(&house.path(), &house.key, &house.heard).await.unwrap();
    house.store.secret_drop(alice.account, "xmpp").await.unwrap();
    assert!(house.store.secret(alice.account, "xmpp").await.unwrap().is_none());
    let nobody = house.store.secret_set(AccountId(99), "xmpp", &password).await;
    assert!(matches!(nobody, Err(StoreError::NotFound(_))), "{nobody:?}");
}

#[tokio::test]
async fn a_ciphertext_opens_only_in_its_own_row() {
    let house = House::new().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    for person in [&alice, &bob] {
        house.store.secret_set(person.account, "xmpp", &SecretString::from("secret")).await.unwrap();
    }
    house.store.secret_set(bob.account, "sip", &SecretString::from("secret")).await.unwrap();
    let mut sql = SqliteConnectOptions::new().filename(house.path()).connect().await.unwrap();
    let swap = "UPDATE secrets SET sealed = (SELECT s.sealed FROM secrets s \
                WHERE s.account_id = $2 AND s.name = $3) \
                WHERE account_id = $1 AND name = 'xmpp'";
    for (to, from, name) in [(alice.account, bob.account, "xmpp"), (bob.account, bob.account, "sip")] {
        sqlx::query(swap).bind(to.0).bind(from.0).bind(name).execute(&mut sql).await.unwrap();
        let found = house.store.secret(to, "xmpp").await;
        assert!(matches!(found, Err(StoreError::Crypto(_))), "{:?}", found.map(|_| ()));
    }
    let cut = "UPDATE secrets SET sealed = $1";
    sqlx::query(cut).bind(vec![1_u8, 2, 3]).execute(&mut sql).await.unwrap();
    assert!(matches!(house.store.secret(bob.account, "sip").await, Err(StoreError::Crypto(_))));
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_says_so() {
    let house = House::new().await;
    let expected = house.store.key_id();
    house.store.close().await;
    let other = MasterKey::generate();
    match open(&house.path(), &other, &house.heard).await {
        Err(error @ StoreError::WrongKey { given, database: Some(database) }) => {
            assert_eq!((given, database), (other.id(), expected));
            assert!(error.to_string().contains(&expected.to_string()), "{error}");
        }
        opened => panic!("{:?}", opened.map(|_| ())),
    }
}

/// A database of a version that did not yet keep the key's id.
#[tokio::test]
async fn a_database_without_a_key_id_is_known_by_its_secrets() {
    let mut house = House::new().await;
    let alice = house.person("alice").await;
    house.store.secret_set(alice.account, "xmpp", &SecretString::from("secret")).await.unwrap();
    house.store.close().await;
    let mut sql = SqliteConnectOptions::new().filename(house.path()).connect().await.unwrap();
    sqlx::query("DELETE FROM meta WHERE name = 'key'").execute(&mut sql).await.unwrap();
    let other = open(&house.path(), &MasterKey::generate(), &house.heard).await;
    assert!(matches!(other, Err(StoreError::WrongKey { database: None, .. })), "{:?}", other.map(|_| ()));
    house.store = open(&house.path(), &house.key, &house.heard).await.unwrap();
    assert!(house.store.secret(alice.account, "xmpp").await.unwrap().is_some());
}

#[test]
fn a_master_key_file_is_made_once_and_kept_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("master.key");
    let database = folder.path().join("relay.db");
    MasterKey::load_or_create(&path, &database).unwrap();
    let made = std::fs::read_to_string(&path).unwrap();
    assert_eq!(made.trim().len(), 43);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    MasterKey::load_or_create(&path, &database).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), made);
    assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let exposed = MasterKey::load_or_create(&path, &database).unwrap_err();
    assert!(matches!(exposed, MasterKeyError::Exposed { mode: 0o640, .. }), "{exposed}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "not a key").unwrap();
    assert!(matches!(
        MasterKey::load_or_create(&path, &database).unwrap_err(),
        MasterKeyError::Malformed { .. }
    ));
}

#[test]
fn a_lost_master_key_is_not_replaced_beside_its_database() {
    let folder = tempfile::tempdir().unwrap();
    let (path, database) = (folder.path().join("master.key"), folder.path().join("relay.db"));
    std::fs::write(&database, "data").unwrap();
    let missing = MasterKey::load_or_create(&path, &database).unwrap_err();
    assert!(missing.to_string().contains("restore the key file"), "{missing}");
    assert!(!path.exists());
    std::fs::remove_file(&database).unwrap();
    MasterKey::load_or_create(&path, &database).unwrap();
    std::fs::write(&database, "data").unwrap();
    MasterKey::load_or_create(&path, &database).unwrap();
}
