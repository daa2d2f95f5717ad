//! Restoring in the place of an SQLite file that cannot be read: what backups are for.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
};

use tempfile::TempDir;
use trunkline_model::{Seq, Timestamp};
use trunkline_store::{ArchiveError, Restore, Restored, StoreError, backup, restore};

use crate::fixture::{House, Person};

const PAGE: usize = 4096;
const HOUR: i64 = 3_600;

/// A closed house, its backup, and the log that lay beside it when its process was killed.
struct Ruin {
    house: House,
    people: [Person; 2],
    folder: TempDir,
    log: Vec<u8>,
    /// The last epoch that phones were told.
    epoch: i64,
}

impl Ruin {
    async fn new() -> Self {
        let mut house = super::house().await;
        let people = [house.person("alice").await, house.person("bob").await];
        let [alice, bob] = &people;
        house.send(alice, bob, "m-1", "kept").await;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.backup");
        backup(&house.place.database(), &file, false, &AtomicU64::new(0)).await.unwrap();
        for number in 2..40 {
            house.send(alice, bob, &format!("m-{number}"), "lost").await;
        }
        // An earlier restore was made while the clock was an hour ahead.
        let epoch = Timestamp::now().as_secs() + HOUR;
        house.place.run(&format!("UPDATE meta SET number = {epoch} WHERE name = 'epoch'")).await;
        // The log has the last of it, and not all.
        house.reopen().await;
        house.send(&people[0], &people[1], "m-40", "lost").await;
        let log = fs::read(house.path().with_extension("db-wal")).unwrap();
        assert!(!log.is_empty());
        house.store.close().await;
        Self { house, people, folder, log, epoch }
    }

    async fn restore(&self, replace: bool) -> Result<Restored, ArchiveError> {
        let (database, file) = (self.house.place.database(), self.folder.path().join("a.backup"));
        let how = Restore {
            database: &database,
            file: &file,
            key: &self.house.key,
            replace,
            keep_access_keys: false,
            without_key: false,
        };
        restore(how, &AtomicU64::new(0)).await
    }

    fn beside(&self, end: &str) -> PathBuf {
        beside(&self.house.path(), end)
    }

    /// Restores, and finds the backup's state and nothing else of the old one.
    async fn restore_well(&mut self, what: &str) -> Restored {
        let refused = self.restore(false).await;
        assert!(
            matches!(refused, Err(ArchiveError::Unreadable { .. } | ArchiveError::NotEmpty { .. })),
            "{what}: {refused:?}"
        );
        let restored = self.restore(true).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(restored.new_epoch > self.epoch, "{what}: phones would not notice: {restored:?}");
        for end in ["-wal", "-shm", ".restore", ".restore-mark"] {
            assert!(!self.beside(end).exists(), "{what}: {end} is left");
        }
        self.house.store = self.house.open().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let bob = &self.people[1];
        assert_eq!(self.house.mailbox(bob).await, ["1 invited alice m-1: kept"], "{what}");
        assert_eq!(self.house.store.epoch().0, restored.new_epoch);
        assert_eq!(self.house.store.mailbox(bob.account, Seq(1), 10).await.unwrap(), [], "{what}");
        self.house.store.close().await;
        restored
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn garbage(bytes: &mut [u8]) {
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::try_from(at * 31 % 251).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_file_is_replaced_and_set_aside() {
    let ruin = &mut Ruin::new().await;
    let whole = fs::read(ruin.house.path()).unwrap();
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("a header overwritten", |file| garbage(&mut file[..100])),
        ("nothing but garbage", |file| garbage(file)),
        ("cut short", |file| file.truncate(2 * PAGE)),
        ("cut within the header", |file| file.truncate(50)),
        ("all but the first page overwritten", |file| garbage(&mut file[PAGE..])),
    ];
    for (what, damage) in damages {
        for stale in [false, true] {
            let mut file = whole.clone();
            damage(&mut file);
            fs::write(ruin.house.path(), &file).unwrap();
            let what = &format!("{what}{}", if stale { ", a log beside it" } else { "" });
            if stale {
                fs::write(ruin.beside("-wal"), &ruin.log).unwrap();
            }
            let restored = ruin.restore_well(what).await;
            let aside = restored.set_aside.unwrap_or_else(|| panic!("{what} is gone"));
            assert!(aside.contains("relay.db.damaged-"), "{aside}");
            if !stale {
                assert!(fs::read(aside).unwrap() == file, "{what}: it lies as it was");
            }
        }
    }
}

/// What keeps SQLite from opening a file is not always the file.
#[tokio::test]
async fn a_whole_file_is_not_set_aside_for_what_its_folder_lacks() {
    let ruin = &mut Ruin::new().await;
    let whole = fs::read(ruin.house.path()).unwrap();
    fs::create_dir(ruin.beside("-wal")).unwrap();
    let refused = ruin.restore(true).await;
    assert!(matches!(refused, Err(ArchiveError::Store(StoreError::Database(_)))), "{refused:?}");
    assert!(fs::read(ruin.house.path()).unwrap() == whole, "the file is as it was, in its place");
}

/// The power goes while the new file takes the place of the damaged one: before the old log is gone, or after.
#[tokio::test]
async fn a_place_that_is_being_filled_is_the_old_file_or_no_database() {
    let ruin = &mut Ruin::new().await;
    let file = fs::read(ruin.house.path()).unwrap()[..2 * PAGE].to_vec();
    fs::write(ruin.house.path(), &file).unwrap();
    fs::write(ruin.beside("-wal"), &ruin.log).unwrap();
    // The mark cannot be made.
    fs::create_dir(ruin.beside(".restore-mark")).unwrap();
    let stopped = ruin.restore(true).await;
    assert!(matches!(stopped, Err(ArchiveError::File { .. })), "{stopped:?}");
    assert!(fs::read(ruin.house.path()).unwrap() == file, "the old file is in its place");
    assert!(fs::read(ruin.beside("-wal")).unwrap() == ruin.log, "and so is its log");
    fs::remove_dir(ruin.beside(".restore-mark")).unwrap();
    let aside = ruin.restore_well("after a stop").await.set_aside.unwrap();
    let log = beside(Path::new(&aside), "-wal");
    assert!(fs::read(&log).unwrap() == ruin.log, "the log is with it");

    fs::write(ruin.house.path(), "A restore was broken off").unwrap();
    let opened = ruin.house.open().await;
    assert!(opened.is_err(), "nobody goes on with nothing");
    ruin.restore_well("a mark").await;
    for (name, content) in [(aside.into(), &file), (log, &ruin.log)] {
        assert!(fs::read(&name).unwrap() == *content, "{name:?}: what was set aside first is still there");
    }
}

/// An SQL shell looks at the new file before the server does.
#[tokio::test]
async fn who_reads_a_restored_file_keeps_nobody_from_opening() {
    use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
    let ruin = &mut Ruin::new().await;
    ruin.restore(true).await.unwrap();
    let mut reader = SqliteConnectOptions::new().filename(ruin.house.path()).connect().await.unwrap();
    for statement in ["BEGIN", "SELECT COUNT(*) FROM messages"] {
        sqlx::query(statement).execute(&mut reader).await.unwrap();
    }
    ruin.house.store = ruin.house.open().await.unwrap();
    ruin.house.store.close().await;
}
