//! Backups, and restoring them on either engine.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
};

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use trunkline_model::{MessageState, Seq, Timestamp};
use trunkline_store::{
    ArchiveError, Manifest, MasterKey, Restore, Restored, SessionRow, StoreError, backup, glance, restore,
    verify,
};

use crate::fixture::{House, Person, Place, activation, address, soon};

/// A house with something in every table, and its backup.
struct Estate {
    house: House,
    alice: Person,
    bob: Person,
    folder: TempDir,
    manifest: Manifest,
}

impl Estate {
    async fn new() -> Self {
        let house = super::house().await;
        let (alice, bob) = (house.person("alice").await, house.person("bob").await);
        house.store.secret_set(alice.account, "xmpp", &SecretString::from("old friend")).await.unwrap();
        let friends = house.store.group_add(alice.account, "Friends").await.unwrap();
        house.store.group_put(alice.account, &bob.address, friends).await.unwrap();
        house.store.block(bob.account, &address("mallory@example.test")).await.unwrap();
        house.store.activation_issue(alice.account, soon()).await.unwrap();
        house.store.session_begin(session(&alice)).await.unwrap();
        house.send(&alice, &bob, "m-1", "\"quoted\", \u{1F600}\nand lines").await;
        house.accept(&bob, &alice).await.unwrap();
        house.send_out(&alice, "carol@far.test", "m-2", "outward").await;
        let folder = tempfile::tempdir().unwrap();
        let manifest = make(&house, &folder.path().join("a.backup")).await.unwrap();
        Self { house, alice, bob, folder, manifest }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("a.backup")
    }

    fn restore_into(&self, place: &Place) -> House {
        House { store: self.house.store.clone(), place: place.clone(), ..self.house.clone() }
    }
}

fn session(person: &Person) -> SessionRow {
    SessionRow {
        device: person.device,
        account: person.account,
        address: person.address.clone(),
        display_name: String::new(),
        device_token: String::new(),
        started_at: Timestamp::now(),
        reserved: 1,
        background: false,
        push_type: 0,
        availability: None,
        personal_message: String::new(),
        last_active: Timestamp::now(),
        acknowledged: Seq(0),
    }
}

async fn make(house: &House, file: &Path) -> Result<Manifest, ArchiveError> {
    backup(&house.place.database(), file, false, &AtomicU64::new(0)).await
}

