use std::{fs, os::unix::fs::PermissionsExt, process::Stdio};

use serde_json::{Value, json};

use crate::program::Folder;

const BACKUP: &str = "a.backup";

fn accounts(folder: &Folder) -> usize {
    folder.json(&["account", "list"])["accounts"].as_array().unwrap().len()
}

/// A folder whose database has this many accounts.
fn peopled(count: usize) -> Folder {
    let folder = Folder::new();
    let lines: String =
        (0..count).map(|number| format!("p{number}@example.test,Person {number}\n")).collect();
    folder.write("staff.csv", &format!("address,name\n{lines}"));
    folder.well(&["account", "import", "staff.csv"]);
    folder
}

#[test]
fn a_backup_of_the_running_server_is_restored_when_it_is_stopped() {
    let folder = peopled(3);
    let serving = folder.serve();
    let told = folder.json(&["backup", BACKUP]);
    assert_eq!((&told["file"], &told["backup"]["engine"]), (&json!(BACKUP), &json!("sqlite")));
    assert_eq!(fs::metadata(folder.path().join(BACKUP)).unwrap().permissions().mode() & 0o777, 0o600);
    let again = folder.run(&["backup", BACKUP]);
    assert!(again.code == Some(1) && again.err.contains("--force"), "{again:?}");
    folder.well(&["backup", BACKUP, "--force"]);
    folder.well(&["account", "remove", "p1@example.test", "--yes"]);

    let running = folder.run(&["restore", BACKUP, "--replace"]);
    assert!(running.code == Some(1) && running.err.contains("a server runs"), "{running:?}");
    drop(serving);
    let full = folder.run(&["restore", BACKUP]);
    assert!(full.code == Some(1) && full.err.contains("--replace"), "{full:?}");
    assert_eq!(accounts(&folder), 2);
    let verified = folder.json(&["restore", BACKUP, "--verify"]);
    assert_eq!(verified["masterKeyFits"], json!(true));
    let restored = folder.json(&["restore", BACKUP, "--replace"]);
    assert!(restored["newEpoch"].as_i64() > restored["epoch"].as_i64(), "{restored}");
    assert_eq!(accounts(&folder), 3);
    let files: Vec<_> =
        fs::read_dir(folder.path().join("data")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name.to_string_lossy().contains("restore")), "{files:?}");
}

#[test]
fn a_backup_into_a_folder_is_named_after_the_moment() {
    let folder = peopled(1);
    fs::create_dir(folder.path().join("backups")).unwrap();
    let told = folder.json(&["backup", "backups"]);
    let file = told["file"].as_str().unwrap();
    assert!(file.starts_with("backups/trunkline-20") && file.ends_with("Z.backup"), "{file}");
    folder.well(&["restore", file, "--verify"]);
    // Faster than a second each: none is refused, none replaced.
    for _ in 0..3 {
        folder.well(&["backup", "backups", "--force"]);
    }
    assert_eq!(fs::read_dir(folder.path().join("backups")).unwrap().count(), 4);
    assert!(told["backup"]["createdAt"].as_str().unwrap().starts_with("20"), "{told}");
    let homeless = folder.run(&["backup", "nowhere/x.backup"]);
    assert!(homeless.err.contains("there is no folder nowhere"), "{homeless:?}");
    let folded = folder.run(&["restore", "backups", "--verify"]);
    assert!(folded.code == Some(1) && folded.err.contains("is a folder"), "{folded:?}");

    let nothing = Folder::new().run(&["backup", "x.backup"]);
    assert!(nothing.code == Some(1) && nothing.err.contains("no database yet"), "{nothing:?}");
}

