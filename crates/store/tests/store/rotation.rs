//! Changing the master key, and dying in the middle of it.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    task::Poll,
};

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use trunkline_store::{MasterKey, MasterKeyError, Store, StoreError};

use crate::fixture::{House, activation, soon};

const SECRETS: usize = 260;

/// A house whose key lies in a file, and a person with more passwords than fit into a page.
async fn furnished() -> (House, TempDir, PathBuf) {
    let mut house = super::house().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    house.key = MasterKey::load_or_create(&file, Path::new("")).unwrap();
    house.store.rotate_key(&house.key).await.unwrap();
    let alice = house.person("alice").await;
    let stores = (0..SECRETS).map(|number| {
        let (store, name) = (house.store.clone(), format!("system {number:04}"));
        let secret = SecretString::from(format!("password of {name}"));
        tokio::spawn(async move { store.secret_set(alice.account, &name, &secret).await })
    });
    for stored in stores.collect::<Vec<_>>() {
        stored.await.unwrap().unwrap();
    }
    (house, folder, file)
}

/// What a start does: opens with the key in its file, or with the one that a change has prepared.
async fn start(house: &mut House, file: &Path) -> Store {
    house.key = MasterKey::load_or_create(file, Path::new("")).unwrap();
    match house.open().await {
        Ok(store) => {
            MasterKey::set_aside(file).unwrap();
            store
        }
        Err(StoreError::WrongKey { .. }) => {
            house.key = MasterKey::prepared(file).unwrap().expect("the database is under a key that is gone");
            let store = house.open().await.unwrap();
            MasterKey::promote(file).unwrap();
            store
        }
        Err(error) => panic!("{error}"),
    }
}

async fn assert_readable(store: &Store) {
    let alice = store.account_by_address(&"alice@example.test".parse().unwrap()).await.unwrap().unwrap();
    for number in 0..SECRETS {
        let name = format!("system {number:04}");
        let secret = store.secret(alice.id, &name).await.unwrap().unwrap();
        assert_eq!(secret.expose_secret(), format!("password of {name}"));
    }
}

#[tokio::test]
async fn a_crash_after_any_step_of_a_change_of_keys_loses_no_secret() {
    for steps in 0..=4 {
        let (mut house, folder, file) = furnished().await;
        let old = house.store.key_id();
        let mut new = old;
        if steps > 0 {
            let key = MasterKey::prepare(&file).unwrap();
            if steps > 1 {
                MasterKey::keep(&file).unwrap();
            }
            if steps > 2 {
                new = house.store.rotate_key(&key).await.unwrap().to;
            }
            if steps > 3 {
                MasterKey::promote(&file).unwrap();
            }
        }
        house.store.close().await;
        for _ in 0..2 {
            let store = start(&mut house, &file).await;
            assert_eq!(store.key_id(), new, "after {steps} steps");
            assert_readable(&store).await;
            store.close().await;
        }
        assert!(MasterKey::prepared(&file).unwrap().is_none(), "after {steps} steps");
        let kept = folder.path().join(format!("master.key.old-{old}"));
        assert_eq!(kept.exists(), steps > 1, "after {steps} steps");
    }
}

#[tokio::test]
async fn while_the_key_changes_the_store_goes_on() {
    let (house, _folder, file) = furnished().await;
    let (bob, name) = (house.person("bob").await, "bob@example.test");
    let early = house.store.activation_issue(bob.account, soon()).await.unwrap();
    let key = MasterKey::prepare(&file).unwrap();
    let writes = (0..200).map(|number| {
        let store = house.store.clone();
        let secret = SecretString::from(format!("late {number}"));
        let account = bob.account;
        tokio::spawn(async move { store.secret_set(account, &format!("late {number}"), &secret).await })
    });
    let writes: Vec<_> = writes.collect();
    let rotated = house.store.rotate_key(&key).await.unwrap();
    assert_eq!((rotated.unreadable, rotated.void), (0, vec![name.parse().unwrap()]));
    assert!(rotated.secrets >= SECRETS as u64, "{}", rotated.secrets);
    for (number, write) in writes.into_iter().enumerate() {
        write.await.unwrap().unwrap();
        let found = house.store.secret(bob.account, &format!("late {number}")).await.unwrap().unwrap();
        assert_eq!(found.expose_secret(), format!("late {number}"));
    }
    assert_readable(&house.store).await;
    let late = house.store.activation_issue(bob.account, soon()).await.unwrap();
    for (key, good) in [(early, false), (late, true)] {
        let activation = activation(name, &key.to_string(), "another phone");
        assert_eq!(house.store.activate(activation.borrowed()).await.unwrap().is_some(), good);
    }
}

