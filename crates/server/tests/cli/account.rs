use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;

use crate::program::Folder;

#[test]
fn accounts_can_be_kept_before_the_first_serve() {
    let folder = Folder::new();
    let added = folder.well(&[
        "account",
        "add",
        "SIP:Alice@Example.test",
        "--name",
        "Alice Example",
        "--title",
        "Engineer",
    ]);
    assert!(added.contains("sip:alice@example.test is added"), "{added}");
    assert!(added.contains("is local"), "{added}");
    walk_through(&folder);

    let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("data"), 0o700);
    assert_eq!(mode("data/master.key"), 0o600);
}

#[test]
fn accounts_can_be_kept_while_the_server_runs() {
    let folder = Folder::new();
    let _serving = folder.serve();
    folder.well(&["account", "add", "alice@example.test", "--name", "Alice Example", "--title", "Engineer"]);
    walk_through(&folder);
}

/// Needs an Alice in an otherwise empty database.
fn walk_through(folder: &Folder) {
    let bob = folder.json(&["account", "add", "sip:bob@corp.test"]);
    assert_eq!((&bob["address"], &bob["backend"]), (&json!("sip:bob@corp.test"), &json!("xmpp")));

    let all = folder.json(&["account", "list"]);
    let names: Vec<_> =
        all["accounts"].as_array().unwrap().iter().map(|account| &account["address"]).collect();
    assert_eq!(names, ["sip:alice@example.test", "sip:bob@corp.test"]);

    folder.well(&["account", "set", "alice@example.test", "--title", "", "--email", "alice@example.test"]);
    let alice = folder.json(&["account", "show", "alice@example.test"]);
    assert_eq!(
        (&alice["displayName"], &alice["title"], &alice["email"], &alice["enabled"], &alice["backend"]),
        (&json!("Alice Example"), &json!(""), &json!("alice@example.test"), &json!(true), &json!("local"))
    );

    assert_eq!(folder.json(&["account", "disable", "alice@example.test"])["enabled"], json!(false));
    assert!(folder.well(&["account", "list"]).contains("disabled"));
    assert_eq!(folder.json(&["account", "enable", "alice@example.test"])["enabled"], json!(true));

    let twice = folder.run(&["account", "add", "alice@example.test"]);
    assert_eq!((twice.code, twice.out.as_str()), (Some(1), ""));
    assert!(twice.err.contains("already an account sip:alice@example.test"), "{}", twice.err);

    folder.well(&["account", "remove", "bob@corp.test", "--yes"]);
    let gone = folder.run(&["account", "show", "bob@corp.test", "--json"]);
    assert_eq!((gone.code, gone.out.as_str()), (Some(1), ""));
    assert!(gone.err.contains("there is no account sip:bob@corp.test"), "{}", gone.err);
}

#[test]
fn what_cannot_be_undone_needs_consent() {
    let folder = Folder::new();
    folder.well(&["account", "add", "alice@example.test"]);
    let refused = folder.run(&["account", "remove", "alice@example.test"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("--yes"), "{}", refused.err);
    folder.well(&["account", "show", "alice@example.test"]);
}

#[test]
fn a_wrong_command_line_is_told_from_a_failure() {
    let folder = Folder::new();
    for line in [
        &["account", "add", "nobody"][..],
        &["account", "frobnicate"],
        &["activation", "issue", "a@b.test", "--expires", "soon"],
    ] {
        let outcome = folder.run(line);
        assert_eq!((outcome.code, outcome.out.as_str()), (Some(2), ""), "{line:?}: {outcome:?}");
    }
    assert!(!folder.path().join("data").exists(), "a wrong command line leaves no trace");
}

#[test]
fn lists_longer_than_a_page_are_whole() {
    let folder = Folder::new();
    let _serving = folder.serve();
    let addresses: Vec<_> = (0..205).map(|n| format!("sip:p{n:03}@example.test")).collect();
    for address in &addresses {
        let reply = folder.say(&format!(
            r#"{{"do":"accountAdd","address":"{address}","profile":{{}}}}
"#
        ));
        assert!(reply.starts_with(r#"{"reply":"account""#), "{reply}");
    }
    let all = folder.json(&["account", "list"]);
    let listed: Vec<_> =
        all["accounts"].as_array().unwrap().iter().map(|a| a["address"].as_str().unwrap()).collect();
    assert_eq!(listed, addresses);
    assert_eq!(folder.json(&["device", "list"]), json!({ "devices": [] }));
}

/// The audit log is read by more people than the directory.
#[test]
fn what_is_refused_of_a_person_is_named_and_not_shown() {
    let folder = Folder::new();
    let _serving = folder.serve();
    let phone = "5".repeat(5_000);
    for (line, named) in [
        (["--name", "Quentin\tTarantella"], "the name cannot be kept"),
        (["--phone", &phone], "the phone cannot be kept"),
    ] {
        let refused = folder.run(&[&["account", "add", "q@example.test"], &line[..]].concat());
        assert!(refused.code == Some(1) && refused.err.contains(named), "{refused:?}");
        assert!(folder.log().contains(named), "{}", folder.log());
    }
    for shown in ["Quentin", "Tarantella", "5555555"] {
        assert!(!folder.log().contains(shown), "{}", folder.log());
    }
}
