use std::{fs, io::Read, process::Stdio};

use serde_json::json;

use crate::program::Folder;

fn master_key(folder: &Folder) -> String {
    fs::read_to_string(folder.path().join("data/master.key")).unwrap()
}

#[test]
fn the_key_changes_under_a_running_server_and_is_good_after_a_restart() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let serving = folder.serve();
    let (before, old) = (folder.json(&["key", "show"]), master_key(&folder));
    let refused = folder.run(&["key", "rotate"]);
    assert_eq!(refused.code, Some(2), "nobody is there to ask: {refused:?}");
    folder.well(&["activation", "issue", "alice@example.test"]);
    let rotated = folder.json(&["key", "rotate", "--yes"]);
    assert_eq!((&rotated["from"], &rotated["void"]), (&before["id"], &json!(["sip:alice@example.test"])));
    assert_ne!(master_key(&folder), old);
    assert_eq!(fs::read_to_string(folder.path().join(rotated["kept"].as_str().unwrap())).unwrap(), old);

    drop(serving);
    let _again = folder.serve();
    assert_eq!(folder.json(&["key", "show"])["id"], rotated["to"]);
}

/// Somebody has copied another key over the file while the server runs: the one in force is in its memory alone.
#[test]
fn a_key_that_was_written_over_is_not_said_to_be_kept() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let _serving = folder.serve();
    let old = folder.json(&["key", "show"])["id"].as_str().unwrap().to_owned();
    folder.write("data/master.key", &"A".repeat(43));
    let refused = folder.run(&["key", "rotate", "--yes"]);
    assert!(refused.code == Some(1) && refused.err.contains(&old), "{refused:?}");
    assert_eq!(folder.json(&["key", "show"])["id"], old, "nothing is changed");
    let rotated = folder.json(&["key", "rotate", "--remove-old", "--yes"]);
    let [kept] = &rotated["others"].as_array().unwrap()[..] else { panic!("{rotated}") };
    let kept = fs::read_to_string(folder.path().join(kept.as_str().unwrap())).unwrap();
    assert_eq!(kept.trim(), "A".repeat(43), "the other one is somebody's too");
}

/// A change that failed at the database has kept the old key; one that is to remove it finds it.
#[test]
fn a_removed_key_lies_nowhere_and_others_are_told() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let first = folder.json(&["key", "rotate", "--yes"])["kept"].clone();
    let now = folder.json(&["key", "show"])["id"].as_str().unwrap().to_owned();
    let left = format!("data/master.key.old-{now}");
    fs::copy(folder.path().join("data/master.key"), folder.path().join(&left)).unwrap();
    let rotated = folder.json(&["key", "rotate", "--remove-old", "--yes"]);
    assert_eq!(rotated["from"], now);
    assert!(!folder.path().join(&left).exists());
    assert_eq!(rotated["others"], json!([first]));
}

/// A restore or a change of keys was killed, or somebody has moved the file aside under the name that the words gave.
#[test]
fn a_missing_key_is_found_beside_its_place() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let (id, file) = (folder.json(&["key", "show"])["id"].clone(), folder.path().join("data/master.key"));
    let old = folder.path().join(format!("data/master.key.old-{}", id.as_str().unwrap()));
    for beside in [old, folder.path().join("data/master.key.next")] {
        fs::rename(&file, &beside).unwrap();
        if !beside.ends_with("master.key.next") {
            folder.write("data/master.key.next", "cut by a full di");
        }
        assert_eq!(folder.json(&["key", "show"])["id"], id, "from {}", beside.display());
        assert!(file.exists() && !beside.exists());
    }
}

#[test]
fn a_wrong_master_key_is_refused_in_plain_words() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let id = folder.json(&["key", "show"])["id"].as_str().unwrap().to_owned();
    folder.write("data/master.key", &"A".repeat(43));
    for line in [&["serve"][..], &["account", "list"]] {
        let refused = folder.run(line);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{refused:?}");
        for word in [&id, "does not fit", "master.key", "try:"] {
            assert!(refused.err.contains(word), "{word} in {}", refused.err);
        }
    }
}

/// The change is killed at ever later moments; whatever it has done by then, the next command gets in.
#[test]
fn a_change_of_keys_that_is_killed_locks_nobody_out() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let mut ended = false;
    for round in 0..200 {
        let mut child = folder
            .command(&["key", "rotate", "--yes", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(round * 2_500)); // tidy: poll
        child.kill().unwrap();
        child.wait().unwrap();
        let mut out = String::new();
        child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let shown = folder.json(&["key", "show"]);
        assert!(!folder.path().join("data/master.key.next").exists(), "nothing is left over");
        if let Ok(rotated) = serde_json::from_str::<serde_json::Value>(&out) {
            assert_eq!(rotated["to"], shown["id"], "what was told holds");
            ended = true;
            break;
        }
    }
    assert!(ended, "no change of keys came to its end");
}