/// The key in force lies beside the file alone; another change must not write over it.
#[tokio::test]
async fn a_change_of_keys_that_ended_unclear_is_completed_before_the_next_one() {
    let (mut house, _folder, file) = furnished().await;
    let first = house.store.key_id();
    let second = MasterKey::prepare(&file).unwrap();
    // It is done, but nobody waits for the word.
    // One look queues it, unless the runtime thinks that this task has done enough for now.
    let mut rotating = Box::pin(tokio::task::unconstrained(house.store.rotate_key(&second)));
    let waits = std::future::poll_fn(|cx| Poll::Ready(rotating.as_mut().poll(cx).is_pending())).await;
    drop(rotating);
    assert!(waits && house.store.key_id() == first, "nobody has heard of the end");
    assert!(house.store.complete_rotation(&file).await.unwrap());
    assert_eq!(house.store.key_id(), second.id());
    assert_eq!(MasterKey::kept(&file, first).unwrap().unwrap().id(), first, "what lay there is kept");
    assert!(!house.store.complete_rotation(&file).await.unwrap(), "once is enough");
    MasterKey::prepare(&file).unwrap();
    house.store.close().await;
    let store = start(&mut house, &file).await;
    assert_eq!(store.key_id(), second.id());
    assert_readable(&store).await;
    store.close().await;
}

/// The database was set back to before the change: backups made meanwhile are under the key that was prepared.
#[tokio::test]
async fn a_prepared_key_is_never_removed() {
    let (mut house, folder, file) = furnished().await;
    let first = MasterKey::prepare(&file).unwrap();
    let second = MasterKey::prepare(&file).unwrap();
    house.store.close().await;
    start(&mut house, &file).await.close().await;
    assert!(MasterKey::prepared(&file).unwrap().is_none());
    for key in [first, second] {
        let kept = folder.path().join(format!("master.key.old-{}", key.id()));
        assert_eq!(MasterKey::load_or_create(&kept, Path::new("")).unwrap().id(), key.id());
    }
    std::fs::write(folder.path().join("master.key.next"), [0xff, 0]).unwrap();
    assert!(MasterKey::set_aside(&file).unwrap().unwrap().ends_with("master.key.old-unreadable"));
    assert_eq!(MasterKey::set_aside(&file).unwrap(), None);
}

/// A full disk has cut an earlier copy, or somebody has put another key there under this name.
#[tokio::test]
async fn what_lies_under_the_name_of_a_kept_key_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("master.key");
    let key = MasterKey::load_or_create(&file, Path::new("")).unwrap();
    let kept = MasterKey::name_of_kept(&file, key.id());
    for broken in ["", "half a k"] {
        std::fs::write(&kept, broken).unwrap();
        std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(MasterKey::keep(&file).unwrap(), kept);
        assert_eq!(MasterKey::kept(&file, key.id()).unwrap().unwrap().id(), key.id(), "{broken:?}");
    }
    // Written over in its place, as `cp` does: a second name of the same file would change with it.
    std::fs::write(&file, "A".repeat(43)).unwrap();
    assert_eq!(MasterKey::kept(&file, key.id()).unwrap().unwrap().id(), key.id());
    let other = MasterKey::load_or_create(&file, Path::new("")).unwrap();
    std::fs::rename(&kept, MasterKey::name_of_kept(&file, other.id())).unwrap();
    let refused = MasterKey::keep(&file);
    assert!(
        matches!(&refused, Err(MasterKeyError::Another { found, .. }) if *found == key.id()),
        "{refused:?}"
    );
}