#[test]
fn a_backup_says_which_key_it_needs_and_is_not_restored_without_it() {
    let folder = peopled(2);
    let key = folder.json(&["key", "show"])["id"].as_str().unwrap().to_owned();
    folder.well(&["backup", BACKUP]);
    let elsewhere = Folder::new();
    fs::copy(folder.path().join(BACKUP), elsewhere.path().join(BACKUP)).unwrap();
    let without = elsewhere.run(&["restore", BACKUP]);
    assert!(without.code == Some(1) && without.err.contains(&key), "{without:?}");
    assert!(!elsewhere.path().join("data/master.key").exists(), "no key is made that does not fit");
    fs::copy(folder.path().join("data/master.key"), elsewhere.path().join("data/master.key")).unwrap();
    elsewhere.well(&["restore", BACKUP]);
    assert_eq!(accounts(&elsewhere), 2);

    folder.well(&["account", "remove", "p1@example.test", "--yes"]);
    fs::remove_file(folder.path().join("data/master.key")).unwrap();
    fs::write(folder.path().join("data/master.key"), "A".repeat(43)).unwrap();
    fs::set_permissions(folder.path().join("data/master.key"), fs::Permissions::from_mode(0o600)).unwrap();
    for line in [&["restore", BACKUP, "--replace"][..], &["restore", BACKUP, "--verify"]] {
        let refused = folder.run(line);
        let name = format!("data/master.key.old-{key}");
        assert!(refused.code == Some(1) && refused.err.contains(&name), "{refused:?}");
        assert!(!refused.err.contains("cp "), "nothing that overwrites the key in force: {refused:?}");
    }
    assert_eq!(folder.run(&["restore", BACKUP, "--verify", "--without-key"]).code, Some(0));
    folder.well(&["restore", BACKUP, "--replace", "--without-key"]);
    assert_eq!(accounts(&folder), 2);
}

/// The key of an old backup was kept by the change of keys; it takes its place with the restore, and not before.
#[test]
fn an_old_backup_finds_its_key_beside_the_one_in_force() {
    let folder = peopled(2);
    let file = folder.path().join("data/master.key");
    let old = fs::read(&file).unwrap();
    folder.well(&["backup", "old.backup"]);
    let rotated = folder.json(&["key", "rotate", "--yes"]);
    let (from, to) = (rotated["from"].as_str().unwrap(), rotated["to"].as_str().unwrap());
    let kept = |id: &str| folder.path().join(format!("data/master.key.old-{id}"));
    let new = fs::read(&file).unwrap();
    assert_eq!(fs::read(kept(from)).unwrap(), old, "kept without being asked");

    assert_eq!(folder.json(&["restore", "old.backup", "--verify"])["masterKeyFits"], json!(true));
    assert_eq!(folder.run(&["restore", "old.backup"]).code, Some(1), "--replace is needed");
    assert_eq!((fs::read(&file).unwrap(), fs::read(kept(from)).unwrap()), (new.clone(), old.clone()));
    folder.well(&["restore", "old.backup", "--replace"]);
    assert_eq!((fs::read(&file).unwrap(), fs::read(kept(to)).unwrap()), (old.clone(), new.clone()));
    assert_eq!(accounts(&folder), 2);

    // As if the restore had been killed before it moved the keys.
    fs::rename(&file, kept(from)).unwrap();
    fs::rename(kept(to), &file).unwrap();
    assert_eq!(accounts(&folder), 2);
    assert_eq!((fs::read(&file).unwrap(), fs::read(kept(to)).unwrap()), (old, new));
    folder.well(&["key", "rotate", "--remove-old", "--yes"]);
    assert!(!kept(from).exists(), "removed because that was asked for");
}

/// The change of keys broke off between the database and the file: the key of one backup lies beside the other's.
#[test]
fn no_backup_loses_its_key_to_a_change_that_broke_off() {
    let folder = peopled(2);
    let (file, next) = (folder.path().join("data/master.key"), folder.path().join("data/master.key.next"));
    let old = fs::read(&file).unwrap();
    folder.well(&["backup", "old.backup"]);
    let rotated = folder.json(&["key", "rotate", "--yes"]);
    let new = fs::read(&file).unwrap();
    folder.well(&["backup", BACKUP]);
    let kept = |id: &str| fs::read(folder.path().join(format!("data/master.key.old-{id}"))).unwrap();
    let (from, to) = (rotated["from"].as_str().unwrap(), rotated["to"].as_str().unwrap());

    fs::rename(&file, &next).unwrap();
    fs::write(&file, &old).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(folder.json(&["restore", BACKUP, "--verify"])["masterKeyFits"], json!(true));
    let restored = folder.json(&["restore", BACKUP, "--replace"]);
    assert!(restored["keptKey"].as_str().unwrap().ends_with(from), "{restored}");
    assert_eq!((fs::read(&file).unwrap(), kept(from)), (new.clone(), old.clone()));
    assert_eq!((accounts(&folder), next.exists()), (2, false));

    // Now the other way: what is restored is under the key in force.
    fs::rename(&file, &next).unwrap();
    fs::write(&file, &old).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    folder.well(&["restore", "old.backup", "--replace"]);
    assert_eq!(folder.json(&["key", "show"])["id"], rotated["from"]);
    assert_eq!((kept(to), next.exists()), (new, false), "the other backup still needs it");
    folder.well(&["restore", BACKUP, "--replace"]);
    assert_eq!(folder.json(&["key", "show"])["id"], rotated["to"]);
}