async fn put(
    house: &House,
    file: &Path,
    change: impl FnOnce(&mut Restore<'_>),
) -> Result<Restored, ArchiveError> {
    let database = house.place.database();
    let mut how = Restore {
        database: &database,
        file,
        key: &house.key,
        replace: false,
        keep_access_keys: false,
        without_key: false,
    };
    change(&mut how);
    restore(how, &AtomicU64::new(0)).await
}

fn rows(manifest: &Manifest) -> BTreeMap<&str, u64> {
    manifest.foot.tables.iter().map(|sum| (sum.table.as_str(), sum.rows)).collect()
}

#[tokio::test]
async fn a_backup_is_whole_private_and_has_every_kind_of_row() {
    let estate = Estate::new().await;
    let expected = [
        ("accounts", 2),
        ("devices", 2),
        ("cursors", 2),
        ("access_keys", 1),
        ("secrets", 1),
        ("contacts", 1),
        ("roster_groups", 1),
        ("group_contacts", 1),
        ("blocks", 1),
        ("messages", 2),
        ("outbox", 1),
        ("meta", 3),
    ];
    let found = rows(&estate.manifest);
    for (table, count) in expected {
        assert_eq!(found.get(table), Some(&count), "{table}: {found:?}");
    }
    assert!(found["entries"] >= 3 && found["conversations"] >= 2 && found["mailboxes"] == 2, "{found:?}");
    assert_eq!(estate.manifest.head.key, Some(estate.house.key.id()));
    assert_eq!(verify(&estate.file()).await.unwrap(), estate.manifest);
    assert_eq!(fs::metadata(estate.file()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(estate.folder.path()).unwrap().count(), 1, "no draft is left");

    let again = make(&estate.house, &estate.file()).await;
    assert!(matches!(again, Err(ArchiveError::Exists(_))), "{again:?}");
    let forced = backup(&estate.house.place.database(), &estate.file(), true, &AtomicU64::new(0)).await;
    assert_eq!(forced.unwrap().foot.tables, estate.manifest.foot.tables, "nothing has changed meanwhile");
}

/// The way from one engine to the other, and back to the same.
#[tokio::test]
async fn what_was_backed_up_comes_back_on_either_engine() {
    let estate = Estate::new().await;
    for place in [Place::folder(), Place::server().await] {
        let mut other = estate.restore_into(&place);
        let restored = put(&other, &estate.file(), |_| {}).await.unwrap();
        assert_eq!((restored.void_access_keys, restored.doubtful), (1, 1));
        assert!(restored.new_epoch > estate.manifest.head.epoch);
        let second = estate.folder.path().join(format!("{}.backup", restored.new_epoch));
        other.store = other.open().await.unwrap();
        assert_eq!(other.store.epoch().0, restored.new_epoch);
        check(&estate, &other).await;

        let copy = make(&other, &second).await.unwrap();
        for (before, after) in estate.manifest.foot.tables.iter().zip(&copy.foot.tables) {
            let changed = ["meta", "access_keys", "cursors", "messages"].contains(&before.table.as_str());
            assert!(changed || before.rows == after.rows, "{before:?} {after:?}");
        }
        // What goes on in the copy fits what came from the original.
        other.send(&estate.alice, &estate.bob, "m-3", "onward").await;
        other.person("dave").await;
        other.store.close().await;
        fs::remove_file(second).unwrap();
    }
}

async fn check(estate: &Estate, other: &House) {
    let Estate { house, alice, bob, .. } = estate;
    for person in [alice, bob] {
        let mailbox = house.store.mailbox(person.account, Seq(0), 100).await.unwrap();
        assert_eq!(other.store.mailbox(person.account, Seq(0), 100).await.unwrap(), mailbox);
        let account = house.store.account(person.account).await.unwrap();
        assert_eq!(other.store.account(person.account).await.unwrap(), account);
    }
    let secret = other.store.secret(alice.account, "xmpp").await.unwrap().unwrap();
    assert_eq!(secret.expose_secret(), "old friend");
    assert_eq!(
        other.store.contacts(alice.account).await.unwrap(),
        house.store.contacts(alice.account).await.unwrap()
    );
    assert!(other.store.sessions().await.unwrap().is_empty(), "every phone begins anew");
    assert!(other.store.open_keys(alice.account).await.unwrap().is_empty());
    let outbox = other.store.outbox(alice.account).await.unwrap();
    assert_eq!(outbox[0].state, MessageState::Submitted, "it may have gone out meanwhile");
    let again = other.try_send(alice, bob, "m-1", "\"quoted\", \u{1F600}\nand lines").await.unwrap();
    assert!(again.dup, "what the phone sends again is known");
}

#[tokio::test]
async fn a_restore_replaces_only_what_it_may() {
    let mut estate = Estate::new().await;
    let held = put(&estate.house, &estate.file(), |how| how.replace = true).await;
    assert!(matches!(&held, Err(ArchiveError::Store(StoreError::Locked(_)))), "a server runs: {held:?}");
    estate.house.send(&estate.alice, &estate.bob, "m-9", "after the backup").await;
    estate.house.store.close().await;

    let full = put(&estate.house, &estate.file(), |_| {}).await;
    assert!(matches!(full, Err(ArchiveError::NotEmpty { accounts: 2, messages: 3 })), "{full:?}");
    let strange = MasterKey::generate();
    let other = House { key: strange.clone(), ..estate.house.clone() };
    let wrong = put(&other, &estate.file(), |how| how.replace = true).await;
    assert!(matches!(wrong, Err(ArchiveError::WrongKey { given, .. }) if given == strange.id()), "{wrong:?}");

    let before = estate.manifest.head.epoch;
    let first = put(&estate.house, &estate.file(), |how| how.replace = true).await.unwrap();
    let second = put(&estate.house, &estate.file(), |how| {
        (how.replace, how.keep_access_keys) = (true, true);
    })
    .await
    .unwrap();
    assert!(before < first.new_epoch && first.new_epoch < second.new_epoch, "{first:?} {second:?}");
    estate.house.store = estate.house.open().await.unwrap();
    assert_eq!(estate.house.store.counts().await.unwrap().messages, 2, "what came after is gone");
    assert_eq!(estate.house.store.open_keys(estate.alice.account).await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_its_key_a_backup_gives_all_but_secrets() {
    let mut estate = Estate::new().await;
    estate.house.store.close().await;
    estate.house.key = MasterKey::generate();
    let restored = put(&estate.house, &estate.file(), |how| {
        (how.replace, how.without_key, how.keep_access_keys) = (true, true, true);
    })
    .await
    .unwrap();
    assert_eq!((restored.dropped_secrets, restored.void_access_keys), (1, 1));
    estate.house.store = estate.house.open().await.unwrap();
    assert!(estate.house.store.secret(estate.alice.account, "xmpp").await.unwrap().is_none());
    let key = estate.house.store.activation_issue(estate.bob.account, soon()).await.unwrap();
    let typed = activation("bob@example.test", &key.to_string(), "new phone");
    assert!(estate.house.store.activate(typed.borrowed()).await.unwrap().is_some());
}

/// Cut short, changed in a bit, or something else: nothing is touched.
#[tokio::test]
async fn a_damaged_backup_is_refused_before_anything_is_changed() {
    let mut estate = Estate::new().await;
    estate.house.store.close().await;
    let whole = fs::read(estate.file()).unwrap();
    let damaged = estate.folder.path().join("damaged");
    let mut cases: Vec<Vec<u8>> = (0..whole.len()).step_by(97).map(|end| whole[..end].to_vec()).collect();
    for at in (20..whole.len()).step_by(211) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        // A text may be told to be copied from either of two places where it stands: that is no damage.
        if unpacked(&flipped) != unpacked(&whole) {
            cases.push(flipped);
        }
    }
    cases.push(b"{\"what\":\"trunkline backup\"}\n".to_vec());
    for case in &cases {
        fs::write(&damaged, case).unwrap();
        let refused = put(&estate.house, &damaged, |how| how.replace = true).await;
        assert!(matches!(refused, Err(ArchiveError::Damaged { .. })), "{} bytes: {refused:?}", case.len());
    }
    let missing = put(&estate.house, Path::new("/nowhere/at/all"), |how| how.replace = true).await;
    assert!(matches!(missing, Err(ArchiveError::File { .. })), "{missing:?}");
    estate.house.store = estate.house.open().await.unwrap();
    assert!(estate.house.store.account(estate.alice.account).await.unwrap().is_some());
}

fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut text).ok().map(|_| text)
}

/// Writers go on while a backup is made, and it shows one moment.
#[tokio::test]
async fn a_backup_under_traffic_shows_one_moment() {
    let house = super::house().await;
    let (alice, bob) = (house.person("alice").await, house.person("bob").await);
    house.send(&alice, &bob, "m-0", "first").await;
    let folder = tempfile::tempdir().unwrap();
    let writer = {
        let (house, alice, bob) = (house.clone(), alice.clone(), bob.clone());
        tokio::spawn(async move {
            for number in 1..200 {
                house.send(&alice, &bob, &format!("m-{number}"), "text").await;
            }
        })
    };
    for round in 0..5 {
        let place = Place::folder();
        let file = folder.path().join(format!("{round}.backup"));
        make(&house, &file).await.unwrap();
        let mut copy = House { place, ..house.clone() };
        put(&copy, &file, |_| {}).await.unwrap();
        copy.store = copy.open().await.unwrap();
        let head = copy.store.mailbox_bounds(bob.account).await.unwrap().head.0;
        let entries = copy.store.mailbox(bob.account, Seq(0), 1_000).await.unwrap();
        assert_eq!(entries.len(), usize::try_from(head).unwrap(), "head and entries are of one moment");
        copy.store.close().await;
    }
    writer.await.unwrap();
}

/// Beside the store that has it open, and with the same words.
#[tokio::test]
async fn a_glance_tells_what_is_there() {
    let house = super::house().await;
    house.person("alice").await;
    let seen = glance(&house.place.database()).await.unwrap().unwrap();
    assert_eq!((seen.schema, seen.key), (seen.known, Some(house.store.key_id())));
    assert_eq!(seen.counts, Some(house.store.counts().await.unwrap()));
    assert_eq!(seen.engine, house.store.engine().await.unwrap());
    assert_eq!(house.place.database().key_id().await.unwrap(), seen.key);
}
