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