/// Somebody has lost the key, or lets the server look for it in the wrong place.
#[test]
fn a_lost_key_is_told_with_the_way_out_which_is_one() {
    let folder = peopled(2);
    fs::remove_file(folder.path().join("data/master.key")).unwrap();
    let refused = folder.run(&["account", "list"]);
    assert!(refused.code == Some(1) && refused.err.contains("--without-key --replace"), "{refused:?}");
    let told = folder.well(&["backup", BACKUP]);
    assert!(told.contains("is missing") && !told.contains("keep a copy of"), "{told}");
    folder.well(&["restore", BACKUP, "--without-key", "--replace"]);
    assert_eq!(accounts(&folder), 2);
}

/// An admin without a readable database is the one who needs a backup.
#[test]
fn a_damaged_database_is_told_with_its_remedy_and_restored() {
    let folder = peopled(2);
    folder.well(&["backup", BACKUP]);
    let database = fs::read_dir(folder.path().join("data")).unwrap().map(|file| file.unwrap().path());
    let database = database.into_iter().find(|path| path.extension().is_some_and(|end| end == "db")).unwrap();
    fs::write(&database, "garbage ".repeat(2_000)).unwrap();
    for line in [&["account", "list"][..], &["restore", BACKUP]] {
        let refused = folder.run(line);
        assert!(refused.code == Some(1) && refused.err.contains("--replace"), "{refused:?}");
    }
    let told = folder.well(&["restore", BACKUP, "--replace"]);
    let named = told.split_whitespace().find(|word| word.contains(".damaged-")).unwrap();
    let aside = folder.path().join(named.trim_end_matches(','));
    assert!(fs::read_to_string(aside).unwrap().starts_with("garbage "), "{told}");
    assert_eq!(accounts(&folder), 2);
}

/// A restore is killed at ever later moments: the database is the old one or the new one, and never half of one.
#[test]
fn a_restore_that_is_killed_leaves_all_of_the_old_or_all_of_the_new() {
    let folder = peopled(600);
    folder.well(&["backup", BACKUP]);
    folder.well(&["account", "remove", "p1@example.test", "--yes"]);
    let (mut old, mut new) = (0, 0);
    for round in 1..=200 {
        let line = ["restore", BACKUP, "--replace", "--json"];
        let mut command = folder.command(&line);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(round * 4)); // tidy: poll
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        match accounts(&folder) {
            599 => old += 1,
            600 => new += 1,
            other => panic!("{other} accounts"),
        }
        if new > 0 {
            let told = serde_json::from_slice::<Value>(&output.stdout).is_ok();
            if told || new > 1 {
                break;
            }
        } else {
            assert!(output.stdout.is_empty(), "what was told to be restored is");
        }
    }
    assert!(old > 0 && new > 0, "killed early {old} times, late {new} times");
}

#[test]
fn a_plan_of_the_schema_changes_nothing() {
    let folder = Folder::new();
    let plan = folder.json(&["migrate", "--dry-run"]);
    assert_eq!((&plan["done"], &plan["plan"]["found"]), (&json!(false), &json!(null)));
    assert!(!folder.path().join("data").exists());
    assert!(folder.well(&["migrate"]).contains("new database"));
    assert!(folder.well(&["migrate", "--dry-run"]).contains("up to date"));
    let _serving = folder.serve();
    assert!(folder.well(&["migrate"]).contains("up to date"));
}
