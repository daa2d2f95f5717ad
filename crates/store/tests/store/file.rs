//! What only an SQLite database has: files, their modes, their locks.

use std::{os::unix::fs::PermissionsExt, path::Path, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use trunkline_store::{CommitListener, Database, MasterKey, MasterKeyError, OpenStore, Store, StoreError};

use crate::fixture::{Heard, House, activation, house_key, soon};

#[tokio::test]
async fn a_closed_database_is_one_file_without_a_secret_in_clear() {
    let house = super::house().await;
    let alice = house.person("alice").await;
    let password = SecretString::from("correct horse battery staple");
    house.store.secret_set(alice.account, "xmpp", &password).await.unwrap();
    let key = house.store.activation_issue(alice.account, soon()).await.unwrap().to_string();
    let typed = activation(alice.address.bare(), &key, "tablet");
    let activated = house.store.activate(typed.borrowed()).await.unwrap().unwrap();
    house.store.close().await;
    let bytes = std::fs::read(house.path()).unwrap();
    for secret in [password.expose_secret(), activated.token.expose_secret()] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
    let folder = house.path().parent().unwrap().to_owned();
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    let data: Vec<_> = files.iter().filter(|name| *name != "relay.db.lock").collect();
    assert_eq!(data, ["relay.db"], "the log is in the database");
}

#[tokio::test]
async fn a_second_opener_is_told_who_holds_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep").join("relay.db");
    let exclusive = || OpenStore {
        database: Database::Sqlite(path.clone()),
        master_key: house_key(),
        listener: Arc::new(Heard::default()) as Arc<dyn CommitListener>,
        exclusive: true,
    };
    let first = Store::open(exclusive()).await.unwrap();
    let second = Store::open(exclusive()).await;
    assert!(
        matches!(&second, Err(StoreError::Locked(words)) if words.contains("another process")),
        "{second:?}"
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let files: Vec<_> =
        std::fs::read_dir(path.parent().unwrap()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    assert!(files.iter().all(|file| mode(file) == 0o600), "{files:?}");
    first.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    Store::open(exclusive()).await.unwrap().close().await;
    assert_eq!(mode(&path), 0o600, "what was readable is no longer");
}

/// Another program's lock outlasts our patience: everybody in the batch is told, and the next batch goes
/// through.
#[tokio::test]
async fn a_busy_database_is_told_and_overcome() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let mut sql = raw(&house).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut sql).await.unwrap();
    let (one, two) =
        tokio::join!(house.try_send(&alice, &bob, "m-1", "a"), house.try_send(&alice, &bob, "m-2", "b"));
    assert_eq!((one, two), (Err(StoreError::Busy), Err(StoreError::Busy)));
    sqlx::query("ROLLBACK").execute(&mut sql).await.unwrap();
    house.send(&alice, &bob, "m-1", "a").await;
    assert_eq!(house.mailbox(&bob).await, ["1 invited alice m-1: a"]);
}

/// A backup or an SQL shell may read for hours: it must not keep a server from starting, and what the log holds is made
/// durable nevertheless, since the log goes on behind it.
#[tokio::test]
async fn who_only_reads_keeps_nobody_from_opening() {
    let mut house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    let mut reader = raw(&house).await;
    for statement in ["BEGIN", "SELECT COUNT(*) FROM messages"] {
        sqlx::query(statement).execute(&mut reader).await.unwrap();
    }
    house.send(&alice, &bob, "m-1", "a").await;
    house.store.close().await;
    let log = house.path().with_extension("db-wal");
    let written = std::fs::metadata(&log).unwrap();
    assert!(written.len() > 0, "what the reader does not see is in the log");
    let before = std::fs::read(&log).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    std::fs::File::options().write(true).open(&log).unwrap().set_modified(long_ago).unwrap();

    house.store = house.open().await.unwrap();
    assert_eq!(std::fs::read(&log).unwrap(), before, "its bytes are as they were");
    assert!(std::fs::metadata(&log).unwrap().modified().unwrap() > long_ago, "and are written anew");
    house.send(&alice, &bob, "m-2", "b").await;
    let seen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM messages").fetch_one(&mut reader).await.unwrap();
    assert_eq!(seen, 0, "the reader reads on");
    sqlx::query("ROLLBACK").execute(&mut reader).await.unwrap();
    house.store.close().await;

    sqlx::query("BEGIN IMMEDIATE").execute(&mut reader).await.unwrap();
    assert_eq!(house.open().await.err(), Some(StoreError::Busy), "who writes is another matter");
    reader.close().await.unwrap();
    house.store = house.open().await.unwrap();
    assert_eq!(house.mailbox(&bob).await, ["1 invited alice m-1: a", "2 received alice m-2: b"]);
}

async fn raw(house: &House) -> SqliteConnection {
    SqliteConnectOptions::new().filename(house.path()).connect().await.unwrap()
}

#[test]
fn a_master_key_file_is_made_once_and_kept_private() {
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
